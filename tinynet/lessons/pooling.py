"""Pooling windows that overlap, windows that do not, and averages."""
from ..layers import AvgPool2d
from ..network import Network
from .experiment import Arm, Budget
from .lesson import Lesson
from .surgery import changed


def averages(net: Network, seed: int) -> Network:
    """Return the network with the mean of each window instead of its maximum."""
    return changed(net, {name: AvgPool2d(3, 2) for name in net.layers if name.startswith("pool")})


LESSON = Lesson(
    name="pooling",
    question="What do overlapping pooling windows bring?",
    arms=(
        Arm("maximum 2/2", {"overlapping_pooling": False}),
        Arm("maximum 3/2, overlapping"),
        Arm("average 3/2", change=averages),
    ),
    quick=Budget(epochs=8, images=2500, seeds=2, rates=(0.003,), batch_size=32, test_images=1000),
    full=Budget(epochs=10, images=10_000, seeds=3, rates=(0.001, 0.003, 0.01, 0.03), batch_size=64),
    published={
        "maximum 3/2, overlapping": "0.4 points top-1, 0.3 top-5; program's log, ten views: 41.1% to 40.7%",
        "all": "the paper's section 3.4, on ImageNet; it has no averages.",
    },
    scale="AlexNet's sequence for 32 x 32 images, without dropout; minutes of training instead of days.",
    switches={"dropout": None},
)
run = LESSON.run
