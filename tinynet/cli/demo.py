"""The main job, with nothing to download: draw a data set, train a small AlexNet on it, check it, show it."""
import os
import time
from pathlib import Path

from ..data import Dataset, load_shapes
from ..errors import ArgumentError, TinynetError
from ..files import locked, user_path
from ..gradcheck import check_each_layer
from ..models import alexnet_small
from ..network import Network
from ..training.evaluation import evaluate, predict
from ..training.fit import fit
from ..training.run_folder import FILES, RunFolder

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
        files of an earlier demo, finished or interrupted, are replaced; other files stay.
    seed : int
        Of the weights, of the order of the images and of dropout; the images are always the same.

    Raises
    ------
    TinynetError
        When a gradient is wrong, another demo or run is at work in the folder, or one of the caller's choice has a run
        already.
    """
    net, path = alexnet_small(seed=seed), user_path(FOLDER if folder is None else folder)
    if folder is not None:
        RunFolder(path, resume=False)  # an error now, and not after the drawing
    with locked(path, "demo.lock") as ours:
        if not ours:
            raise ArgumentError(f"{path} is in use by another demo: wait until it ends, or choose another folder")
        if folder is None:
            remove_earlier(path)
        show(net, path, seed)


def remove_earlier(folder: Path) -> None:
    """Remove the files of an earlier demo, unless another process is resuming its training."""
    with locked(folder, "run.lock") as ours:
        if not ours:
            raise ArgumentError(f"{folder} is in use by another run: wait until it ends, or choose another folder")
        for name in (*FILES, *PICTURES):
            (folder / name).unlink(missing_ok=True)


def show(net: Network, folder: Path, seed: int) -> None:
    """Do the demo, in a folder without a run."""
    start = time.monotonic()
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
    draw(folder, net, test)
    say(f"done in {time.monotonic() - start:.0f} s; curve, filters, predictions and metrics are in {folder}")


def draw(folder: Path, net: Network, test: Dataset) -> None:
    """Write filters.png and predictions.png; without matplotlib, say what is left out."""
    try:
        from ..plots.pictures import first_layer_filters, prediction_sheet
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
