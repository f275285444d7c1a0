"""Dropout (Krizhevsky et al. 2012, section 4.2; Hinton et al. 2012)."""
from typing import NamedTuple

import numpy as np

from ..errors import ArgumentError
from ..ops.arrays import Array, array_module
from ..ops.checks import Seed, check_between, check_seed
from ..ops.processes import draw_for_batch
from .as_drawn import draw_initial
from .base import Layer


class Saved(NamedTuple):
    """What each input was multiplied by: 0, or 1 / (1 - p); all ones outside training."""

    mask: Array


class Dropout(Layer):
    """y = x * mask in training, where mask is 0 with probability p and 1 / (1 - p) otherwise; y = x in evaluation.

    Parameters
    ----------
    p : float
        The probability to *drop*, from 0 to less than 1.
    seed : int, list of int, or None
        Of the layer's own `generator`, which every forward pass in training moves on. None: as 0, and the network that
        the layer comes into draws anew (see `Network`).

    Raises
    ------
    ArgumentError
        For a setting that makes no sense; names it.

    Notes
    -----
    The paper multiplies by 0 or 1 in training and by 1 - p at test. Dividing by 1 - p in training instead gives the
    same expectation and leaves evaluation untouched ("inverted" dropout).
    """

    whole_batch = True  # one mask for the batch, drawn in the calling thread, however the batch is cut elsewhere
    like_output = "mask"

    def __init__(self, p: float = 0.5, *, seed: Seed | None = None) -> None:
        super().__init__()
        self.p = check_between("Dropout", "p", p, 0, 1)
        if p == 1:
            raise ArgumentError("Dropout: p is 1, which drops everything; expected a number below 1")
        draw_initial(self, check_seed("Dropout", seed, optional=True))

    def draw_from(self, seed: Seed) -> None:
        self.generator: np.random.Generator = np.random.default_rng(seed)

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        xp = array_module(x)
        if not train:
            return x, Saved(xp.broadcast_to(xp.ones(1, dtype=x.dtype), x.shape))
        kept = draw_for_batch(self.generator, x.shape) >= self.p
        mask = xp.asarray(kept).astype(x.dtype) / (1 - self.p)
        return x * mask, Saved(mask)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        return dy * saved.mask
