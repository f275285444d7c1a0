"""SqueezeNet's fire module (Iandola et al. 2016, section 3.2): few filters of 1 x 1, then many of two sizes."""
import copy
from typing import NamedTuple

from ..ops.arrays import Array, Shape, array_module
from ..ops.checks import Seed, check_count, check_image_shape, check_seed
from .as_drawn import draw_initial
from .base import Layer
from .conv import Conv2d
from .conv import Saved as ConvSaved


class Saved(NamedTuple):
    """The input (N, H, W, C), the squeezed maps (N, H, W, S) and the output (N, H, W, E1 + E3), both behind ReLUs."""

    x: Array
    squeezed: Array
    y: Array


class Fire(Layer):
    """s = relu(squeeze(x)),  y = relu([expand1(s), expand3(s)]),  the brackets join along the channels.

    Parameters
    ----------
    in_channels : int
    squeeze : int
        Filters of 1 x 1, few of them: what the expensive 3 x 3 filters see.
    expand1, expand3 : int
        Filters of 1 x 1, and of 3 x 3 with padding 1, side by side.
    seed : int, list of int, or None
        Of the initial weights, N(0, 2 / inputs of a filter) (He et al. 2015); biases are 0. None: as for `Conv2d`.

    Raises
    ------
    ArgumentError
        For a setting that makes no sense; names it.

    Notes
    -----
    `params` has "squeeze_w" (1, 1, C, S), "expand1_w" (1, 1, S, E1), "expand3_w" (3, 3, S, E3) and their biases
    "squeeze_b" and so on, float32. The three convolutions are `Conv2d`'s.
    """

    def __init__(self, in_channels: int, squeeze: int, expand1: int, expand3: int, *, seed: Seed | None = None) -> None:
        super().__init__()
        self.in_channels = check_count("Fire", "in_channels", in_channels)
        self.squeeze, self.expand1, self.expand3 = (check_count("Fire", name, count) for name, count in (
            ("squeeze", squeeze), ("expand1", expand1), ("expand3", expand3)))
        if seed is not None:
            check_seed("Fire", seed)
        self.convolutions = {
            "squeeze": Conv2d(in_channels, squeeze, 1), "expand1": Conv2d(squeeze, expand1, 1),
            "expand3": Conv2d(squeeze, expand3, 3, padding=1),
        }
        for name, conv in self.convolutions.items():
            conv.as_drawn = None  # the layer draws them
            self.params |= {f"{name}_{key}": conv.params[key] for key in ("w", "b")}
        draw_initial(self, seed)

    def draw_from(self, seed: Seed) -> None:
        stream = list(seed) if isinstance(seed, list | tuple) else [seed]
        for number, (name, conv) in enumerate(self.convolutions.items()):
            conv.draw_from([*stream, number])
            self.params[f"{name}_w"] = conv.params.pop("w")  # here alone from now on
            conv.params.pop("b", None)

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Saved]:
        self.check_input(x)
        squeeze_conv, conv1, conv3 = self.parts()
        squeezed = relu(squeeze_conv.forward(x)[0])                            # (N, H, W, S)
        sides = [conv1.forward(squeezed)[0], conv3.forward(squeezed)[0]]
        y = relu(array_module(x).concatenate(sides, axis=3))                   # (N, H, W, E1 + E3)
        return y, Saved(x, squeezed, y)

    def input_gradient(self, dy: Array, saved: Saved) -> Array:
        squeeze_conv, _, _ = self.parts()
        dsqueezed, _, _ = self.before_relus(dy, saved)
        return squeeze_conv.input_gradient(dsqueezed, ConvSaved(saved.x))

    def param_gradients(self, dy: Array, saved: Saved) -> dict[str, Array]:
        grads: dict[str, Array] = {}
        seen = (saved.x, saved.squeezed, saved.squeezed)
        for name, conv, x, upstream in zip(
                self.convolutions, self.parts(), seen, self.before_relus(dy, saved), strict=True):
            grads |= {f"{name}_{key}": grad for key, grad in conv.param_gradients(upstream, ConvSaved(x)).items()}
        return grads

    def before_relus(self, dy: Array, saved: Saved) -> tuple[Array, Array, Array]:
        """Return the gradients at the outputs of the three convolutions: squeeze, expand1, expand3."""
        _, conv1, conv3 = self.parts()
        dy = dy * (saved.y > 0)
        dexpand1, dexpand3 = dy[..., : self.expand1], dy[..., self.expand1 :]
        # Both sides saw the squeezed maps: their gradients add up.
        dsqueezed = conv1.input_gradient(dexpand1, ConvSaved(saved.squeezed)) \
            + conv3.input_gradient(dexpand3, ConvSaved(saved.squeezed))
        return dsqueezed * (saved.squeezed > 0), dexpand1, dexpand3

    def parts(self) -> list[Conv2d]:
        """Return the three convolutions with the parameters that the layer has now."""
        parts = []
        for name, conv in self.convolutions.items():
            part = copy.copy(conv)
            part.params = {key: self.params[f"{name}_{key}"] for key in ("w", "b")}
            parts.append(part)
        return parts

    def output_shape(self, shape: Shape) -> Shape:
        h, w, _ = check_image_shape("Fire", shape, self.in_channels)
        return h, w, self.expand1 + self.expand3

    def multiply_adds(self, shape: Shape) -> int:
        h, w, _ = self.output_shape(shape)
        return h * w * sum(self.params[f"{name}_w"].size for name in self.convolutions)


def relu(x: Array) -> Array:
    """Return max(x, 0)."""
    return array_module(x).maximum(x, 0)
