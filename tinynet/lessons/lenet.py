"""From LeNet-5 to AlexNet: one idea after the other, at the same budget."""
from typing import Any

from ..errors import ArgumentError
from ..layers import AvgPool2d, Conv2d, Dropout, Flatten, Linear, LocalResponseNorm, MaxPool2d
from ..layers.base import Layer
from ..models.parts import ACTIVATIONS, PIXEL_DEVIATION, choose, he_initialization, initial_weights
from ..network import Network
from ..ops.checks import check_count
from .experiment import Arm, Budget
from .lesson import Lesson
from .result import Result, over_the_one_before


def lenet(
    classes: int = 10, seed: int = 0, channels: int = 3, activation: str = "tanh", overlapping: bool = False,
    normalization: bool = False, wider: int = 1, dropout: float | None = None, pixels: str = "scaled",
) -> Network:
    """Return LeNet-5 for (32, 32, channels) pixels divided by their deviation, with AlexNet's ideas as switches.

    `wider` multiplies the filters and the units; `overlapping` takes maxima of 3 x 3 for averages of 2 x 2. With
    pixels="raw" it sees them as AlexNet does, 0 to 255 minus the mean; conv1's initial weights are so much smaller that
    it begins as the same function of the picture.
    """
    choose("lenet", "activation", activation, ACTIVATIONS)
    choose("lenet", "pixels", pixels, ("scaled", "raw"))
    check_count("lenet", "wider", wider)
    for name, switch in (("overlapping", overlapping), ("normalization", normalization)):
        if not isinstance(switch, bool):
            raise ArgumentError(f"lenet: {name} is {switch!r}, expected true or false")
    deviation = PIXEL_DEVIATION if pixels == "scaled" else 1.0
    c1, c2, f3, f4 = 6 * wider, 16 * wider, 120 * wider, 84 * wider
    fan_in = {"conv1": 25 * channels, "conv2": 25 * c1, "fc3": 25 * c2, "fc4": f3, "fc5": f4}
    initialization = he_initialization(fan_in, activation, deviation=1.0)
    initialization["conv1"] = (initialization["conv1"][0] * deviation / PIXEL_DEVIATION, 0.0)
    conv1, conv2, fc3, fc4, fc5 = (initial_weights(initialization, name, seed) for name in initialization)

    def pool() -> Layer:
        return MaxPool2d(3, 2, ceil_mode=True) if overlapping else AvgPool2d(2, 2)

    def norm(number: int) -> list[tuple[str, Layer]]:
        # Signals are about 1 here, not 50 to 100 as in AlexNet: an alpha 1000 times larger brings its sum to the same
        # order.
        return [(f"norm{number}", LocalResponseNorm(alpha=0.1))] if normalization else []

    def drop(number: int) -> list[tuple[str, Layer]]:
        return [(f"dropout{number}", Dropout(dropout, seed=[seed, number, 1]))] if dropout else []

    act = ACTIVATIONS[activation]
    layers: list[tuple[str, Layer]] = [                                            # from 32 x 32
        ("conv1", Conv2d(channels, c1, 5, **conv1)), ("act1", act()), *norm(1), ("pool1", pool()),   # 14 x 14
        ("conv2", Conv2d(c1, c2, 5, **conv2)), ("act2", act()), *norm(2), ("pool2", pool()),         # 5 x 5
        ("flatten", Flatten()),
        ("fc3", Linear(25 * c2, f3, **fc3)), ("act3", act()), *drop(3),
        ("fc4", Linear(f3, f4, **fc4)), ("act4", act()), *drop(4), ("fc5", Linear(f4, classes, **fc5)),
    ]
    recipe = {"deviation": deviation, "initialization": initialization}
    return Network(layers, name="lenet", input_shape=(32, 32, channels), recipe=recipe)


IDEAS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("LeNet-5", {}),
    ("+ ReLU", {"activation": "relu"}),
    ("+ overlapping maxima", {"overlapping": True}),
    ("+ LRN", {"normalization": True}),
    ("+ three times as wide", {"wider": 3}),
    ("+ dropout", {"dropout": 0.5}),
)


def arms() -> tuple[Arm, ...]:
    """Return the arms, each with the ideas of those before it."""
    made: list[Arm] = []
    switches: dict[str, Any] = {}
    for name, idea in IDEAS:
        switches = switches | idea
        made.append(Arm(name, switches))
    augmented = {"augmentation": {"crop": True, "mirror": True, "pad": 2, "colour": False}}
    return (*made, Arm("+ crops and mirrors", switches, training=augmented))


def findings(result: Result) -> list[str]:
    """Say what each idea brings over those before it."""
    return [over_the_one_before(result)]


LESSON = Lesson(
    name="lenet",
    question="Which of AlexNet's ideas makes LeNet-5 better, at the same budget?",
    arms=arms(),
    quick=Budget(epochs=8, images=3000, seeds=2, rates=(0.01,), batch_size=32, test_images=1000),
    full=Budget(epochs=12, images=10_000, seeds=3, rates=(0.003, 0.01, 0.03, 0.1), batch_size=64),
    published={"all": "the paper compares with no LeNet; it names size of network and data, ReLU, normalization, "
                      "overlapping pooling, dropout and augmentation as what made the difference."},
    scale="32 x 32 images in colour; no idea is tried with another order of those before it.",
    model=lenet, training={"augmentation": {}, "weight_decay": 5e-4}, findings=findings,
)
run = LESSON.run
