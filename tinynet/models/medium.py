"""AlexNet for photographs of 127 pixels: one of the paper's towers, or both; it trains in an hour or two."""
from functools import partial
from typing import Any

from ..layers import Conv2d, Flatten, Linear
from ..layers.base import Layer
from ..network import Network
from ..ops.checks import check_count
from .alexnet_notes import switch_notes
from .parts import Initialization, choose, dropout_layer, he_initialization, initial_weights
from .switches import Switches, check_switches

ORDER = """
    conv1 relu1 norm1 pool1
    conv2 relu2 norm2 pool2
    conv3 relu3
    conv4 relu4
    conv5 relu5 pool5 flatten
    dropout6 fc6 relu6
    dropout7 fc7"""

# The paper's section 5, and what its authors' program has instead (layers-145.cfg).
TEXT: Initialization = {
    "conv1": (0.01, 0), "conv2": (0.01, 1), "conv3": (0.01, 0), "conv4": (0.01, 1), "conv5": (0.01, 1),
    "fc6": (0.01, 1), "fc7": (0.01, 0),
}
AUTHORS: Initialization = TEXT | {"conv3": (0.03, 0), "conv4": (0.03, 1), "conv5": (0.03, 1)}
SMALL_CONV1 = 0.03  # of He's initial weights
DEVIATION = 58.0   # about that of photographs' pixels, which "small-conv1" wants divided by it

NOTES = {
    1: "One tower of the paper's network, for images of 127 pixels; fc6 has 512 units, and there is no fc8. "
       "Dropout stands before fc6 and fc7, as in torchvision.",
    2: "The paper's two towers, for images of 127 pixels; fc6 has 512 units a tower, and there is no fc8. A tower sees "
       "the other one's maps in conv3, fc6 and fc7. Dropout stands before fc6 and fc7, as in torchvision.",
}

SMALL_NOTE = (
    "He's initialization, for pixels divided by 58, but 0.03 of it in conv1: what its filters learn soon "
    "outgrows the noise that they began with.")

RECIPE: dict[str, Any] = {
    "learning_rate": 0.01, "bias_rate": 1.0, "momentum": 0.9, "weight_decay": 5e-4, "decay_biases": True,
    "batch_size": 64, "epochs": 50, "schedule": {"kind": "step", "epochs": [34, 45], "factor": 0.1},
    "augmentation": {"crop": True, "mirror": True, "pad": 0, "colour": True, "stretch": 1 / 3},
    "mean": "colour",
}


def alexnet_medium(
    towers: int = 1, classes: int = 10, activation: str = "relu", normalization: str | None = "lrn",
    overlapping_pooling: bool = True, dropout: float | None = 0.5, init: str = "small-conv1", seed: int = 0,
) -> Network:
    """Return one tower of AlexNet, or both, from (127, 127, 3) pixels to scores.

    The pixels are 0 to 255 minus their mean; with the default `init` they are divided by 58, too.

    Parameters
    ----------
    towers : int
        1: 1,213,642 parameters with ten classes, 74 million multiply-adds an image. 2: two of them side by side, which
        meet where the paper's towers meet; 3,393,930 parameters.
    classes : int
        How many scores fc7 gives.
    activation, normalization, overlapping_pooling, dropout, seed
        As for `alexnet`; normalization is "lrn", "batch" or None.
    init : str
        "small-conv1" : He's, for pixels divided by their deviation (the recipe does it), with 0.03 of it in conv1:
        what a filter learns soon outgrows the noise that it began with, and edges and colours can be seen.
        "authors", "text", "he" : as for `alexnet`.

    Returns
    -------
    Network
        With `notes` on its choices and the `recipe` to train it. The softmax belongs to the loss.

    Raises
    ------
    ArgumentError
        For a value that is not in these lists.
    """
    choose("alexnet_medium", "towers", towers, (1, 2))
    check_count("alexnet_medium", "classes", classes, least=2)
    seed = check_count("alexnet_medium", "seed", seed, least=0)
    choose("alexnet_medium", "init", init, ("small-conv1", "authors", "text", "he"))
    small = init == "small-conv1"
    switches = check_switches(
        "alexnet_medium", activation, normalization, overlapping_pooling, dropout, "he" if small else init)
    initialization = switches.initialization(AUTHORS, TEXT, fan_in(towers, switches))
    if small:
        initialization = he_initialization(fan_in(towers, switches), activation, deviation=1.0)
        std, bias = initialization["conv1"]
        initialization["conv1"] = SMALL_CONV1 * std, bias
    about = switch_notes(switches) | ({"initialization": SMALL_NOTE} if small else {})
    return Network(
        switches.arrange(ORDER, table(towers, classes, initialization, seed, switches)),
        name="alexnet-medium" if towers == 1 else "alexnet-medium-two-towers", input_shape=(127, 127, 3),
        hint="Give 127 x 127.", notes=[NOTES[towers], *about.values()],
        recipe=RECIPE | {"initialization": initialization} | ({"deviation": DEVIATION} if small else {}),
    )


def table(
    towers: int, classes: int, initialization: Initialization, seed: int, switches: Switches
) -> dict[str, Layer]:
    """Return the layers other than activations by name; sizes at line ends are those of one tower."""
    t = towers
    initial = partial(initial_weights, initialization, seed=seed)
    norm, pool = partial(switches.norm, groups=t), switches.pool
    dropout = partial(dropout_layer, p=switches.dropout, seed=seed)
    return {                                                                           # from 127 x 127 x 3
        "conv1": Conv2d(3, 48 * t, 11, 4, **initial("conv1")),                         # 30 x 30 x 48
        "norm1": norm(48 * t),
        "pool1": pool(),                                                               # 14 x 14 x 48
        "conv2": Conv2d(48 * t, 128 * t, 5, padding=2, groups=t, **initial("conv2")),  # 14 x 14 x 128
        "norm2": norm(128 * t),
        "pool2": pool(),                                                               # 6 x 6 x 128
        "conv3": Conv2d(128 * t, 192 * t, 3, padding=1, **initial("conv3")),           # 6 x 6 x 192
        "conv4": Conv2d(192 * t, 192 * t, 3, padding=1, groups=t, **initial("conv4")),  # 6 x 6 x 192
        "conv5": Conv2d(192 * t, 128 * t, 3, padding=1, groups=t, **initial("conv5")),  # 6 x 6 x 128
        "pool5": pool(),                                                               # 2 x 2 x 128
        "flatten": Flatten(),                                                          # 512
        "dropout6": dropout("dropout6"),
        "fc6": Linear(features(t, switches), 512 * t, **initial("fc6")),
        "dropout7": dropout("dropout7"),
        "fc7": Linear(512 * t, classes, **initial("fc7")),
    }


def features(towers: int, switches: Switches) -> int:
    """Return how many inputs fc6 has: 2 x 2 x 128 a tower, without overlap in pooling 3 x 3 x 128."""
    side = 2 if switches.overlapping_pooling else 3
    return side * side * 128 * towers


def fan_in(towers: int, switches: Switches) -> dict[str, int]:
    """Return how many inputs one output of each layer sums over."""
    return {
        "conv1": 11 * 11 * 3, "conv2": 5 * 5 * 48, "conv3": 3 * 3 * 128 * towers, "conv4": 3 * 3 * 192,
        "conv5": 3 * 3 * 192, "fc6": features(towers, switches), "fc7": 512 * towers,
    }
