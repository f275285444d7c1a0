"""`tinynet evaluate --confusion FILE`: the confusion matrix as a picture or a table, and the worst classes."""
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..data.imagenet import with_wordnet_name
from ..files import atomic_write
from .output import check_picture, check_place, csv_bytes

WORST = 5  # classes that are named


def check_confusion_file(file: str) -> None:
    """Raise ArgumentError unless the confusion matrix can be written to the file."""
    check_place("--confusion", file)
    if not is_table(file):
        check_picture("--confusion", file, others=["csv"])


def write_confusion(counts: np.ndarray, names: Sequence[str], file: str) -> None:
    """Write counts (classes, classes), row = true class, column = first guess; print the classes of highest error."""
    names, totals = [*map(with_wordnet_name, names)], counts.sum(axis=1)
    errors = 1 - np.diagonal(counts) / np.maximum(totals, 1)
    if is_table(file):
        with atomic_write(Path(file)) as table:
            table.write(csv_bytes([["true class", *names, "error"]]))
            table.write(csv_bytes(
                [name, *row, error if total else ""]
                for name, row, error, total in zip(names, counts.tolist(), errors.tolist(), totals, strict=True)
            ))
    else:
        from ..plots.confusion import confusion_matrix

        confusion_matrix(counts, names).savefig(file)
    worst = [i for i in np.argsort(-errors, kind="stable") if totals[i] and errors[i] > 0][:WORST]
    print("highest errors: " + (", ".join(f"{names[i]} {errors[i]:.1%}" for i in worst) or "none"))
    print(f"the confusion matrix is {file}")


def is_table(file: str) -> bool:
    """Tell whether the file's name asks for a table."""
    return Path(file).suffix.lower() == ".csv"
