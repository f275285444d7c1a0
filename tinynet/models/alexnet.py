"""AlexNet: the table of the 2012 paper as code, the versions of it that people use, its ingredients as switches.

Source: Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012.
"""
from typing import Any, NamedTuple

from ..errors import ArgumentError
from ..layers import BatchNorm2d, Conv2d, Flatten, Linear, LocalResponseNorm, MaxPool2d, SpatialResponseNorm
from ..layers.base import Layer
from ..network import Network
from ..ops.checks import check_count
from .alexnet_notes import HINTS, RECIPES, notes
from .parts import ACTIVATIONS, Start, check_seed, choose, drop_probability, dropout_layer, he_start, weights

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

# What weights and biases start with: N(0, std**2), bias.
TEXT: Start = {  # the paper's section 5
    "conv1": (0.01, 0), "conv2": (0.01, 1), "conv3": (0.01, 0), "conv4": (0.01, 1), "conv5": (0.01, 1),
    "fc6": (0.01, 1), "fc7": (0.01, 1), "fc8": (0.01, 0),
}
AUTHORS: Start = TEXT | {"conv3": (0.03, 0), "conv4": (0.03, 1), "conv5": (0.03, 1)}  # their program's layers-145.cfg
CAFFENET_START: Start = TEXT | {"fc6": (0.005, 1), "fc7": (0.005, 1)}
CAFFE_START: Start = {name: (std, 0.1 * bias) for name, (std, bias) in CAFFENET_START.items()}


class Version(NamedTuple):
    """What sets one version of AlexNet apart; the defaults are the paper's."""

    order: str = PAPER
    input_size: int = 227
    filters: tuple[int, ...] = (96, 256, 384, 384, 256)
    padding: int = 0                      # of conv1
    ceil_mode: bool = False               # round sizes up: in the convolutions ...
    ceil_pools: bool = False              # ... and in the pooling
    towers: int = 2                       # groups of conv2, conv4 and conv5
    norm_towers: int = 2                  # groups of the local response normalisation
    alpha: float = 1e-4                   # multiplies the sum over 5 channels; 1e-4 / 5 is 1e-4 times their mean
    k: float = 2.0
    start: Start = AUTHORS


