"""A layer's output and gradients beside those of another implementation: what differs, where, by how much."""
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError
from ..gradcheck.frozen_copy import FrozenCopy
from ..gradcheck.snapshots import index_text, named
from ..ops.arrays import Array
from ..tables import text_table
from .layout import Layout
from .reference import Ours, run


class Difference(NamedTuple):
    """One array of both implementations: the largest difference, where it is, and a sentence if it is too large."""

    name: str
    shape: str
    largest: str
    sentence: str


class Comparison:
    """A layer's outputs and gradients beside those of a reference.

    Attributes
    ----------
    ours, theirs : dict of str to array
        "y", "x", "w" and so on: the output, and the gradients, in our layout.
    rows : list of Difference
    wrong : list of str
        The names of what differs.
    error : Exception or None
        What the reference raised.
    """

    def __init__(self, frozen: FrozenCopy, reference: Any, x: Array, layout: Layout, tolerance: float, seed: int):
        self.frozen, self.reference, self.x = frozen, reference, x
        self.layout, self.tolerance, self.seed = layout, tolerance, seed
        self.params = named(frozen.params)
        self.rows: list[Difference] = []
        self.error: Exception | None = None
        y, saved = frozen.forward(x)
        upstream = np.random.default_rng([seed, 2]).standard_normal(y.shape)
        dx, grads = frozen.backward(upstream, saved)
        self.ours = {name: np.asarray(each) if isinstance(each, np.generic) else each
                     for name, each in {"y": y, "x": dx, **named(grads)}.items()}
        self.theirs: dict[str, Array] = {}
        try:
            self.theirs["y"], backward = self.run(x, self.params)
            if self.theirs["y"].shape == y.shape:
                dx, grads = backward(layout.to_reference(upstream))
                self.theirs |= {"x": layout.from_reference(np.asarray(dx))}
                self.theirs |= {name: layout.from_reference(np.asarray(each), True) for name, each in grads.items()}
        except ArgumentError:
            raise
        except Exception as error:  # of any kind, from another implementation
            self.error = error
        for name, array in self.theirs.items():
            self.rows.append(self.difference(name, self.ours.get(name), array))

    def run(self, x: Array, params: Mapping[str, Array]) -> Any:
        """Return the reference's output in our layout, and its backward pass."""
        turned = self.layout.to_reference
        ours = Ours({name: turned(array, True) for name, array in params.items()},
                    {name: turned(array, True) for name, array in self.frozen.buffers.items()})
        y, backward = run(self.reference, turned(x), ours, self.frozen.train)
        return self.layout.from_reference(np.asarray(y)), backward

    def difference(self, name: str, ours: Any, theirs: Array) -> Difference:
        """Compare one array."""
        what = called(name)
        if not isinstance(ours, np.ndarray):
            found = "no gradient of it" if ours is None else f"a {type(ours).__name__}"
            return Difference(what, "", "", f"backward gives {found}.")
        if ours.shape != theirs.shape:
            return Difference(what, str(ours.shape), "",
                              f"it has shape {ours.shape}, that of the reference is {theirs.shape}.")
        with np.errstate(invalid="ignore"):  # inf - inf
            apart = np.array(np.abs(ours - theirs))
        apart[(ours == theirs) | (np.isnan(ours) & np.isnan(theirs))] = 0
        apart[np.isnan(apart)] = np.inf
        largest, size = float(apart.max(initial=0)), float(np.abs(theirs[np.isfinite(theirs)]).max(initial=1e-3))
        if largest <= self.tolerance * size:
            return Difference(what, str(ours.shape), f"{largest:.1e}", "")
        at = np.unravel_index(int(apart.argmax()), apart.shape)
        count = int((apart > self.tolerance * size).sum())
        return Difference(what, str(ours.shape), f"{largest:.1e}",
                          f"it differs in {count} of {apart.size} numbers, most at {index_text(at)}: {ours[at]:.6g}, "
                          f"the reference has {theirs[at]:.6g}.")

    @property
    def wrong(self) -> list[str]:
        """The names of arrays that differ; "reference" where it failed."""
        failed = ["reference"] if self.error is not None else []
        return failed + [name for name, row in zip(self.theirs, self.rows, strict=True) if row.sentence]

    def same(self, ours: Any, theirs: Any) -> bool:
        """Whether two arrays agree."""
        return not self.difference("y", ours, theirs).sentence

    def __str__(self) -> str:
        wrong = [row for row in self.rows if row.sentence]
        if self.error is not None:
            text = " ".join(str(self.error).split())
            return (f"{self.frozen.what}: the reference fails for x of shape {self.layout.to_reference(self.x).shape} "
                    f"({type(self.error).__name__}: {text})")
        cells = [[row.name, row.shape, row.largest, "differs" if row.sentence else "agrees"] for row in self.rows]
        verb = "differs" if len(wrong) == 1 else "differ"
        return "\n".join([
            f"{self.frozen.what}: {', '.join(row.name for row in wrong)} {verb} from the reference",
            text_table(["", "shape", "largest difference", "verdict"], cells),
            *(f"\n{row.name}: {row.sentence}" for row in wrong)])


def called(name: str) -> str:
    """Return how a message calls an array."""
    return "y" if name == "y" else f"the gradient of {name}"
