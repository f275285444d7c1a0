"""The contract that every layer keeps: the class that all layers derive from."""
import copy
import inspect
import textwrap
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..ops.arrays import Array, Shape
from ..ops.checks import Seed, check_array, check_library, check_upstream, missing_axis
from .as_drawn import AsDrawn
from .parameter_shapes import check_parameters, noting_shapes

# The letters that stand at line ends: N images, H W height and width, C channels in, G groups, F filters (channels
# out), KH KW height and width of a window, OH OW height and width of the output.


class Layer:
    """One layer: its settings, its parameters, a forward pass and a backward pass.

    A layer of one's own defines `forward`, `input_gradient` and, if it has parameters, `param_gradients`; also
    `output_shape` where the output's shape differs from the input's. It keeps nothing of a call: what backward needs
    is returned as `saved`, a NamedTuple of arrays whose first axis is the batch (of anything, where `whole_batch` is
    True). In it, `x` is the input and `y` the output, where it has them: `backward` checks the upstream gradient
    against either.

    Attributes
    ----------
    params : dict of str to array
        What training changes by gradients: "w" and "b". The arrays may be replaced by others of the same shape.
    buffers : dict of str to array
        What training changes without gradients (running statistics of batch normalization).
    generator : numpy.random.Generator or None
        Random state, for dropout.
    as_drawn : AsDrawn or None
        For a layer that was made without a seed, until a network has it and draws it anew (layers/as_drawn.py).
    whole_batch : bool
        True for a layer that has to see the whole batch at once, as one does that draws random numbers, or keeps a
        layer that does. All others treat each image alone, so that the network can send a few images at a time
        through many layers.
    like_output : str
        The field of `saved` that has the output's shape, for a layer that keeps such an array under another name.
    parameter_shapes : dict of str to tuple of int
        The shapes that the parameters had when the layer was made, and have to keep.
    """

    whole_batch = False
    like_output = "y"
    generator: np.random.Generator | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        # Runs once for each class that derives from Layer: what the parameters must look like is known when it is made.
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = noting_shapes(cls.__init__)  # type: ignore[method-assign]

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}
        self.buffers: dict[str, Array] = {}
        self.parameter_shapes: dict[str, Shape] = {}  # filled in when the layer is made: see noting_shapes
        self.as_drawn: AsDrawn | None = None

    def forward(self, x: Array, train: bool = False) -> tuple[Array, Any]:
        """Return the output for a batch `x`, and what backward needs.

        Parameters
        ----------
        x : array (N, H, W, C), or (N, features)
            Floating-point numbers, of the parameters' dtype.
        train : bool
            True: dropout drops, batch normalization uses the batch.

        Returns
        -------
        y : array (N, ...)
            Of the shape that `output_shape` gives, and of x's dtype.
        saved : NamedTuple

        Raises
        ------
        ShapeError, DtypeError, ArgumentError
            When `x` is not a batch that the layer takes.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def backward(self, dy: Array, saved: Any, input_gradient: bool = True) -> tuple[Array | None, dict]:
        """Return the gradients of the loss with respect to the input and to each parameter.

        Parameters
        ----------
        dy : array
            The upstream gradient d loss / d y, of the output's shape and dtype.
        saved : NamedTuple
            What `forward` returned beside y.
        input_gradient : bool
            False: d loss / d x is not computed and None is returned for it (a first layer has no use for it).

        Returns
        -------
        dx : array or None
            d loss / d x, of the shape of the input.
        grads : dict of str to array
            d loss / d parameter, with the names and shapes of `params`.

        Raises
        ------
        ShapeError, DtypeError
            When `dy` does not have the output's shape and dtype.
        """
        self.check_upstream(dy, saved)
        dx = self.input_gradient(dy, saved) if input_gradient else None
        return dx, self.param_gradients(dy, saved)

    def input_gradient(self, dy: Array, saved: Any) -> Array:
        """Return d loss / d x."""
        raise NotImplementedError(f"{type(self).__name__} defines no input_gradient")

    def param_gradients(self, dy: Array, saved: Any) -> dict[str, Array]:
        """Return d loss / d parameter for each parameter; nothing for a layer without any."""
        if self.params:
            raise NotImplementedError(f"{type(self).__name__} has parameters but defines no param_gradients")
        return {}

    def draw_from(self, seed: Seed) -> None:
        """Set the initial parameters, or the random generator, from a seed."""

    @property
    def is_as_drawn(self) -> bool:
        """Whether the layer has no seed, is in no network yet, and nobody has changed its numbers."""
        as_drawn = getattr(self, "as_drawn", None)  # a class of one's own may forget Layer.__init__
        return as_drawn is not None and as_drawn.untouched(self)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the output's shape for one image of shape `shape`; ShapeError where it does not fit."""
        return shape

    def multiply_adds(self, shape: Shape) -> int:
        """Return the multiply-adds of the forward pass for one image of shape `shape`, products with weights only."""
        return 0

    @property
    def settings(self) -> dict[str, Any]:
        """The constructor's arguments that are not keyword-only, each an attribute of the same name.

        `type(layer)(**layer.settings)` is a layer of the same kind; its initialization is for keywords to say.
        """
        signature = inspect.signature(type(self).__init__).parameters.values()
        names = [p.name for p in signature if p.name != "self" and p.kind is not p.KEYWORD_ONLY]
        for name in names:
            if not hasattr(self, name):
                raise ArgumentError(f"{type(self).__name__}: keep the argument `{name}` as an attribute")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        usual = {p.name: short(p.default) for p in inspect.signature(type(self).__init__).parameters.values()}
        settings = {name: short(value) for name, value in self.settings.items()}
        told = [f"{name}={text}" for name, text in settings.items() if text != usual[name]]
        return f"{type(self).__name__}({', '.join(told)})"

    def astype(self, dtype: Any) -> Self:
        """Return a copy with parameters and buffers in another dtype, e.g. "float64" to check gradients."""
        other = copy.deepcopy(self)
        other.convert_arrays(lambda array: array.astype(dtype))
        return other

    def convert_arrays(self, convert: Callable[[Array], Array]) -> None:
        """Replace each parameter and buffer by `convert` of it."""
        as_drawn = self.is_as_drawn
        for arrays in (self.params, self.buffers):
            for key in arrays:
                arrays[key] = convert(arrays[key])
        self.as_drawn = AsDrawn(self) if as_drawn else None

    @property
    def dtype(self) -> np.dtype | None:
        """The parameters' dtype; None for a layer without parameters, which takes any floating-point one."""
        return next((array.dtype for array in self.params.values()), None)

    def check_input(self, x: Array) -> None:
        """Raise ShapeError or DtypeError unless `x` is a batch that this layer, as it is now, can take."""
        check_parameters(type(self).__name__, self)
        check_array(type(self).__name__, x, self.dtype)
        check_library(type(self).__name__, x, next(iter(self.params.values()), x))
        self.check_images(type(self).__name__, x)

    def check_images(self, who: str, x: Array) -> None:
        """Raise ShapeError unless the layer takes the images of the batch `x`; say so where `x` lacks an axis."""
        try:
            self.output_shape(x.shape[1:])
        except ShapeError:
            lack = missing_axis(x.shape, self.output_shape)
            if lack:
                raise ShapeError(f"{who}: the input has shape {x.shape}, {lack}") from None
            raise

    def check_upstream(self, dy: Array, saved: Any) -> None:
        """Raise ShapeError or DtypeError unless `dy` has the output's shape and dtype, where `saved` tells them."""
        output = self.output_of(saved)
        if output is not None:
            check_upstream(type(self).__name__, dy, *output)

    def output_of(self, saved: Any) -> tuple[Shape, np.dtype] | None:
        """Return shape and dtype of the output that belongs to `saved`; None where it has no array to tell them."""
        output: Any = getattr(saved, self.like_output, None)
        if hasattr(output, "shape"):
            return output.shape, output.dtype
        x: Any = getattr(saved, "x", None)
        return ((len(x), *self.output_shape(x.shape[1:])), x.dtype) if hasattr(x, "shape") else None


def short(value: Any) -> str:
    """Write a setting in one line; a long one, such as an array, is cut."""
    return textwrap.shorten(repr(value), 80, placeholder=" ...")
