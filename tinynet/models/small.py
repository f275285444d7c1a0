"""A shorter AlexNet for small images: it learns within a minute on a processor."""
from functools import partial
from typing import Any

from ..errors import ArgumentError
from ..layers import Conv2d, Flatten, Linear
from ..layers.base import Layer
from ..network import Network
from ..ops.arrays import Shape
from ..ops.checks import check_count
from .alexnet_notes import switch_notes
from .parts import Initialization, dropout_layer, initial_weights
from .switches import Switches, check_switches

ORDER = """
    conv1 relu1 norm1 pool1
    conv2 relu2 norm2 pool2
    conv3 relu3
    conv4 relu4 pool4 flatten
    dropout5 fc5"""

SMALLEST, LARGEST = 16, 128

FAN_IN = {"conv1": 5 * 5 * 3, "conv2": 3 * 3 * 32, "conv3": 3 * 3 * 64, "conv4": 3 * 3 * 64, "fc5": 3 * 3 * 64}

# One number for each layer, as in the authors' program, but for these sizes: the pixels' scale of 64 is taken down in
# all layers together (see `parts.he_initialization`).
AUTHORS: Initialization = {
    "conv1": (0.05, 0), "conv2": (0.03, 0), "conv3": (0.02, 0), "conv4": (0.02, 0), "fc5": (0.01, 0),
}
TEXT: Initialization = {
    "conv1": (0.01, 0), "conv2": (0.01, 1), "conv3": (0.01, 0), "conv4": (0.01, 1), "fc5": (0.01, 0),
}

NOTES = ["A shorter AlexNet for small images: four convolutions and one fully connected layer, smaller windows, no "
         "stride in conv1, one tower."]

RECIPE: dict[str, Any] = {
    "learning_rate": 0.003, "bias_rate": 1.0, "momentum": 0.9, "weight_decay": 5e-4, "decay_biases": True,
    "batch_size": 64, "epochs": 10, "schedule": {"kind": "step", "epochs": [7, 9], "factor": 0.1},
    "augmentation": {"crop": True, "mirror": True, "pad": 2, "colour": False},
}


def alexnet_small(
    size: int = 32, classes: int = 10, activation: str = "relu", normalization: str | None = "lrn",
    overlapping_pooling: bool = True, dropout: float | None = 0.5, init: str = "authors", seed: int = 0,
) -> Network:
    """Return a small AlexNet, from (size, size, 3) pixels of 0 to 255 minus their mean to scores for the classes.

    Parameters
    ----------
    size : int
        Height and width of the images, from 16 to 128.
    classes : int
        How many scores fc5 gives.
    activation, normalization, overlapping_pooling, dropout, init, seed
        As for `alexnet`. normalization is "lrn", "batch" or None; init="authors" has numbers of its own, see AUTHORS.

    Returns
    -------
    Network
        At 32 x 32 about 10 million multiply-adds an image. The softmax belongs to the loss.

    Raises
    ------
    ArgumentError
        For a value that is not in these lists.
    """
    check_count("alexnet_small", "classes", classes, least=2)
    seed = check_count("alexnet_small", "seed", seed, least=0)
    if check_count("alexnet_small", "size", size, least=SMALLEST) > LARGEST:
        raise ArgumentError(f"alexnet_small: size is {size}, expected {SMALLEST} to {LARGEST}; larger: alexnet")
    switches = check_switches("alexnet_small", activation, normalization, overlapping_pooling, dropout, init)
    initialization = switches.initialization(AUTHORS, TEXT, FAN_IN)
    return Network(
        switches.arrange(ORDER, table(size, classes, initialization, seed, switches)),
        name="alexnet-small", input_shape=(size, size, 3), notes=[*NOTES, *switch_notes(switches).values()],
        hint=f"Give {size} x {size}, or make the network with another size.",
        recipe=RECIPE | {"initialization": initialization},
    )


def table(
    size: int, classes: int, initialization: Initialization, seed: int, switches: Switches
) -> dict[str, Layer]:
    """Return the layers other than activations by name; sizes at line ends are those at 32 x 32."""
    initial = partial(initial_weights, initialization, seed=seed)
    norm, pool = switches.norm, switches.pool
    layers = {                                                      # from 32 x 32 x 3
        "conv1": Conv2d(3, 32, 5, padding=2, **initial("conv1")),   # 32 x 32 x 32
        "norm1": norm(32),
        "pool1": pool(),                                            # 15 x 15 x 32
        "conv2": Conv2d(32, 64, 3, padding=1, **initial("conv2")),  # 15 x 15 x 64
        "norm2": norm(64),
        "pool2": pool(),                                            # 7 x 7 x 64
        "conv3": Conv2d(64, 64, 3, padding=1, **initial("conv3")),  # 7 x 7 x 64
        "conv4": Conv2d(64, 64, 3, padding=1, **initial("conv4")),  # 7 x 7 x 64
        "pool4": pool(),                                            # 3 x 3 x 64
        "flatten": Flatten(),                                       # 576
        "dropout5": dropout_layer("dropout5", switches.dropout, seed),
    }
    shape: Shape = (size, size, 3)
    for layer in layers.values():
        shape = layer.output_shape(shape)
    return layers | {"fc5": Linear(shape[0], classes, **initial("fc5"))}
