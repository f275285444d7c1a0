"""`tinynet predict`: the most probable classes of image files and of folders, printed or as a table."""
import argparse
import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from ..data import Preprocessing
from ..data.image_folder import ENDINGS
from ..data.imagenet import with_wordnet_name
from ..errors import ArgumentError, DataError
from ..files import atomic_write, printable
from ..network import Network
from ..ops.checks import check_count
from ..training.evaluation import predict
from .networks import class_names, named_network, placed, read_names, say_no_other_class, trained_preprocessing
from .output import check_picture, check_place, csv_bytes

MOST_ON_SHEET = 64


class Prediction(NamedTuple):
    """One file's image as it is stored, the probabilities of all classes, and the most probable ones in order."""

    path: str
    image: np.ndarray
    probabilities: np.ndarray
    best: np.ndarray


def run_predict(options: argparse.Namespace) -> int:
    """Classify the images batch by batch; return 1 if a file cannot be read, else 0."""
    check_count("predict", "--top", options.top)
    check_count("predict", "--batch-size", options.batch_size)
    if options.sheet is not None:
        check_picture("--sheet", options.sheet)
        check_place("--sheet", options.sheet)
    if options.csv is not None:
        check_place("--csv", options.csv)
    paths = image_files(options.images)
    if options.sheet is not None and len(paths) > MOST_ON_SHEET:
        raise ArgumentError(f"--sheet {options.sheet}: a sheet has room for {MOST_ON_SHEET} images, got {len(paths)}: "
                            "give fewer, or write a table with --csv")
    if options.names is not None:
        read_names(options.names)  # an error in it before the network is read, and any image
    net = named_network(options)
    preprocessing = trained_preprocessing(net)
    net = placed(net, options.device)
    names: list[str] = []
    drawn: list[Prediction] = []
    done = 0
    with ExitStack() as stack:
        batches = stack.enter_context(closing(predictions(net, preprocessing, paths, options)))
        write = print_lines if options.csv is None else table_writer(options.csv, stack)
        for found in batches:
            names = names or [*map(with_wordnet_name, class_names(net, options.names, len(found[0].probabilities)))]
            write(found, names)
            drawn += found if options.sheet is not None else []
            done += len(found)
    if done and options.csv is not None:
        print(f"the table of {done} images is {options.csv}")
    if drawn:
        draw_sheet(drawn, names, options.sheet)
    if done:
        say_no_other_class(options)
    if done < len(paths):
        left = [f"{name} was not written" for name in (options.csv, options.sheet) if name is not None and not done]
        print("; ".join([f"tinynet: {len(paths) - done} of {len(paths)} files cannot be read", *left]), file=sys.stderr)
    return 0 if done == len(paths) else 1


def predictions(net: Network, preprocessing: Preprocessing, paths: list[str],
                options: argparse.Namespace) -> Generator[list[Prediction]]:
    """Yield the predictions of one batch after another, without the files that cannot be read, with a progress bar."""
    size = options.batch_size
    with tqdm(total=len(paths), unit=" images", dynamic_ncols=True, mininterval=0.2,
              disable=not sys.stderr.isatty() or len(paths) <= size) as bar:
        for start in range(0, len(paths), size):
            part = paths[start : start + size]
            read = list(read_images(part, preprocessing))
            if read:
                images = np.stack([image for _, image in read])
                rows = predict(net, images, batch_size=size, ten_crop=options.ten_crop)
                best = np.argsort(-rows, axis=1, kind="stable")[:, : options.top]  # equal ones in the classes' order
                yield [Prediction(*read[i], rows[i], best[i]) for i in range(len(read))]
            bar.update(len(part))


def print_lines(found: list[Prediction], names: list[str]) -> None:
    """Print a line for each image, above the progress bar."""
    for path, _, row, best in found:
        tqdm.write(f"{printable(path)}: " + ", ".join(f"{names[i]} {row[i]:.1%}" for i in best), file=sys.stdout)


def table_writer(file: str, stack: ExitStack) -> Callable[[list[Prediction], list[str]], None]:
    """Return what adds the predictions of a batch to a table, which becomes `file` when `stack` closes without error.

    The table begins with the first batch: where no image can be read, an older table stays.
    """
    table: Any = None

    def write(found: list[Prediction], names: list[str]) -> None:
        nonlocal table
        if table is None:
            table = stack.enter_context(atomic_write(Path(file)))
            columns = (f"{what}_{i + 1}" for i in range(len(found[0].best)) for what in ("class", "probability"))
            table.write(csv_bytes([["path", *columns]]))
        table.write(csv_bytes([printable(path), *(cell for i in best for cell in (names[i], row[i]))]
                              for path, _, row, best in found))

    return write


def image_files(paths: list[str]) -> list[str]:
    """Return the files that are named, and for a folder the image files in it and its subfolders, sorted.

    As in a data set, hidden files and folders, and files without the ending of an image, are left out of a folder.
    """
    files: list[str] = []
    for path in paths:
        if not os.path.isdir(path):
            files.append(path)
            continue
        found = sorted(folder_files(path))
        if not found:
            raise DataError(f"{printable(path)} has no images, nor have its subfolders: expected files ending in "
                            f"{', '.join(ENDINGS)}")
        files += map(str, found)
    return files


def folder_files(folder: str) -> Iterator[Path]:
    """Yield the image files in a folder and its subfolders, also in those that are links, but in each folder once.

    An OSError for one that cannot be listed.
    """
    def fail(error: OSError) -> None:
        raise error

    met = {os.path.realpath(folder)}
    for place, subfolders, names in os.walk(folder, onerror=fail, followlinks=True):
        real = {name: os.path.realpath(Path(place, name)) for name in subfolders if not name.startswith(".")}
        subfolders[:] = [name for name, path in real.items() if path not in met]
        met.update(real.values())
        for name in names:
            if Path(name).suffix.lower() in ENDINGS and not name.startswith("."):
                yield Path(place, name)


def read_images(paths: list[str], preprocessing: Preprocessing) -> Iterator[tuple[str, np.ndarray]]:
    """Yield files and their images, as they are stored; a file that cannot be read is named on standard error."""
    for path in paths:
        try:
            image = preprocessing.load_image(path)
        except DataError as problem:
            with suppress(OSError):  # nobody reads it
                tqdm.write(f"left out: {printable(str(problem))}", file=sys.stderr)
        else:
            yield path, image


def draw_sheet(drawn: list[Prediction], names: list[str], file: str) -> None:
    """Draw the images with their probabilities as bars."""
    from ..plots.pictures import prediction_sheet

    images, probabilities = [each.image for each in drawn], np.stack([each.probabilities for each in drawn])
    prediction_sheet(images, probabilities, class_names=names).savefig(file)
    print(f"the sheet is {file}")
