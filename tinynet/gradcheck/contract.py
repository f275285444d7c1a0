"""The rules that a layer's forward and backward have to keep (layers/base.py), watched while they run."""
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..ops.arrays import Array
from .frozen_copy import FrozenCopy
from .report import Fault
from .snapshots import changed, close, copied, index_text, named, only_single, same, snapshot


class Watched:
    """One forward and backward pass of `frozen` at `x`, with a random upstream gradient, and which rules it broke.

    Attributes
    ----------
    y, upstream : array
    dx : array or None
    grads : dict of str to array
        By name, "w", or "conv1.w" in a network; as backward gave them.
    faults : list of Fault
    comparable : bool
        False if forward breaks a rule without which differences of its outputs show nothing.
    """

    def __init__(self, frozen: FrozenCopy, x: Array, generator: np.random.Generator) -> None:
        self.frozen, self.x, self.generator = frozen, x, generator
        self.faults: list[Fault] = []
        self.dx: Any = None
        self.grads: dict[str, Any] = {}
        self.comparable = True
        self.watch_changes_by_forward()
        self.y = self.watch_forward()
        self.watch_output_shape()
        self.upstream = generator.standard_normal(self.y.shape)
        if self.comparable:
            clean = self.watch_backward()
            if clean and not frozen.is_loss:
                self.watch_image_alone()
                self.watch_without_input_gradient()
                self.watch_other_upstream()
                for other, train in self.other_calls():
                    if not self.watch_other_call(other, train):
                        break

    def fault(self, name: str, sentence: str, comparable: bool = True) -> None:
        """Note a broken rule; `comparable=False`: one after which nothing can be compared."""
        self.faults.append(Fault(name, sentence))
        self.comparable &= comparable

    def watch_forward(self) -> Array:
        """Run forward twice: float64 in, the same finite float64 out."""
        y = self.frozen.forward(self.x)[0].copy()
        if y.size == 0 or y.dtype.kind not in "fiub":
            raise ArgumentError(f"{self.frozen.what}: its output is {y.dtype} of shape {y.shape}, expected numbers")
        if y.dtype != np.float64:
            self.fault("forward", f"its output is {y.dtype} for an input of float64: it computes in {y.dtype}, and "
                       "finite differences need float64. No gradient could be checked.", False)
        elif not np.isfinite(y).all():
            at = index_text(np.argwhere(~np.isfinite(y))[0])
            self.fault("forward", f"its output is not finite{at and f' at {at}'}.", False)
        elif self.comparable and not close(y, self.frozen.forward(self.x)[0]):
            self.fault("forward", "it gives a different output each time for the same input. Keep its random generator "
                       "in the attribute `generator`, and keep nothing of an earlier call.", False)
        return y

    def watch_output_shape(self) -> None:
        """The output has the shape that output_shape says, or is a single number, of a loss written as a layer.

        Backward of a layer uses output_shape too, and would fail.
        """
        if not (self.y.ndim and hasattr(self.frozen.f, "output_shape")):
            return
        try:
            expected = (*self.x.shape[:1], *self.frozen.f.output_shape(self.x.shape[1:]))
        except Exception as error:
            self.fault("forward", f"its output has shape {self.y.shape}, but output_shape({self.x.shape[1:]}) fails "
                       f"({type(error).__name__}: {error}).", False)
            return
        if self.y.shape != expected:
            self.fault("forward", f"its output has shape {self.y.shape}, expected {expected} from output_shape, which "
                       "gives the shape of one image's output for the shape of one image.", False)

    def watch_changes_by_forward(self) -> None:
        """Forward writes into neither its input nor the parameters; outside training not into the buffers either."""
        given, arrays = self.x.copy(), named(self.frozen.params)
        before, buffers = snapshot(arrays), snapshot(self.frozen.buffers)
        self.frozen.run(given)
        if not same(given, self.x):
            self.fault("forward", "it writes into its input x. Write `x = x * mask`, not `x *= mask`, or copy x.")
        for name in changed(before, arrays):
            self.fault("forward", f"it changes the parameter {name[2:-2]}: only the optimizer may.", False)
        if not self.frozen.train:
            for name in changed(buffers, self.frozen.buffers):
                self.fault("forward", f"it changes the running statistic {name[2:-2]} although train is False.")

    def watch_backward(self) -> bool:
        """Run backward twice: nothing that it was given may change, and the second time gives the same."""
        y, saved = self.frozen.forward(self.x)
        upstream, arrays = self.upstream.copy(), named(self.frozen.params)
        before, params, buffers = snapshot(saved), snapshot(arrays), snapshot(self.frozen.buffers)
        self.dx, self.grads = self.gradients(upstream, saved)
        count = len(self.faults)
        if not same(upstream, self.upstream):
            self.fault("backward", "it writes into the upstream gradient dy, which other layers may still need. "
                       "Copy it first.")
        for name in changed(before, saved):
            self.fault("backward", f"it writes into saved{name}, so that a second backward gives different gradients.")
        for name in changed(params, arrays):
            self.fault("backward", f"it changes the parameter {name[2:-2]}: only the optimizer may.")
        for name in changed(buffers, self.frozen.buffers):
            self.fault("backward", f"it changes the running statistic {name[2:-2]}: only forward may, in training.")
        if len(self.faults) == count:
            names = ", ".join(self.other_gradients(*self.gradients(self.upstream.copy(), saved)))
            if names:
                self.fault("backward", f"called twice with the same dy and saved, it gives a different gradient of "
                           f"{names} the second time: does it add to an array that it keeps?")
        return len(self.faults) == count

    def watch_image_alone(self) -> None:
        """A layer that does not say that it needs the whole batch treats each image alone."""
        if getattr(self.frozen.f, "whole_batch", True) or not self.y.ndim or self.y.shape[:1] != self.x.shape[:1]:
            return
        for name, image in (("first", slice(0, 1)), ("last", slice(len(self.x) - 1, None))):
            try:
                alone = self.frozen.forward(self.x[image])[0]
            except Exception:  # it does not take a batch of this size
                return
            together = self.y[image]
            if alone.shape != together.shape or np.abs(alone - together).max() > 1e-6 * np.abs(self.y).max():
                self.fault("forward", f"its output for the {name} image is different when that image comes alone. A "
                           "network sends images in blocks of a few; `whole_batch = True` in the class says that the "
                           "layer needs the whole batch at once.")
                return

    def watch_other_upstream(self) -> None:
        """Backward with another dy does not write into the gradients of the first time."""
        saved = self.frozen.forward(self.x)[1]
        dx, grads = self.frozen.backward(self.upstream.copy(), saved)
        first = {"x": dx, **named(grads)}
        before = snapshot(first)
        self.frozen.backward(-0.5 * self.upstream, saved)
        names = ", ".join(name[2:-2] for name in changed(before, first))
        if names:
            self.fault("backward", f"a second call writes into the gradient of {names} that the first returned: it "
                       "keeps an array of its own and fills it again. Make a new one for each call.")

    def watch_other_call(self, other: Array, train: bool) -> bool:
        """A forward pass on other data in between changes neither what the first returned nor its backward pass."""
        y, saved = self.frozen.forward(self.x)
        before, output = snapshot(saved), y.copy()
        try:
            other_y, _ = self.frozen.run(other, restored=False, train=train)
        except Exception:  # it does not take a batch of this size, or evaluation
            return True
        if not same(output, y) or changed(before, saved):
            self.fault("forward", "a second call writes into what the first one returned: it keeps an array of its own "
                       "and fills it again. Make a new one for each call.")
            return False
        call = "a second call of forward" if train == self.frozen.train else f"a call of forward with train={train}"
        why = "it uses what that call left on the layer. Take it from `saved`."
        try:
            names = self.other_gradients(*self.gradients(self.upstream.copy(), saved))
        except Exception as error:  # backward may fail in any way on what another batch left behind
            self.fault("backward", f"after {call} it fails: {why} ({type(error).__name__}: {error})")
            return False
        if names:
            found = ", ".join(names)
            self.fault("backward", f"after {call} it gives a different gradient of {found}: {why}")
            return False
        return self.watch_precision(other, other_y)

    def other_calls(self) -> Iterator[tuple[Array, bool]]:
        """Yield other numbers like those of x: with one image more, then with as many, then in evaluation."""
        mixed = self.generator.permutation(self.x.reshape(-1)).reshape(self.x.shape)
        size = float(np.sqrt(np.mean(self.x**2))) or 1.0
        other = 0.7312345678901 * mixed + 1e-3 * size * np.abs(self.generator.standard_normal(self.x.shape))
        yield np.concatenate([other, other[:1]]), self.frozen.train
        yield other, self.frozen.train
        if self.frozen.train:  # not the other way round: running statistics may change evaluation's backward pass
            yield other, False

    def watch_precision(self, other: Array, other_y: Array) -> bool:
        """Outputs that all fit into float32, for an input and parameters that do not, were computed in float32."""
        new = other_y[: len(self.y)] if other_y.ndim and other_y.shape[1:] == self.y.shape[1:] else other_y
        moved = new[new != self.y] if new.shape == self.y.shape else new
        if only_single(moved) and only_single(self.with_all_digits(other)):
            self.fault("forward", "its output is float64 with the precision of float32: it computes in float32.", False)
            return False
        return True

    def with_all_digits(self, x: Array) -> Array:
        """Return the output for parameters that do not fit into float32; an embedding's output is its parameters."""
        arrays = list(named(self.frozen.params).values())
        before = [array.copy() for array in arrays]
        for array in arrays:
            array *= 1.0000000012345678
        output = self.frozen.run(x.copy(), restored=False)[0].copy()
        for array, original in zip(arrays, before, strict=True):
            array[...] = original
        return output

    def watch_without_input_gradient(self) -> None:
        """The parameters' gradients are the same without the input's."""
        if self.frozen.skips_input_gradient:
            _, grads = self.gradients(self.upstream.copy(), self.frozen.forward(self.x)[1], input_gradient=False)
            names = ", ".join(self.other_gradients(self.dx, grads))
            if names:
                self.fault("backward", f"with input_gradient=False it gives a different gradient of {names}.")

    def gradients(self, upstream: Array, saved: Any, **options: bool) -> tuple[Any, dict[str, Any]]:
        """Return copies of what backward gives, the parameters' gradients by name."""
        dx, grads = self.frozen.backward(upstream, saved, **options)
        return copied(dx), {name: copied(gradient) for name, gradient in named(grads).items()}

    def gradient(self, name: str) -> Any:
        """Return what backward gave for the input, "x", or for a parameter; None where it gave nothing."""
        return self.dx if name == "x" else self.grads.get(name)

    def gradient_of(self, name: str) -> Array:
        """Return the gradient of one array for the input and parameters as they are now."""
        dx, grads = self.gradients(self.upstream.copy(), self.frozen.forward(self.x)[1])
        return dx if name == "x" else grads[name]

    def other_gradients(self, dx: Any, grads: dict[str, Any]) -> list[str]:
        """Return the names of the gradients that differ from those of the first time."""
        first, now = {"x": self.dx, **self.grads}, {"x": dx, **grads}
        return [name for name in first if name not in now or not close(first[name], now[name])]
