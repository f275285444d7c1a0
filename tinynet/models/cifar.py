"""The CIFAR-10 networks that came with cuda-convnet, by AlexNet's first author (its folder example-layers)."""
from functools import partial
from typing import Any

from ..layers import (
    AvgPool2d,
    Conv2d,
    Flatten,
    Linear,
    LocallyConnected2d,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    SpatialResponseNorm,
)
from ..layers.base import Layer
from ..network import Network
from ..ops.checks import check_count
from .parts import Initialization, choose, initial_weights

# Initial weights N(0, std**2) and biases, as (std, bias). On pixels of 0 to 255; on 0 to 1 conv1's would stay flat.
CONVS: Initialization = {"conv1": (0.0001, 0), "conv2": (0.01, 0)}
LOCALS: Initialization = CONVS | {"local3": (0.04, 0), "local4": (0.04, 0), "fc5": (0.01, 0)}
INITIALIZATIONS: dict[str, Initialization] = {
    "80sec": CONVS | {"conv3": (0.01, 0), "fc4": (0.1, 0), "fc5": (0.1, 0)},
    "19pct": CONVS | {"conv3": (0.01, 0), "fc4": (0.01, 0)},
    "19pct-translated": CONVS | {"conv3": (0.01, 0), "fc4": (0.01, 0)},
    "18pct": CONVS | {"conv3": (0.01, 0), "fc4": (0.01, 0)},
    "13pct": LOCALS,
    "11pct": LOCALS,
}

# Weight decay by layer, epochs, and the epochs after which the rate is divided by 10. The files of 19pct and 13pct name
# no epochs: they get those of 18pct.
TRAINING: dict[str, tuple[dict[str, float] | float, int, list[int]]] = {
    "80sec": ({"conv1": 0.004, "conv2": 0.004, "conv3": 0.004, "fc4": 0.03, "fc5": 0.03}, 10, [8, 9]),
    "19pct": ({"conv1": 0.004, "conv2": 0.004, "conv3": 0.004, "fc4": 3.0}, 140, [120, 130]),
    "19pct-translated": (0.0, 140, [120, 130]),
    "18pct": ({"conv1": 0.004, "conv2": 0.004, "conv3": 0.004, "fc4": 1.0}, 140, [120, 130]),
    "13pct": ({"local3": 0.004, "local4": 0.004, "fc5": 0.004}, 140, [120, 130]),
    "11pct": ({"local3": 0.004, "local4": 0.004, "fc5": 0.01}, 520, [500, 510]),
}

NOTES = {
    "80sec": ["Its authors claim 26% test error after 80 seconds on the GPU of its time."],
    "19pct": ["Its authors claim 19% test error; with translated images and no decay 14.2% (19pct-translated)."],
    "19pct-translated": ["Its authors claim 14.2% test error: 19pct with translated images and no decay."],
    "18pct": [
        "Its authors claim 18% test error.",
        "The normalizations stay within a map: the file's scale of 5e-05 is divided by the 9 positions of a window.",
    ],
    "13pct": ["Its authors claim 13% test error: the paper's four-layer network without normalization (section 3.3)."],
    "11pct": [
        "Its authors claim 11% test error, from nine views of each test image: the paper's four-layer network with LRN "
        "(section 3.3).",
        "LRN over 9 channels: the file's scale of 0.001 is divided by 9; k is 1, in AlexNet 2.",
    ],
}
COMMON_NOTES = [
    "Pooling windows of 3 x 3 overlap, and sizes are rounded up (32 to 16); an average at the edge is over the pixels "
    "that exist.",
    "Layers are numbered as in AlexNet; the last one is called fc10 in the authors' files.",
    "Biases have twice the learning rate and no decay.",
]
DECAY_NOTE = "Decay differs from layer to layer."
CROP_NOTE = "Training takes random crops of 24 x 24 and their mirror images."


