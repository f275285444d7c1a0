"""AlexNet's sequence for small images: it learns within a minute on a processor."""
from typing import Any

from ..errors import ArgumentError
from ..layers import BatchNorm2d, Conv2d, Flatten, Linear, LocalResponseNorm, MaxPool2d
from ..layers.base import Layer
from ..network import Network
from ..ops.arrays import Shape
from ..ops.checks import check_count
from .alexnet_notes import switch_notes
from .parts import ACTIVATIONS, Start, check_seed, choose, drop_probability, dropout_layer, he_start, weights

ORDER = """
    conv1 relu1 norm1 pool1
    conv2 relu2 norm2 pool2
    conv3 relu3
    conv4 relu4 pool4 flatten
    dropout5 fc5"""

SMALLEST, LARGEST = 16, 128

FAN_IN = {"conv1": 5 * 5 * 3, "conv2": 3 * 3 * 32, "conv3": 3 * 3 * 64, "conv4": 3 * 3 * 64, "fc5": 3 * 3 * 64}

# One number for each layer, as in the authors' program, but for these sizes: the pixels' scale of 64 is taken down in
# all layers together (see `parts.he_start`).
AUTHORS: Start = {"conv1": (0.05, 0), "conv2": (0.03, 0), "conv3": (0.02, 0), "conv4": (0.02, 0), "fc5": (0.01, 0)}
TEXT: Start = {"conv1": (0.01, 0), "conv2": (0.01, 1), "conv3": (0.01, 0), "conv4": (0.01, 1), "fc5": (0.01, 0)}

NOTES = ["AlexNet's sequence, tinynet's own sizes for small images: smaller windows, no stride in conv1, one tower."]

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
    choose("alexnet_small", "activation", activation, ACTIVATIONS)
    choose("alexnet_small", "normalization", normalization, ("lrn", "batch", None))
    choose("alexnet_small", "overlapping_pooling", overlapping_pooling, (True, False))
    choose("alexnet_small", "init", init, ("authors", "text", "he"))
    check_count("alexnet_small", "classes", classes, least=2)
    if check_count("alexnet_small", "size", size, least=SMALLEST) > LARGEST:
        raise ArgumentError(f"alexnet_small: size is {size}, expected {SMALLEST} to {LARGEST}; larger: alexnet")
    p = drop_probability("alexnet_small", dropout)
    start = {"authors": AUTHORS, "text": TEXT}.get(init) or he_start(FAN_IN, activation)
    layers = table(size, classes, start, check_seed("alexnet_small", seed), normalization, overlapping_pooling, p)
    layers |= {f"{activation}{i}": ACTIVATIONS[activation]() for i in range(1, 5)}
    left_out = (["norm1", "norm2"] if normalization is None else []) + ([] if p else ["dropout5"])
    order = [name.replace("relu", activation) for name in ORDER.split() if name not in left_out]
    return Network(
        [(name, layers[name]) for name in order], name="alexnet-small", input_shape=(size, size, 3),
        notes=[*NOTES, *switch_notes(activation, normalization, overlapping_pooling, p, init).values()],
        hint=f"Give {size} x {size}, or make the network with another size.",
        recipe=RECIPE | {"start": start},
    )


def table(
    size: int, classes: int, start: Start, seed: int, normalization: str | None, overlapping_pooling: bool, p: float
) -> dict[str, Layer]:
    """Return the layers other than activations by name; sizes at line ends are those at 32 x 32."""

    def begin(name: str) -> dict[str, Any]:
        return weights(start, name, seed)

    def norm(channels: int) -> Layer:
        return BatchNorm2d(channels) if normalization == "batch" else LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)

    def pool() -> Layer:
        return MaxPool2d(3, 2) if overlapping_pooling else MaxPool2d(2, 2)

    layers = {                                                             # from 32 x 32 x 3
        "conv1": Conv2d(3, 32, 5, padding=2, **begin("conv1")),            # 32 x 32 x 32
        "norm1": norm(32),
        "pool1": pool(),                                                   # 15 x 15 x 32
        "conv2": Conv2d(32, 64, 3, padding=1, **begin("conv2")),           # 15 x 15 x 64
        "norm2": norm(64),
        "pool2": pool(),                                                   # 7 x 7 x 64
        "conv3": Conv2d(64, 64, 3, padding=1, **begin("conv3")),           # 7 x 7 x 64
        "conv4": Conv2d(64, 64, 3, padding=1, **begin("conv4")),           # 7 x 7 x 64
        "pool4": pool(),                                                   # 3 x 3 x 64
        "flatten": Flatten(),                                              # 576
        "dropout5": dropout_layer("dropout5", p, seed),
    }
    shape: Shape = (size, size, 3)
    for layer in layers.values():
        shape = layer.output_shape(shape)
    return layers | {"fc5": Linear(shape[0], classes, **begin("fc5"))}
