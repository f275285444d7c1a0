"""What each epoch of a training brought."""
import csv
import io
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError
from ..tables import html_table, text_table

if TYPE_CHECKING:
    from ..plots.pictures import Picture

# Errors are shares of the images, from 0 to 1; without a validation set its two are None. Those of the training set
# are means over the epoch, while the network changed and with dropout and random crops. `images_per_second` is
# training alone; `seconds` is all the time since the start, pauses between interruption and resumption left out.
COLUMNS = (
    "epoch", "learning_rate", "train_loss", "train_error", "validation_loss", "validation_error",
    "images_per_second", "seconds",
)


class History(list):
    """A list with a dict for each epoch, of the names in `COLUMNS`; shows itself as a table in a notebook."""

    @classmethod
    def of(cls, rows: Any) -> "History":
        """Return the history with these rows; ArgumentError unless each is a dict of numbers with our names."""
        if not isinstance(rows, list):
            raise ArgumentError(f"History: expected a list of rows, got a {type(rows).__name__}")
        for row in rows:
            numbers = row if isinstance(row, dict) else {}
            if set(numbers) != set(COLUMNS) or not all(
                isinstance(value, int | float) or (value is None and name.startswith("validation"))
                for name, value in numbers.items()
            ):
                raise ArgumentError(f"History: a row is {row!r}, expected numbers for {', '.join(COLUMNS)}")
        return cls(rows)

    def __str__(self) -> str:
        return text_table(COLUMNS, self.cells())

    def _repr_html_(self) -> str:
        return html_table(COLUMNS, self.cells())

    def cells(self) -> list[list[str]]:
        """Return the table's cells as text."""
        return [[shown(name, row[name]) for name in COLUMNS] for row in self]

    def csv(self) -> str:
        """Return the table in CSV, with a line of names and all digits; what is None is empty."""
        file = io.StringIO()
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self)
        return file.getvalue()

    def plot(self) -> "Picture":
        """Draw loss and error by epoch; needs matplotlib (the extra `plots`)."""
        from ..plots.pictures import learning_curve

        return learning_curve(self)


def shown(name: str, value: Any) -> str:
    """Write one value of a row for people: errors in per cent."""
    if value is None:
        return ""
    if name.endswith("error"):
        return f"{value:.2%}"
    return f"{value:.4g}" if name in ("learning_rate", "train_loss", "validation_loss") else f"{value:.0f}"


def line(row: dict[str, Any], epochs: int) -> str:
    """Return the line of the log for one epoch."""
    parts = [f"epoch {row['epoch']}/{epochs}", f"loss {row['train_loss']:.4f}", f"error {row['train_error']:.2%}"]
    if row["validation_loss"] is not None:
        parts += [f"validation loss {row['validation_loss']:.4f}", f"validation error {row['validation_error']:.2%}"]
    parts += [f"rate {row['learning_rate']:g}", f"{row['images_per_second']:.0f} images/s", f"{row['seconds']:.0f} s"]
    return "  ".join(parts)
