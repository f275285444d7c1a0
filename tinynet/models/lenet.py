"""LeNet-5 in the common reading (LeCun, Bottou, Bengio and Haffner 1998, section II.B)."""
import math
from functools import partial

from ..layers import AvgPool2d, Conv2d, Flatten, Linear, Tanh
from ..network import Network
from ..ops.checks import check_count
from .parts import PIXEL_DEVIATION, Initialization, initial_weights

# 1 / inputs of a unit is the variance that keeps signals in tanh's middle ("Efficient BackProp", section 4.6).
INITIALIZATION: Initialization = {
    "conv1": (math.sqrt(1 / 25), 0),
    "conv2": (math.sqrt(1 / 150), 0),
    "fc3": (math.sqrt(1 / 400), 0),
    "fc4": (math.sqrt(1 / 120), 0),
    "fc5": (math.sqrt(1 / 84), 0),
}

NOTES = [
    "The common reading, 61,706 parameters; accounts that say 'a few thousand parameters' are ten times too low.",
    "Full connection from S2 to C3 (conv2): each of its 16 filters sees all 6 maps; in 1998 3, 4 or 6.",
    "Pooling is a plain average; in 1998 it had a weight and a bias for each map, and a sigmoid after it.",
    "C5 (fc3) is a convolution of 5 x 5 in 1998, which on 32 x 32 images is a fully connected layer.",
    "Plain tanh where 1998 has 1.7159 tanh(2x/3), softmax and cross-entropy where it has distances to drawn digits.",
    "Digits of 28 x 28 are padded to 32 x 32, by the data set or by `fit`.",
    "Pixels are divided by 64, about their deviation, as in 1998; AlexNet's authors left them at 0 to 255. (tanh wants "
    "inputs of about 1, and with larger ones conv1 would need a far lower learning rate than the other layers.)",
    "Initialization: N(0, 1 / inputs of a unit).",
]

RECIPE = {
    "learning_rate": 0.03, "bias_rate": 1.0, "momentum": 0.9, "weight_decay": 5e-4, "decay_biases": True,
    "batch_size": 64, "epochs": 40, "schedule": {"kind": "step", "epochs": [28, 36], "factor": 0.1},
    "augmentation": {"crop": True, "mirror": False, "pad": 2, "colour": False},  # digits moved by up to 2 pixels
    "mean": "colour", "deviation": PIXEL_DEVIATION,
}


def lenet5(classes: int = 10, seed: int = 0) -> Network:
    """Return LeNet-5, from (32, 32, 1) pixels, minus their mean and divided by 64, to scores for the classes.

    Parameters
    ----------
    classes : int
        How many scores fc5 gives.
    seed : int

    Returns
    -------
    Network
        61,706 parameters for ten classes. The softmax belongs to the loss.

    Raises
    ------
    ArgumentError
        For a number of classes below 2, or a negative seed.
    """
    check_count("lenet5", "classes", classes, least=2)
    seed = check_count("lenet5", "seed", seed, least=0)
    initial = partial(initial_weights, INITIALIZATION, seed=seed)
    return Network(
        [                                                     # from 32 x 32 x 1
            ("conv1", Conv2d(1, 6, 5, **initial("conv1"))),   # 28 x 28 x 6      C1 in 1998
            ("tanh1", Tanh()),
            ("pool1", AvgPool2d(2, 2)),                       # 14 x 14 x 6      S2
            ("conv2", Conv2d(6, 16, 5, **initial("conv2"))),  # 10 x 10 x 16     C3
            ("tanh2", Tanh()),
            ("pool2", AvgPool2d(2, 2)),                       # 5 x 5 x 16       S4
            ("flatten", Flatten()),                           # 400
            ("fc3", Linear(400, 120, **initial("fc3"))),      # 120              C5
            ("tanh3", Tanh()),
            ("fc4", Linear(120, 84, **initial("fc4"))),       # 84               F6
            ("tanh4", Tanh()),
            ("fc5", Linear(84, classes, **initial("fc5"))),
        ],
        name="lenet5", input_shape=(32, 32, 1), notes=NOTES, recipe=RECIPE | {"initialization": INITIALIZATION},
        hint="Digits of 28 x 28 take 2 more pixels on each side.",
    )
