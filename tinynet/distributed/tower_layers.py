"""The three layers that only a network in two processes has: where numbers cross from one tower to the other."""
from typing import Any, NamedTuple

import numpy as np

from ..layers import Dropout, Linear
from ..layers.base import Layer
from ..layers.dropout import Saved as SavedMask
from ..layers.linear import Saved as SavedInput
from ..ops import matmul
from ..ops.arrays import Array, Shape, array_module, to_cpu


def needs_both(net: Any) -> bool:
    """Tell whether a network is one of two towers, which goes forward only together with the other."""
    return any(isinstance(layer, BothTowers | LinearOverTowers) for layer in net.layers.values())


class Saved(NamedTuple):
    """Both towers' maps, of which backward needs the shape alone."""

    y: Array


class BothTowers(Layer):
    """y = [x of tower 0, x of tower 1], side by side along the channels, in both processes.

    Parameters
    ----------
    team : Team
        Of two processes.
    """

    whole_batch = True  # it talks to the other process, in the calling thread

    def __init__(self, *, team: Any) -> None:
        super().__init__()
        self.team = team

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        own = np.ascontiguousarray(to_cpu(x))
        both = np.empty((2, *own.shape), own.dtype)
        self.team.comm.Allgather(own, both)
        y = array_module(x).asarray(np.concatenate(list(both), axis=-1))       # (N, H, W, 2 C), or (N, 2 C)
        return y, Saved(y)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        # What this tower sent was used in both: its gradient is the sum of what both say about it.
        number, c = self.team.number, dy.shape[-1] // 2
        halves = [np.ascontiguousarray(to_cpu(dy[..., t * c : (t + 1) * c])) for t in (0, 1)]
        received = np.empty_like(halves[number])
        self.team.comm.Sendrecv(halves[1 - number], dest=1 - number, recvbuf=received)
        return array_module(dy).asarray(halves[number] + received)             # (N, H, W, C), or (N, C)

    def output_shape(self, shape: Shape) -> Shape:
        return (*shape[:-1], 2 * shape[-1])


class LinearOverTowers(Linear):
    """y = (x @ w of tower 0) + (x @ w of tower 1) + b: each tower has the rows of w for its own units.

    The scores are the same in both processes, so the gradient that comes back to them is, and nothing crosses then.
    """

    def __init__(self, in_features: int, out_features: int, *, team: Any) -> None:
        super().__init__(in_features, out_features, seed=0)
        self.team = team

    def forward(self, x: Array, train: bool = False) -> tuple[Array, SavedInput]:
        self.check_input(x)
        return self.team.add(matmul(x, self.params["w"])) + self.params["b"], SavedInput(x)


class TowerDropout(Dropout):
    """y = x * mask, with the mask drawn for both towers, of which this one's half is used."""

    def __init__(self, p: float, *, team: Any) -> None:
        super().__init__(p, seed=0)
        self.team = team

    def forward(self, x: Array, train: bool = False) -> tuple[Array, SavedMask]:
        if not train:
            return super().forward(x)
        self.check_input(x)
        number, c = self.team.number, x.shape[-1]
        drawn = self.generator.random((*x.shape[:-1], 2 * c), dtype=np.float32)[..., number * c : (number + 1) * c]
        mask = array_module(x).asarray(drawn >= self.p).astype(x.dtype) / (1 - self.p)
        return x * mask, SavedMask(mask)
