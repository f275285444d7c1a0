"""What to know about each version of AlexNet: sentences for its summary, hints for its errors, recipes for training."""
from typing import Any

from .parts import TORCHVISION_PREPROCESSING
from .switches import Switches

HINTS = {
    "paper": "The paper's 224 leads to its 55 only by rounding up, as in the authors' program. "
             "Give 227 x 227, or take variant='source2012'.",
    "source2012": "Give 224 x 224, or take variant='paper' for 227 x 227.",
    "torchvision": "Give 224 x 224, or take variant='ungrouped' for 227 x 227.",
}
HINTS |= {name: HINTS["paper"] for name in ("ungrouped", "caffe", "caffenet")}

CROPS = {"crop": True, "mirror": True, "pad": 0, "colour": False}

RECIPES: dict[str, dict[str, Any]] = {
    "paper": {  # section 5; the paper divided the rate by hand, three times
        "learning_rate": 0.01, "bias_rate": 1.0, "momentum": 0.9, "weight_decay": 5e-4, "decay_biases": True,
        "batch_size": 128, "epochs": 90,
        "schedule": {"kind": "plateau", "factor": 0.1, "times": 3, "patience": 5},
        "augmentation": CROPS | {"colour": True},
    },
    "source2012": {
        "learning_rate": 0.01, "bias_rate": 2.0, "momentum": 0.9, "weight_decay": 5e-4, "decay_biases": False,
        "batch_size": 128, "epochs": 90,
        "schedule": {"kind": "plateau", "factor": 0.1, "times": 3, "patience": 5},
        "augmentation": CROPS | {"colour": True},
    },
    "caffe": {  # its solver: 450,000 batches of 256, the rate divided by 10 after every 100,000
        "learning_rate": 0.01, "bias_rate": 2.0, "momentum": 0.9, "weight_decay": 5e-4, "decay_biases": False,
        "batch_size": 256, "epochs": 90, "schedule": {"kind": "step", "epochs": [20, 40, 60, 80], "factor": 0.1},
        "augmentation": CROPS,
    },
    "torchvision": {  # its reference script's arguments
        "learning_rate": 0.01, "bias_rate": 1.0, "momentum": 0.9, "weight_decay": 1e-4, "decay_biases": True,
        "batch_size": 256, "epochs": 90, "schedule": {"kind": "step", "epochs": [30, 60], "factor": 0.1},
        "augmentation": CROPS,
    },
}
RECIPES["caffenet"] = RECIPES["caffe"]

PREPROCESSING: dict[str, dict[str, Any]] = {  # of weights that others trained; training anew takes its own mean
    "caffe": {  # the mean colour of its mean image; photographs are squashed to 256 x 256
        "input_size": 227, "mean": [104.007, 116.669, 122.679], "image_size": 256, "resize": "squash",
        "channel_order": "BGR"},
    "torchvision": {"input_size": 224, **TORCHVISION_PREPROCESSING},
}
PREPROCESSING["caffenet"] = PREPROCESSING["caffe"]

SIZE_227 = (
    "Input 227 x 227. The paper's text says 224, from which 11 x 11 windows 4 apart cannot make its 55 x 55 outputs; "
    "its authors' program took 224 and rounded up (variant='source2012')."
)
TOWERS = "Two towers, one for each GPU of 2012: conv2, conv4 and conv5 see their own tower's channels only (groups=2)."
POOLS = "Pooling follows conv1, conv2 and conv5 only; accounts often say every convolution."
DROPOUT = "Dropout stands after fc6 and fc7; torchvision has it before them."
LRN_SUM = (
    "LRN's alpha multiplies the sum of the squares, as the paper writes it; the authors' program, Caffe, PyTorch and "
    "ONNX divide it by the 5 channels of the window."
)
LRN_MEAN = (
    "LRN's alpha multiplies the sum in tinynet; this program divides its 1e-4 by the window's 5 channels first, so it "
    "stands here as 2e-05."
)
INSIDE = " The windows stay inside a tower, as in the authors' program."
RATES = "The authors' program has twice the learning rate for biases and no decay of them, which the text does not say."
BGR = "Weights from Caffe expect images as BGR, minus their mean; load_weights gives the network that preprocessing."
UP = "Pooling rounds up, which changes nothing at 227 x 227."
INITIALIZATION = (
    "Initialization of the authors' program: N(0, 0.03²) in conv3 to conv5, which learns at once; the text's 0.01 "
    "everywhere (init='text') stays flat for long."
)