def cifar_net(name: str = "80sec", classes: int = 10, seed: int = 0) -> Network:
    """Return one of cuda-convnet's CIFAR-10 networks, with its recipe.

    Parameters
    ----------
    name : str
        "80sec", "19pct", "18pct" : three convolutions, for (32, 32, 3) pixels of 0 to 255 minus their mean.
        "19pct-translated" : 19pct for crops (24, 24, 3), for translated images, without decay.
        "13pct", "11pct" : two convolutions and two locally connected layers, for crops (24, 24, 3).
    classes : int
        How many scores the last layer gives.
    seed : int

    Returns
    -------
    Network
        Its `recipe` has the rates, decay by layer and schedule. The softmax belongs to the loss.

    Raises
    ------
    ArgumentError
        For a name that is not in this list, a number of classes below 2, or a negative seed.
    """
    choose("cifar_net", "name", name, INITIALIZATIONS)
    check_count("cifar_net", "classes", classes, least=2)
    seed = check_count("cifar_net", "seed", seed, least=0)
    decay, epochs, steps = TRAINING[name]
    local, cropped = name in ("13pct", "11pct"), name in ("13pct", "11pct", "19pct-translated")
    size = 24 if cropped else 32
    recipe: dict[str, Any] = {
        "learning_rate": 0.001, "bias_rate": 2.0, "momentum": 0.9, "weight_decay": decay, "decay_biases": False,
        "batch_size": 128, "epochs": epochs, "schedule": {"kind": "step", "epochs": steps, "factor": 0.1},
        "augmentation": {"crop": cropped, "mirror": cropped, "pad": 0, "colour": False},
        "initialization": INITIALIZATIONS[name],
    }
    layers = two_local(name, classes, seed) if local else three_convolutions(name, classes, seed)
    return Network(
        layers, name=f"cifar-{name}", input_shape=(size, size, 3), recipe=recipe, hint=f"Give {size} x {size}.",
        notes=NOTES[name] + ([CROP_NOTE] if cropped else []) + COMMON_NOTES + ([DECAY_NOTE] if decay else []),
    )


def three_convolutions(name: str, classes: int, seed: int) -> list[tuple[str, Layer]]:
    """Return the layers of 80sec, 19pct and 18pct, and of 19pct for crops, whose maps are 24, 12, 6 and 3 wide."""
    initial = partial(initial_weights, INITIALIZATIONS[name], seed=seed)
    norm = partial(SpatialResponseNorm, 3, alpha=5e-5 / 9, beta=0.75, k=1.0)
    layers: list[tuple[str, Layer]] = [                               # from 32 x 32 x 3
        ("conv1", Conv2d(3, 32, 5, padding=2, **initial("conv1"))),   # 32 x 32 x 32
        ("pool1", MaxPool2d(3, 2, ceil_mode=True)),                   # 16 x 16 x 32
        ("relu1", ReLU()),
        ("norm1", norm()),
        ("conv2", Conv2d(32, 32, 5, padding=2, **initial("conv2"))),  # 16 x 16 x 32
        ("relu2", ReLU()),
        ("pool2", AvgPool2d(3, 2, ceil_mode=True)),                   # 8 x 8 x 32
        ("norm2", norm()),
        ("conv3", Conv2d(32, 64, 5, padding=2, **initial("conv3"))),  # 8 x 8 x 64
        ("relu3", ReLU()),
        ("pool3", AvgPool2d(3, 2, ceil_mode=True)),                   # 4 x 4 x 64
        ("flatten", Flatten()),                                       # 1024
    ]
    if name != "18pct":
        layers = [(each, layer) for each, layer in layers if not each.startswith("norm")]
    if name == "80sec":
        fc4, fc5 = Linear(1024, 64, **initial("fc4")), Linear(64, classes, **initial("fc5"))
        return [*layers, ("fc4", fc4), ("relu4", ReLU()), ("fc5", fc5)]
    return [*layers, ("fc4", Linear(3 * 3 * 64 if name == "19pct-translated" else 1024, classes, **initial("fc4")))]


def two_local(name: str, classes: int, seed: int) -> list[tuple[str, Layer]]:
    """Return the layers of 13pct and 11pct."""
    initial = partial(initial_weights, INITIALIZATIONS[name], seed=seed)
    norm = partial(LocalResponseNorm, 9, alpha=0.001 / 9, beta=0.75, k=1.0)
    third = 64 if name == "11pct" else 32
    layers: list[tuple[str, Layer]] = [                                                   # from 24 x 24 x 3
        ("conv1", Conv2d(3, 64, 5, padding=2, **initial("conv1"))),                       # 24 x 24 x 64
        ("relu1", ReLU()),
        ("pool1", MaxPool2d(3, 2, ceil_mode=True)),                                       # 12 x 12 x 64
        ("norm1", norm()),
        ("conv2", Conv2d(64, 64, 5, padding=2, **initial("conv2"))),                      # 12 x 12 x 64
        ("relu2", ReLU()),
        ("norm2", norm()),
        ("pool2", MaxPool2d(3, 2, ceil_mode=True)),                                       # 6 x 6 x 64
        ("local3", LocallyConnected2d(64, third, 3, 6, padding=1, **initial("local3"))),  # 6 x 6 x 64 or 32
        ("relu3", ReLU()),
        ("local4", LocallyConnected2d(third, 32, 3, 6, padding=1, **initial("local4"))),  # 6 x 6 x 32
        ("relu4", ReLU()),
        ("flatten", Flatten()),                                                           # 1152
        ("fc5", Linear(6 * 6 * 32, classes, **initial("fc5"))),
    ]
    return layers if name == "11pct" else [(each, layer) for each, layer in layers if not each.startswith("norm")]
