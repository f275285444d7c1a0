"""The list of planted bugs: what one entry is, and the decorator that makes a wrong class or function an entry."""
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...errors import ArgumentError
from ...layers.base import Layer
from ...network.params import single_layers
from ...ops.arrays import Array, Shape
from ...training.optim import SGD, Adam
from ..check import check_gradients
from ..optimizer_check import check_optimizer

CATALOGUE: dict[str, "Bug"] = {}


class Bug(NamedTuple):
    """A wrong version of a layer, a loss, a network or an optimizer.

    Attributes
    ----------
    name : str
        Such as "conv2d-input-flipped-kernel": what is wrong first, then how.
    sentence : str
        What is wrong, in one sentence.
    names : tuple of str
        What a check has to name, in any order: "x" and parameters ("w", "fc1.b") whose gradient is wrong; "forward" or
        "backward" where a rule of the contract is broken; "fc1.w at step 2" for an optimizer.
    wrong, right : class or function
        The wrong version, and the right one that it was made from.
    make : callable
        Makes what is checked from either of them.
    shape : tuple of int
        The shape of the input; empty for an optimizer.
    """

    name: str
    sentence: str
    names: tuple[str, ...]
    wrong: Any
    right: Any
    make: Callable[[Any], Any]
    shape: Shape

    @property
    def family(self) -> str:
        """The name of the file that it is in."""
        return self.wrong.__module__.rpartition(".")[2]

    @property
    def of_optimizer(self) -> bool:
        """Whether it is an optimizer, which has steps to check and no gradient."""
        return self.right in (SGD, Adam)

    def case(self, right: bool = False, seed: int = 0) -> tuple[Any, Array]:
        """Return the wrong version (or the right one) in float64 and an input for it, the same for the same seed.

        All parameters are drawn, also those whose initial values are zero or one: a forgotten factor would not show.
        """
        f, generator = self.make(self.right if right else self.wrong), np.random.default_rng(seed)
        if isinstance(f, Layer):
            f = f.astype("float64")
            for _, layer in single_layers(f):
                for name, array in layer.params.items():
                    layer.params[name] = generator.standard_normal(array.shape)
                for name, array in layer.buffers.items():
                    layer.buffers[name] = generator.uniform(0.5, 2, array.shape)
        return f, generator.standard_normal(self.shape)

    def check(self, right: bool = False) -> Any:
        """Run the check that fits on the wrong version (or the right one) and return its report."""
        if self.of_optimizer:
            return check_optimizer(self.right if right else self.wrong)
        return check_gradients(*self.case(right))


def planted(
    name: str, names: str, make: Callable[[Any], Any], shape: Shape = (), right: Any = None
) -> Callable[[Any], Any]:
    """Return a decorator that enters a wrong class or function, whose docstring says what is wrong.

    Parameters
    ----------
    name, make, shape
        As for Bug.
    names : str
        Bug.names, with commas between them.
    right : class or function, optional
        The base class if not given.
    """

    def enter(wrong: Any) -> Any:
        if name in CATALOGUE:
            raise ArgumentError(f"planted: two bugs are called {name!r}")
        sentence = " ".join((inspect.getdoc(wrong) or "").split())
        CATALOGUE[name] = Bug(
            name, sentence, tuple(names.split(", ")), wrong, right or wrong.__bases__[0], make, shape
        )
        return wrong

    return enter
