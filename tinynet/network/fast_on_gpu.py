"""Fast implementations on a GPU: a whole layer as a kernel forward and one backward (see `kernels/README.md`)."""
from ..layers import LocalResponseNorm
from ..layers.lrn import Saved
from ..ops.arrays import Array, Shape
from ..ops.cuda_ops import local_response_norm, local_response_norm_back


class FusedResponseNorm:
    """LocalResponseNorm, whose expressions would go over the memory 34 times; this goes 7 times."""

    label = "one kernel each way"

    def __init__(self, layer: LocalResponseNorm) -> None:
        self.layer = layer
        self.params = layer.params

    def output_shape(self, shape: Shape) -> Shape:
        return self.layer.output_shape(shape)

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