VERSIONS = {
    "paper": Version(),
    "ungrouped": Version(towers=1, norm_towers=1),
    "source2012": Version(PROGRAM, input_size=224, ceil_mode=True, ceil_pools=True, alpha=1e-4 / 5),
    "caffe": Version(ceil_pools=True, norm_towers=1, alpha=1e-4 / 5, k=1.0, start=CAFFE_START),
    "caffenet": Version(CAFFENET, ceil_pools=True, norm_towers=1, alpha=1e-4 / 5, k=1.0, start=CAFFENET_START),
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
        "torchvision" : the narrower network of 2014 without normalisation; 224 x 224, 61,100,840 parameters.
    classes : int
        How many scores fc8 gives.
    activation : str
        "relu", "tanh" or "sigmoid"; its layers are named after it, "tanh1".
    normalization : str or None
        "variant" : what the variant has: local response normalisation, in torchvision none.
        "lrn", "batch" or None : local response normalisation, batch normalisation in the same places, none.
    overlapping_pooling : bool
        False: windows of 2 x 2 instead of 3 x 3, rounding down in every variant, so that fc6 sees 6 x 6 still.
    dropout : float or None
        The probability to drop; 0 or None leaves the dropout layers out.
    init : str
        "authors" : the start of the program that the variant comes from (for torchvision, whose weights come with
        PyTorch's general rule, that of its designer's own program, cuda-convnet2: the same as the paper's).
        "text" : N(0, 0.01) everywhere and biases of 1, the paper's words; the loss stays at ln(classes) for long.
        "he" : the scale that keeps activations at theirs, see `parts.he_start`.
    seed : int
        Each layer draws from its own generator, seeded with (seed, its place).

    Returns
    -------
    Network
        With `notes` on its choices and the `recipe` to train it. The softmax belongs to the loss.

    Raises
    ------
    ArgumentError
        For a value that is not in these lists, or "lrn" with torchvision.
    """
    choose("alexnet", "variant", variant, VERSIONS)
    choose("alexnet", "activation", activation, ACTIVATIONS)
    choose("alexnet", "normalization", normalization, ("variant", "lrn", "batch", None))
    choose("alexnet", "overlapping_pooling", overlapping_pooling, (True, False))
    choose("alexnet", "init", init, ("authors", "text", "he"))
    check_count("alexnet", "classes", classes, least=2)
    p = drop_probability("alexnet", dropout)
    version = VERSIONS[variant]
    if normalization == "variant":
        normalization = None if variant == "torchvision" else "lrn"
    if variant == "torchvision" and normalization == "lrn":
        raise ArgumentError("alexnet: torchvision's AlexNet has no local response normalisation: take another variant")

    left_out = [] if normalization == "lrn" else ["spatial2"]
    left_out += ["norm1", "norm2"] if normalization is None else []
    left_out += [] if p else ["dropout6", "dropout7"]
    order = [name.replace("relu", activation) for name in version.order.split() if name not in left_out]

    start = {"authors": version.start, "text": TEXT}.get(init) or he_start(fan_in(version), activation)
    layers = table(version, classes, start, check_seed("alexnet", seed), normalization, overlapping_pooling, p)
    layers |= {f"{activation}{i}": ACTIVATIONS[activation]() for i in range(1, 8)}
    return Network(
        [(name, layers[name]) for name in order],
        name="alexnet" if variant == "paper" else f"alexnet-{variant}",
        input_shape=(version.input_size, version.input_size, 3),
        hint=HINTS[variant],
        notes=notes(variant, activation, normalization, overlapping_pooling, p, init),
        recipe=RECIPES.get(variant, RECIPES["paper"]) | {"start": start},
    )


def table(
    version: Version, classes: int, start: Start, seed: int, normalization: str | None, overlapping_pooling: bool,
    p: float,
) -> dict[str, Layer]:
    """Return the layers other than activations by name; sizes at line ends are the paper's."""
    c1, c2, c3, c4, c5 = version.filters                       # 96, 256, 384, 384, 256
    towers, up = version.towers, version.ceil_mode

    def begin(name: str) -> dict[str, Any]:
        return weights(start, name, seed)

    def norm(channels: int) -> Layer:
        if normalization == "batch":
            return BatchNorm2d(channels)
        return LocalResponseNorm(5, alpha=version.alpha, beta=0.75, k=version.k, groups=version.norm_towers)

    def pool() -> Layer:
        return MaxPool2d(3, 2, ceil_mode=version.ceil_pools) if overlapping_pooling else MaxPool2d(2, 2)

    return {                                                   # from 227 x 227 x 3
        "conv1": Conv2d(3, c1, 11, 4, version.padding, ceil_mode=up, **begin("conv1")),           # 55 x 55 x 96
        "norm1": norm(c1),
        "pool1": pool(),                                                                          # 27 x 27 x 96
        "conv2": Conv2d(c1, c2, 5, 1, padding=2, groups=towers, ceil_mode=up, **begin("conv2")),  # 27 x 27 x 256
        "norm2": norm(c2),
        "spatial2": SpatialResponseNorm(5, alpha=0.001 / 25, beta=0.75, k=2.0),
        "pool2": pool(),                                                                          # 13 x 13 x 256
        "conv3": Conv2d(c2, c3, 3, 1, padding=1, ceil_mode=up, **begin("conv3")),                 # 13 x 13 x 384
        "conv4": Conv2d(c3, c4, 3, 1, padding=1, groups=towers, ceil_mode=up, **begin("conv4")),  # 13 x 13 x 384
        "conv5": Conv2d(c4, c5, 3, 1, padding=1, groups=towers, ceil_mode=up, **begin("conv5")),  # 13 x 13 x 256
        "pool5": pool(),                                                                          # 6 x 6 x 256
        "flatten": Flatten(),                                                                     # 9216
        "dropout6": dropout_layer("dropout6", p, seed),
        "fc6": Linear(6 * 6 * c5, 4096, **begin("fc6")),
        "dropout7": dropout_layer("dropout7", p, seed),
        "fc7": Linear(4096, 4096, **begin("fc7")),
        "fc8": Linear(4096, classes, **begin("fc8")),
    }


def fan_in(version: Version) -> dict[str, int]:
    """Return how many inputs one output of each layer sums over."""
    c1, c2, c3, c4, c5 = version.filters
    return {
        "conv1": 11 * 11 * 3, "conv2": 5 * 5 * c1 // version.towers, "conv3": 3 * 3 * c2,
        "conv4": 3 * 3 * c3 // version.towers, "conv5": 3 * 3 * c4 // version.towers,
        "fc6": 6 * 6 * c5, "fc7": 4096, "fc8": 4096,
    }