NOTES: dict[str, dict[str, str]] = {  # by variant, then by what the sentence is about
    "paper": {
        "size": SIZE_227, "towers": TOWERS, "lrn": LRN_SUM + INSIDE, "pooling": POOLS, "dropout": DROPOUT,
        "initialization": INITIALIZATION, "rates": RATES,
    },
    "ungrouped": {
        "size": SIZE_227,
        "towers": "One tower: every filter sees all channels. 62 million is the number of parameters often quoted; the "
                  "paper's two towers have 60,965,224.",
        "lrn": LRN_SUM, "pooling": POOLS, "dropout": DROPOUT, "initialization": INITIALIZATION, "rates": RATES,
    },
    "source2012": {
        "size": "The authors' own program (layers-145.cfg): input 224 x 224, sizes rounded up, so that conv1 gives 55.",
        "order": "ReLU comes after the pooling in conv1 and conv5, and so after LRN in conv1.",
        "towers": TOWERS,
        "lrn": LRN_MEAN + INSIDE + " After norm2 a second normalization within each map, whose scale of 0.001 is "
               "divided by its 25 positions.",
        "pooling": POOLS,
        "dropout": DROPOUT + " The program halved outputs at test; here they are doubled in training.",
        "initialization": INITIALIZATION,
        "rates": "Biases have twice the learning rate and no decay. The colour noise was switched off towards the end.",
    },
    "caffe": {
        "origin": "Caffe's bvlc_alexnet.", "images": BGR, "size": SIZE_227, "towers": TOWERS,
        "lrn": LRN_MEAN + " Its k is 1 where the paper has 2, and its windows run across both towers.",
        "pooling": POOLS, "rounding": UP, "dropout": DROPOUT,
        "initialization": "Biases are initialized to 0.1, as 1 gave a flat loss (its readme); with N(0, 0.01²) in the "
                          "convolutions the loss falls slowly at first.",
        "rates": "Biases have twice the learning rate and no decay.",
    },
    "torchvision": {
        "origin": "The one-tower network of 2014 ('One weird trick for parallelizing convolutional neural networks'): "
                  "64-192-384-256-256 filters, no normalization, conv1 padded by 2 at 224 x 224.",
        "pooling": POOLS + " torchvision's adaptive average pooling to 6 x 6 changes nothing at 224 and is left out.",
        "dropout": "Dropout stands before fc6 and fc7; the paper's authors have it after them.",
        "images": "Weights from torchvision expect RGB divided by 255, minus (0.485, 0.456, 0.406), divided by (0.229, "
                  "0.224, 0.225), which load_weights sees to; tinynet's own training takes 0 to 255 minus the mean.",
        "initialization": "Initialization of its designer's program, cuda-convnet2, the same as the paper's; PyTorch's "
                          "general rule, which torchvision uses, is for images of deviation 1.",
    },
}
NOTES["caffenet"] = NOTES["caffe"] | {
    "origin": "Caffe's bvlc_reference_caffenet: pooling before LRN, and biases initialized to 1.",
    "initialization": "Initialization: N(0, 0.005²) in fc6 and fc7, N(0, 0.01²) everywhere else.",
}

INIT = {
    "text": "init='text': N(0, 0.01²) everywhere, the paper's words. Signals shrink from layer to layer, and the loss "
            "stays flat at ln(classes), 6.9 for 1000 of them, for long; init='authors' learns at once.",
    "he": "init='he': N(0, 2 / inputs of a filter) keeps the size of the signals (1 / inputs for tanh, 16 / inputs for "
          "the sigmoid); all layers but the last share in taking down the pixels' 64. Biases are 0.",
}
NORMALIZATION = {
    "batch": "normalization='batch': batch normalization where LRN stood, as later networks have it.",
    None: "normalization=None: LRN is left out.",
}


def notes(variant: str, switches: Switches) -> list[str]:
    """Return the sentences about a version with its switches."""
    own, switched = NOTES[variant], switch_notes(switches)
    if switches.normalization is None and "lrn" not in own:
        del switched["lrn"]
    return list((own | switched).values())


def switch_notes(switches: Switches) -> dict[str, str]:
    """Return a sentence for each switch that is not as in the paper, by what it is about."""
    about = {}
    if switches.normalization != "lrn":
        about["lrn"] = NORMALIZATION[switches.normalization]
    if switches.init != "authors":
        about["initialization"] = INIT[switches.init]
    if switches.activation != "relu":
        about["activation"] = f"activation={switches.activation!r} where the paper has ReLU."
    if not switches.overlapping_pooling:
        about["rounding"] = "overlapping_pooling=False: windows of 2 x 2, 2 apart, sizes rounded down."
    if not switches.dropout:
        about["dropout"] = "dropout=None: nothing is dropped."
    return about
