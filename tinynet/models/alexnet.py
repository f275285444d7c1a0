"""AlexNet: the table of the 2012 paper as code, the versions of it that people use, its ingredients as switches.

Source: Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012.
"""
from functools import partial
from typing import NamedTuple

from ..errors import ArgumentError
from ..layers import Conv2d, Flatten, Linear, SpatialResponseNorm
from ..layers.base import Layer
from ..network import Network
from ..ops.checks import check_count
from .alexnet_notes import HINTS, PREPROCESSING, RECIPES, notes
from .parts import Initialization, choose, dropout_layer, initial_weights
from .switches import Switches, check_switches

# The order of the layers. "relu" stands for whichever activation is chosen.
PAPER = """
    conv1 relu1 norm1 pool1
    conv2 relu2 norm2 pool2
    conv3 relu3
    conv4 relu4
    conv5 relu5 pool5 flatten
    fc6 relu6 dropout6
    fc7 relu7 dropout7
    fc8"""

PROGRAM = """
    conv1 norm1 pool1 relu1
    conv2 relu2 norm2 spatial2 pool2
    conv3 relu3
    conv4 relu4
    conv5 pool5 relu5 flatten
    fc6 relu6 dropout6
    fc7 relu7 dropout7
    fc8"""

CAFFENET = PAPER.replace("norm1 pool1", "pool1 norm1").replace("norm2 pool2", "pool2 norm2")

TORCHVISION = """
    conv1 relu1 norm1 pool1
    conv2 relu2 norm2 pool2
    conv3 relu3
    conv4 relu4
    conv5 relu5 pool5 flatten
    dropout6 fc6 relu6
    dropout7 fc7 relu7
    fc8"""

# Initial weights N(0, std**2) and biases, as (std, bias).
TEXT: Initialization = {  # the paper's section 5
    "conv1": (0.01, 0), "conv2": (0.01, 1), "conv3": (0.01, 0), "conv4": (0.01, 1), "conv5": (0.01, 1),
    "fc6": (0.01, 1), "fc7": (0.01, 1), "fc8": (0.01, 0),
}
AUTHORS: Initialization = TEXT | {  # their program's layers-145.cfg
    "conv3": (0.03, 0), "conv4": (0.03, 1), "conv5": (0.03, 1),
}
CAFFENET_WEIGHTS: Initialization = TEXT | {"fc6": (0.005, 1), "fc7": (0.005, 1)}
CAFFE_WEIGHTS: Initialization = {name: (std, 0.1 * bias) for name, (std, bias) in CAFFENET_WEIGHTS.items()}


class Version(NamedTuple):
    """What sets one version of AlexNet apart; the defaults are the paper's."""

    order: str = PAPER
    input_size: int = 227
    filters: tuple[int, ...] = (96, 256, 384, 384, 256)
    padding: int = 0                      # of conv1
    ceil_mode: bool = False               # round sizes up: in the convolutions ...
    ceil_pools: bool = False              # ... and in the pooling
    towers: int = 2                       # groups of conv2, conv4 and conv5
    norm_towers: int = 2                  # groups of the local response normalization
    alpha: float = 1e-4                   # multiplies the sum over 5 channels; 1e-4 / 5 is 1e-4 times their mean
    k: float = 2.0
    initialization: Initialization = AUTHORS


VERSIONS = {
    "paper": Version(),
    "ungrouped": Version(towers=1, norm_towers=1),
    "source2012": Version(PROGRAM, input_size=224, ceil_mode=True, ceil_pools=True, alpha=1e-4 / 5),
    "caffe": Version(ceil_pools=True, norm_towers=1, alpha=1e-4 / 5, k=1.0, initialization=CAFFE_WEIGHTS),
    "caffenet": Version(
        CAFFENET, ceil_pools=True, norm_towers=1, alpha=1e-4 / 5, k=1.0, initialization=CAFFENET_WEIGHTS,
    ),
    "torchvision": Version(TORCHVISION, input_size=224, filters=(64, 192, 384, 256, 256), padding=2, towers=1),
}


