"""SqueezeNet 1.1: AlexNet's accuracy with a fiftieth of its parameters, by fire modules (Iandola et al. 2016)."""
from typing import Any

from ..layers import AvgPool2d, Conv2d, Dropout, Fire, Flatten, MaxPool2d, ReLU
from ..layers.base import Layer
from ..network import Network
from ..ops.checks import check_count
from .parts import TORCHVISION_PREPROCESSING, choose

FIRES = {  # filters that squeeze, and of either size that expand
    "fire2": (16, 64), "fire3": (16, 64), "fire4": (32, 128), "fire5": (32, 128), "fire6": (48, 192),
    "fire7": (48, 192), "fire8": (64, 256), "fire9": (64, 256),
}
BEFORE_POOLS = {"fire3": "pool3", "fire5": "pool5"}
INPUT = {"caffe": 227, "torchvision": 224}
LAST_MAP = {"caffe": 14, "torchvision": 13}  # height and width behind fire9
PREPROCESSING: dict[str, dict[str, Any]] = {
    "caffe": {"mean": [104.006, 116.669, 122.679], "image_size": 227, "resize": "squash", "channel_order": "BGR"},
    "torchvision": TORCHVISION_PREPROCESSING,
}
NOTES = [
    "SqueezeNet 1.1: conv1 has 64 filters of 3 x 3, and pooling comes earlier than in the paper's SqueezeNet 1.0.",
    "There is no fully connected layer: conv10 gives a map for each class, and its mean is the score.",
]
VARIANT_NOTES = {
    "caffe": "As its authors trained it, with Caffe: 227 x 227, blue first, conv1 without padding.",
    "torchvision": "As torchvision trained it: 224 x 224, red first, mean and deviation for each colour.",
}
# The authors' solver.prototxt has .04, falling linearly, for batches of 512. Biases at twice the rate without
# decay, and mirror images, are AlexNet's; their train_val.prototxt has none of these.
RECIPE: dict[str, Any] = {
    "learning_rate": 0.01, "bias_rate": 2.0, "momentum": 0.9, "weight_decay": 2e-4, "decay_biases": False,
    "batch_size": 128, "epochs": 50, "augmentation": {"crop": True, "mirror": True, "pad": 0, "colour": False},
    "mean": "colour",
}


def squeezenet(variant: str = "caffe", classes: int = 1000, seed: int = 0) -> Network:
    """Return SqueezeNet 1.1, from (227, 227, 3) or (224, 224, 3) pixels to scores for the classes.

    Parameters
    ----------
    variant : str
        "caffe" : its authors' training, 227 x 227, blue first. "torchvision" : torchvision's, 224 x 224, red first. The
        layers are the same; the preprocessing differs, and who takes the one's weights needs the one's preprocessing.
    classes : int
        How many scores conv10 gives.
    seed : int

    Returns
    -------
    Network
        1,235,496 parameters with 1,000 classes. `recipe["preprocessing"]` is what its trained weights expect. The
        softmax belongs to the loss.

    Raises
    ------
    ArgumentError
        For a variant that is not in this list, a number of classes below 2, or a negative seed.
    """
    choose("squeezenet", "variant", variant, INPUT)
    check_count("squeezenet", "classes", classes, least=2)
    seed = check_count("squeezenet", "seed", seed, least=0)
    size, last = INPUT[variant], LAST_MAP[variant]
    layers: list[tuple[str, Layer]] = [("conv1", Conv2d(3, 64, 3, 2, seed=[seed, 1])), ("relu1", ReLU())]
    layers.append(("pool1", MaxPool2d(3, 2, ceil_mode=True)))
    channels = 64
    for number, (name, (squeeze, expand)) in enumerate(FIRES.items(), 2):
        layers.append((name, Fire(channels, squeeze, expand, expand, seed=[seed, number])))
        channels = 2 * expand
        if name in BEFORE_POOLS:
            layers.append((BEFORE_POOLS[name], MaxPool2d(3, 2, ceil_mode=True)))
    layers += [
        ("dropout10", Dropout(0.5, seed=[seed, 10, 1])),
        ("conv10", Conv2d(channels, classes, 1, std=0.01, seed=[seed, 10])), ("relu10", ReLU()),
        ("pool10", AvgPool2d(last, last)), ("flatten", Flatten()),
    ]
    return Network(
        layers, name="squeezenet" if variant == "caffe" else "squeezenet-torchvision", input_shape=(size, size, 3),
        hint=f"Give {size} x {size}.", notes=[*NOTES, VARIANT_NOTES[variant]],
        recipe=RECIPE | {"preprocessing": {"input_size": size, **PREPROCESSING[variant]}})
