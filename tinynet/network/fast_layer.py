"""What all fast implementations have in common; `fast.py` says when one stands in for a layer."""
from typing import Any

from ..ops.arrays import Shape


class FastLayer:
    """A fast implementation of a layer, with the layer's own parameters; made anew for each pass over a batch.

    Attributes
    ----------
    label : str
        What it does, for `tinynet profile`.
    """

    label: str

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.params = layer.params

    def output_shape(self, shape: Shape) -> Shape:
        return self.layer.output_shape(shape)
