"""Fast implementations on a GPU (see `kernels/README.md`): fewer products, a whole layer as one kernel each way."""
import math
import os
from typing import Any

from ..layers import Conv2d
from ..layers.conv import Saved as ConvSaved
from ..layers.lrn import Saved
from ..ops.arrays import Array, Shape, array_module
from ..ops.cuda_ops import local_response_norm, local_response_norm_back
from .fast_layer import FastLayer
from .fast_winograd import WinogradConv
from .winograd import MOST_TAPS

# Weights times an image's places, from which half the multiplications are worth some forty launches, as predicted in
# kernels/README.md. The paper's conv2 to conv5 have 75 to 224 million.
WORTH = 50_000_000


def fast_convolution_on_gpu(layer: Conv2d, shape: Shape) -> Any:
    """Return the class of a convolution's fast implementation on a GPU, for images of a shape; None if it has none.

    Where CuPy may round the factors of products to TF32, products cost little, and sums of rounded numbers would differ
    from the layer's own by more than the proof before use lets pass.
    """
    if os.environ.get("CUPY_TF32", "0") != "0":
        return None
    w = layer.params["w"]
    suits = layer.window.stride == (1, 1) and 3 <= len(w) <= MOST_TAPS
    return WinogradOnGpu if suits and w.size * math.prod(shape[:2]) >= WORTH else None


class WinogradOnGpu(WinogradConv):
    """Conv2d at stride 1 by sums of rows, as on the CPU, for the output and the images' gradient.

    The weights' gradient is the layer's own: CuPy would copy the columns of all sums before it could give their
    transposed form to cuBLAS.
    """

    def backward(
        self, dy: Array, saved: ConvSaved, input_gradient: bool = True
    ) -> tuple[Array | None, dict[str, Array]]:
        self.layer.check_upstream(dy, saved)
        grads = self.layer.param_gradients(dy, saved)
        if not input_gradient:
            return None, grads
        dx = array_module(dy).empty_like(saved.x)                               # (N, H, W, C)
        for channels, filters, correlation in self.correlations(dy.shape):
            correlation.images_gradient(correlation.tiles.outputs_back(dy[..., filters]), dx[..., channels])
        return dx, grads


class FusedResponseNorm(FastLayer):
    """LocalResponseNorm, whose expressions would go over the memory 34 times; this goes 7 times."""

    label = "one kernel each way"

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.layer.check_input(x)
        norm = self.layer
        y, scale = local_response_norm(x, norm.size, norm.alpha, norm.beta, norm.k, norm.groups)
        return y, Saved(x, scale)

    def backward(self, dy: Array, saved: Saved, input_gradient: bool = True) -> tuple[Array | None, dict[str, Array]]:
        self.layer.check_upstream(dy, saved)
        norm = self.layer
        if not input_gradient:
            return None, {}
        return local_response_norm_back(dy, saved.x, saved.scale, norm.size, norm.alpha, norm.beta, norm.groups), {}
