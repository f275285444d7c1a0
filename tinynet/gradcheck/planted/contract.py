"""Layers that break a rule of the contract: what forward and backward may touch, keep and return."""
import numpy as np

from ...layers import Conv2d, Linear, ReLU, Tanh
from .catalogue import planted


def plain(kind):
    return kind()


def linear(kind):
    return kind(4, 3)


SHAPE = (5, 4)


@planted("contract-forward-writes-into-x", "forward", plain, SHAPE)
class WritesIntoX(ReLU):
    """Forward works in place and so changes the caller's images."""

    def forward(self, x, train=False):
        np.maximum(x, 0, out=x)
        return super().forward(x, train)


@planted("contract-backward-writes-into-dy", "backward", plain, SHAPE)
class WritesIntoDy(ReLU):
    """Backward works in place and so changes the upstream gradient, which others may need."""

    def input_gradient(self, dy, saved):
        dy *= saved.y > 0
        return dy


@planted("contract-backward-writes-into-saved", "backward", plain, SHAPE)
class WritesIntoSaved(Tanh):
    """Backward computes its slope in saved, so that a second backward from the same forward is wrong."""

    def input_gradient(self, dy, saved):
        slope = saved.y
        slope *= -saved.y
        slope += 1
        return dy * slope


@planted("contract-saved-on-self", "backward", linear, SHAPE)
class SavedOnSelf(Linear):
    """The input is kept on self: a second forward before backward changes the gradient."""

    def forward(self, x, train=False):
        self.x = x.copy()
        return super().forward(x, train)

    def param_gradients(self, dy, saved):
        return super().param_gradients(dy, saved._replace(x=self.x))


@planted("contract-gradients-accumulate", "backward", linear, SHAPE)
class Accumulates(Linear):
    """The gradients are added to those of the last call, which nothing has set to zero."""

    def param_gradients(self, dy, saved):
        new = super().param_gradients(dy, saved)
        old = getattr(self, "last", {name: 0 for name in new})
        self.last = {name: old[name] + new[name] for name in new}
        return self.last


@planted("contract-forward-float32", "forward", plain, SHAPE)
class ForwardFloat32(Tanh):
    """Forward computes in float32, whatever dtype it is given."""

    def forward(self, x, train=False):
        return super().forward(x.astype(np.float32), train)


@planted("contract-forward-rounded", "forward", plain, SHAPE)
class ForwardRounded(Tanh):
    """Forward computes in float32 and returns float64, of which half the digits mean nothing."""

    def forward(self, x, train=False):
        y, saved = super().forward(x.astype(np.float32), train)
        return y.astype(x.dtype), saved._replace(y=saved.y.astype(x.dtype))


@planted("contract-gradient-float32", "w", linear, SHAPE)
class GradientFloat32(Linear):
    """The weights' gradient is float32 where the weights are float64."""

    def param_gradients(self, dy, saved):
        grads = super().param_gradients(dy, saved)
        return grads | {"w": grads["w"].astype(np.float32)}


@planted("contract-gradient-shape", "b", linear, SHAPE)
class GradientShape(Linear):
    """The biases' gradient keeps the batch's axis, (1, F): broadcasting hides it in w -= lr * g."""

    def param_gradients(self, dy, saved):
        return super().param_gradients(dy, saved) | {"b": dy.sum(axis=0, keepdims=True)}


@planted("contract-gradient-missing", "b", linear, SHAPE)
class GradientMissing(Linear):
    """Backward gives no gradient for the biases, which never learn."""

    def param_gradients(self, dy, saved):
        return {"w": super().param_gradients(dy, saved)["w"]}


@planted("contract-input-gradient-shape", "x", lambda kind: kind(2, 3, 3), (2, 5, 5, 2))
class InputGradientShape(Conv2d):
    """The images' gradient has the shape of rows, one for each image."""

    def input_gradient(self, dy, saved):
        return super().input_gradient(dy, saved).reshape(len(dy), -1)


@planted("contract-forward-changes-weights", "forward", linear, SHAPE)
class ChangesWeights(Linear):
    """Forward scales the weights to length 1 in place."""

    def forward(self, x, train=False):
        self.params["w"] /= np.sqrt((self.params["w"] ** 2).sum(axis=0))
        return super().forward(x, train)


@planted("contract-forward-counts-calls", "forward", plain, SHAPE)
class CountsCalls(Tanh):
    """The output depends on how often forward has been called, which no derivative takes into account."""

    def forward(self, x, train=False):
        self.calls = getattr(self, "calls", 0) + 1
        return super().forward(x / self.calls, train)


@planted("contract-gradient-nan", "w", linear, SHAPE)
class GradientNan(Linear):
    """The weights' gradient is divided by zero: nan, which no comparison calls too large."""

    def param_gradients(self, dy, saved):
        grads, w = super().param_gradients(dy, saved), np.zeros_like(self.params["w"])
        with np.errstate(invalid="ignore"):
            return grads | {"w": grads["w"] * w / w}
