"""The network with one of its middle layers removed."""
from collections.abc import Callable

from ..layers import Conv2d
from ..models.parts import initial_weights
from ..network import Network
from .experiment import Arm, Budget
from .lesson import Lesson
from .surgery import changed


def without(number: int) -> Callable[[Network, int], Network]:
    """Return the change that removes a convolution, its activation and its normalization; pooling stays."""
    def change(net: Network, seed: int) -> Network:
        gone = [name for name in net.layers if name.endswith(str(number)) and not name.startswith("pool")]
        if number != 2:
            return changed(net, without=gone)
        # conv3 then sees conv1's 32 maps instead of conv2's 64; its signals keep their scale.
        initial = initial_weights(net.recipe["initialization"], "conv3", seed)
        conv3 = Conv2d(32, 64, 3, padding=1, **initial | {"std": initial["std"] * 2**0.5})
        return changed(net, {"conv3": conv3}, gone)
    return change


LESSON = Lesson(
    name="depth",
    question="What is lost when one middle layer is removed?",
    arms=(
        Arm("whole"),
        Arm("without conv2", change=without(2)),
        Arm("without conv3", change=without(3)),
        Arm("without conv4", change=without(4)),
    ),
    quick=Budget(epochs=8, images=2000, seeds=2, rates=(0.003,), batch_size=32, test_images=1000),
    full=Budget(epochs=8, images=6000, seeds=3, rates=(0.001, 0.003, 0.01), batch_size=64),
    published={"all": "removing any middle convolution costs about 2 points top-1 (the paper's section 7)."},
    scale="AlexNet's sequence for 32 x 32 images, which has four convolutions instead of five; without dropout; the "
          "pooling layers stay.",
    switches={"dropout": None},
)
run = LESSON.run
