"""Arrays in the order of another implementation's axes: images (N, C, H, W), filters (F, C, KH, KW)."""
import numpy as np

from ..errors import ArgumentError
from ..ops.arrays import Array

LAYOUTS = ("NHWC", "NCHW")
IMAGES, FILTERS, MATRIX = (0, 3, 1, 2), (3, 2, 0, 1), (1, 0)


class Layout:
    """Brings arrays to a reference and back; "NHWC" leaves them as they are.

    For "NCHW", images (N, H, W, C) become (N, C, H, W), filters (KH, KW, C, F) become (F, C, KH, KW), and the weights
    (in, out) of a linear layer (out, in). Arrays of another number of axes are the same in both.
    """

    def __init__(self, name: str) -> None:
        if name not in LAYOUTS:
            raise ArgumentError(f"assert_matches: layout is {name!r}, expected 'NHWC' or 'NCHW'")
        self.name, self.other_name = name, LAYOUTS[name == "NHWC"]

    def axes(self, ndim: int, parameter: bool) -> tuple[int, ...]:
        """Return which of our axes stands where in the reference's array."""
        if self.name == "NCHW" and ndim == 4:
            return FILTERS if parameter else IMAGES
        return MATRIX if self.name == "NCHW" and parameter and ndim == 2 else tuple(range(ndim))

    def to_reference(self, array: Array, parameter: bool = False) -> Array:
        """Return a copy of one of our arrays for the reference."""
        return np.array(array.transpose(self.axes(array.ndim, parameter)), order="C")

    def from_reference(self, array: Array, parameter: bool = False) -> Array:
        """Return one of the reference's arrays in our order."""
        return array.transpose(np.argsort(self.axes(array.ndim, parameter)))
