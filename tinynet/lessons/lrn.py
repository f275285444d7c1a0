"""Local response normalization against none, and against what replaced it."""
from .experiment import Arm, Budget
from .lesson import Lesson

LESSON = Lesson(
    name="lrn",
    question="What does local response normalization bring, and what does batch normalization?",
    arms=(
        Arm("none", {"normalization": None}),
        Arm("LRN", {"normalization": "lrn"}),
        Arm("batch normalization", {"normalization": "batch"}),
    ),
    quick=Budget(epochs=8, images=2400, seeds=2, rates=(0.003,), batch_size=32, test_images=1000),
    full=Budget(epochs=8, images=20_000, seeds=3, rates=(0.001, 0.003, 0.01, 0.03)),
    published={
        "LRN": "1.4 points top-1, 1.2 top-5; four-layer CIFAR-10 net 13% to 11%; program's log, ten views: "
               "42.0% to 40.7%",
        "all": "the paper's section 3.3, on ImageNet and CIFAR-10; batch normalization is of 2015.",
    },
    scale="AlexNet's sequence for 32 x 32 images, without dropout; minutes of training instead of days.",
    switches={"dropout": None},
)
run = LESSON.run
