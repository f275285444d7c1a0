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
from .run_folder import FILES, RunFolder
from .train import fit

EPOCHS = 5
RATE_DROPS = [4]  # epochs after which the learning rate is divided by 10
SHEET = 16  # test images on the sheet
FOLDER = "tinynet-demo"
PICTURES = ("filters.png", "predictions.png")


def run(folder: str | os.PathLike | None = None, seed: int = 0) -> None:
    """Train, evaluate and check a small AlexNet on drawn shapes, and leave pictures of it in `folder`.

    Parameters
    ----------
    folder : path-like, optional
        A run folder, as `fit` makes it, with filters.png and predictions.png added. Default: `FOLDER`, where the
        files of an earlier demo, finished or broken off, are replaced; other files stay.
    seed : int
        Of the weights, of the order of the images and of dropout; the images are always the same.

    Raises
    ------
    TinynetError
        When a gradient is wrong, or a folder of the caller's choice has a run already.
    """
    start = time.monotonic()
    net = alexnet_small(seed=seed)
    if folder is None:
        folder = FOLDER
        with RunFolder(folder, resume=Path(folder, "last.npz").exists()).in_use():  # no other demo is
            for name in (*FILES, *PICTURES):
                Path(folder, name).unlink(missing_ok=True)
    path = RunFolder(folder, resume=False).path  # to complain now, and not after the drawing
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
    draw(path, net, test)
    say(f"done in {time.monotonic() - start:.0f} s; curve, filters, predictions and metrics are in {folder}")


def draw(folder: Path, net: Network, test: Dataset) -> None:
    """Write filters.png and predictions.png; without matplotlib, say what is left out."""
    try:
        from .pictures import first_layer_filters, prediction_sheet
    except ImportError as error:
        say(f"filters.png and predictions.png are left out: {error}")
        return
    filters, predictions = PICTURES
    first_layer_filters(net).savefig(folder / filters)
    some = test.subset(slice(SHEET))
    sheet = prediction_sheet(some.images, predict(net, some.images), some.labels, some.class_names)
    sheet.savefig(folder / predictions)


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n== {text}", flush=True)
