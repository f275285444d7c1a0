"""The fast implementation of a fire module: those of its three convolutions; `fast.py` says when it stands in."""
from typing import Any

import numpy as np

from ..layers import Fire
from ..layers.conv import Saved as ConvSaved
from ..layers.fire import Saved
from ..ops.arrays import Array
from .fast_conv import fast_convolution
from .fast_layer import FastLayer


class FastFire(FastLayer):
    """Fire, whose forward and backward passes go through the convolutions' fast implementations.

    The way back meets each of them once; the layer's own does it twice, for its input and for its parameters.
    """

    label = "three fast convolutions"

    def __init__(self, layer: Fire) -> None:
        super().__init__(layer)
        self.names = list(layer.convolutions)
        self.squeeze, self.one, self.three = (fast_convolution(conv)(conv) for conv in layer.parts())

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.layer.check_input(x)
        squeezed, _ = self.squeeze.forward(x)
        np.maximum(squeezed, 0, out=squeezed)
        y = np.empty((*squeezed.shape[:3], self.layer.expand1 + self.layer.expand3), dtype=x.dtype)
        np.maximum(self.one.forward(squeezed)[0], 0, out=y[..., : self.layer.expand1])
        np.maximum(self.three.forward(squeezed)[0], 0, out=y[..., self.layer.expand1 :])
        return y, Saved(x, squeezed, y)

    def backward(self, dy: Array, saved: Saved, input_gradient: bool = True) -> tuple[Array | None, dict[str, Array]]:
        self.layer.check_upstream(dy, saved)
        dy, seen = dy * (saved.y > 0), ConvSaved(saved.squeezed)
        done1: Any = self.one.backward(np.ascontiguousarray(dy[..., : self.layer.expand1]), seen)
        done3: Any = self.three.backward(np.ascontiguousarray(dy[..., self.layer.expand1 :]), seen)
        dsqueezed = (done1[0] + done3[0]) * (saved.squeezed > 0)
        dx, grads = self.squeeze.backward(dsqueezed, ConvSaved(saved.x), input_gradient)
        each = zip(self.names, (grads, done1[1], done3[1]), strict=True)
        return dx, {f"{name}_{key}": grad for name, own in each for key, grad in own.items()}