def alexnet(
    variant: str = "paper", classes: int = 1000, activation: str = "relu", normalization: str | None = "variant",
    overlapping_pooling: bool = True, dropout: float | None = 0.5, init: str = "authors", seed: int = 0,
) -> Network:
    """Return AlexNet, from (227, 227, 3) pixels of 0 to 255 minus their mean to scores for the classes.

    Parameters
    ----------
    variant : str
        "paper" : two towers, 60,965,224 parameters.
        "ungrouped" : one tower, 62,378,344 parameters.
        "source2012" : the authors' own program, which differs from their text; 224 x 224, sizes rounded up.
        "caffe", "caffenet" : bvlc_alexnet and bvlc_reference_caffenet.
        "torchvision" : the narrower network of 2014 without normalization; 224 x 224, 61,100,840 parameters.
    classes : int
        How many scores fc8 gives.
    activation : str
        "relu", "tanh" or "sigmoid"; its layers are named after it, "tanh1".
    normalization : str or None
        "variant" : what the variant has: local response normalization, in torchvision none.
        "lrn", "batch" or None : local response normalization, batch normalization in its place, none.
    overlapping_pooling : bool
        False: windows of 2 x 2 instead of 3 x 3, rounding down in every variant, so that fc6 sees 6 x 6 still.
    dropout : float or None
        The probability to drop; 0 or None leaves the dropout layers out.
    init : str
        "authors" : the initialization in the program that the variant comes from (for torchvision, which uses PyTorch's
        general rule, that in its designer's own program, cuda-convnet2: the same as the paper's).
        "text" : N(0, 0.01²) everywhere and biases of 1, the paper's words; the loss stays at ln(classes) for long.
        "he" : the scale that keeps activations at theirs, see `parts.he_initialization`.
    seed : int
        Each layer draws from its own generator, seeded with (seed, its number).

    Returns
    -------
    Network
        With `notes` on its choices and the `recipe` to train it; of caffe, caffenet and torchvision
        `recipe["preprocessing"]` is what their published weights expect. The softmax belongs to the loss.

    Raises
    ------
    ArgumentError
        For a value that is not in these lists, or "lrn" with torchvision.
    """
    choose("alexnet", "variant", variant, VERSIONS)
    choose("alexnet", "normalization", normalization, ("variant", "lrn", "batch", None))
    check_count("alexnet", "classes", classes, least=2)
    seed = check_count("alexnet", "seed", seed, least=0)
    if normalization == "variant":
        normalization = None if variant == "torchvision" else "lrn"
    if variant == "torchvision" and normalization == "lrn":
        raise ArgumentError("alexnet: torchvision's AlexNet has no local response normalization: choose another "
                            "variant")
    switches = check_switches("alexnet", activation, normalization, overlapping_pooling, dropout, init)
    version = VERSIONS[variant]
    initialization = switches.initialization(version.initialization, TEXT, fan_in(version))
    expected = {"preprocessing": PREPROCESSING[variant]} if variant in PREPROCESSING else {}
    return Network(
        switches.arrange(version.order, table(version, classes, initialization, seed, switches)),
        name="alexnet" if variant == "paper" else f"alexnet-{variant}",
        input_shape=(version.input_size, version.input_size, 3),
        hint=HINTS[variant],
        notes=notes(variant, switches),
        recipe=RECIPES.get(variant, RECIPES["paper"]) | {"initialization": initialization} | expected,
    )


def table(
    version: Version, classes: int, initialization: Initialization, seed: int, switches: Switches
) -> dict[str, Layer]:
    """Return the layers other than activations by name; sizes at line ends are the paper's."""
    c1, c2, c3, c4, c5 = version.filters                       # 96, 256, 384, 384, 256
    towers, up = version.towers, version.ceil_mode
    initial = partial(initial_weights, initialization, seed=seed)
    norm = partial(switches.norm, alpha=version.alpha, k=version.k, groups=version.norm_towers)
    pool = partial(switches.pool, version.ceil_pools)
    dropout = partial(dropout_layer, p=switches.dropout, seed=seed)
    return {                                                                                        # from 227 x 227 x 3
        "conv1": Conv2d(3, c1, 11, 4, version.padding, ceil_mode=up, **initial("conv1")),           # 55 x 55 x 96
        "norm1": norm(c1),
        "pool1": pool(),                                                                            # 27 x 27 x 96
        "conv2": Conv2d(c1, c2, 5, 1, padding=2, groups=towers, ceil_mode=up, **initial("conv2")),  # 27 x 27 x 256
        "norm2": norm(c2),
        "spatial2": SpatialResponseNorm(5, alpha=0.001 / 25, beta=0.75, k=2.0),
        "pool2": pool(),                                                                            # 13 x 13 x 256
        "conv3": Conv2d(c2, c3, 3, 1, padding=1, ceil_mode=up, **initial("conv3")),                 # 13 x 13 x 384
        "conv4": Conv2d(c3, c4, 3, 1, padding=1, groups=towers, ceil_mode=up, **initial("conv4")),  # 13 x 13 x 384
        "conv5": Conv2d(c4, c5, 3, 1, padding=1, groups=towers, ceil_mode=up, **initial("conv5")),  # 13 x 13 x 256
        "pool5": pool(),                                                                            # 6 x 6 x 256
        "flatten": Flatten(),                                                                       # 9216
        "dropout6": dropout("dropout6"),
        "fc6": Linear(6 * 6 * c5, 4096, **initial("fc6")),
        "dropout7": dropout("dropout7"),
        "fc7": Linear(4096, 4096, **initial("fc7")),
        "fc8": Linear(4096, classes, **initial("fc8")),
    }


def fan_in(version: Version) -> dict[str, int]:
    """Return how many inputs one output of each layer sums over."""
    c1, c2, c3, c4, c5 = version.filters
    return {
        "conv1": 11 * 11 * 3, "conv2": 5 * 5 * c1 // version.towers, "conv3": 3 * 3 * c2,
        "conv4": 3 * 3 * c3 // version.towers, "conv5": 3 * 3 * c4 // version.towers,
        "fc6": 6 * 6 * c5, "fc7": 4096, "fc8": 4096,
    }
