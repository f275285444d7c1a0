"""The main job, with nothing to download: draw a data set, train a small AlexNet on it, check it, show it."""
import os
import time
from pathlib import Path

from .data import Dataset, load_shapes
from .errors import TinynetError
from .evaluation import evaluate, predict
from .gradcheck import check_each_layer
from .models import alexnet_small
from .network import Network
from .train import fit

EPOCHS = 5
RATE_DROPS = [4]  # epochs after which the learning rate is divided by 10
SHEET = 16  # test images on the sheet


def run(folder: str | os.PathLike, seed: int = 0) -> None:
    """Train, evaluate and check a small AlexNet on drawn shapes, and leave pictures of it in `folder`.

    Parameters
    ----------
    folder : path-like
        A run folder, as `fit` makes it, with filters.png and predictions.png added.
    seed : int
        Of the weights, of the order of the images and of dropout; the images are always the same.

    Raises
    ------
    TinynetError
        When a gradient is wrong, or the folder has a run already.
    """
    start = time.monotonic()
    net = alexnet_small(seed=seed)
    print(net.summary())
    say("drawing 10,000 images of ten shapes")
    train, test = load_shapes()
    say(f"training for {EPOCHS} epochs")
    net.recipe["schedule"] = {"kind": "step", "epochs": RATE_DROPS, "factor": 0.1}
    fit(net, train, test, epochs=EPOCHS, run=folder, seed=seed)
    say(f"on the test images: {evaluate(net, test)}")
    say("checking the gradients of every layer against finite differences, in float64")
    report = check_each_layer(net, net.preprocessing(test.images[:2]))
    print(report)
    if not report.passed:
        raise TinynetError("the gradient check failed")
    draw(Path(folder), net, test)
    say(f"done in {time.monotonic() - start:.0f} s; curve, filters, predictions and metrics are in {folder}")


def draw(folder: Path, net: Network, test: Dataset) -> None:
    """Write filters.png and predictions.png; without matplotlib, say what is left out."""
    try:
        from .pictures import first_layer_filters, prediction_sheet
    except ImportError as error:
        say(f"filters.png and predictions.png are left out: {error}")
        return
    first_layer_filters(net).savefig(folder / "filters.png")
    some = test.subset(slice(SHEET))
    sheet = prediction_sheet(some.images, predict(net, some.images), some.labels, some.class_names)
    sheet.savefig(folder / "predictions.png")


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n== {text}", flush=True)
