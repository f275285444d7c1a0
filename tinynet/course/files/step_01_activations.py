"""Step 1 of 17: ReLU, tanh and sigmoid.

    ReLU       y = max(x, 0)
    tanh       y = (exp(x) - exp(-x)) / (exp(x) + exp(-x)), which NumPy has as np.tanh
    sigmoid    y = 1 / (1 + exp(-x))

Each number of x is treated alone, so y has the shape of x, whatever that is.

What a layer is, in this course: an object with two methods.

    y, saved = layer.forward(x, train)      from the input to the output
    dx, grads = layer.backward(dy, saved)   from d loss / d y to d loss / d x

The loss is one number, far behind this layer. `dy` says for each number of y how much the loss changes with it, and has
the shape of y. `dx` says the same for x, by the chain rule: here dx = dy * (slope of the function at x).

- `saved` is what your backward needs to know of your forward: an array, or several in a tuple. You choose it. Keep
  nothing of a call on `self`: a layer may be called again before its backward is.
- `grads` holds the gradients of the layer's parameters by name. These layers have none: return {}.
- `train` is True in training. Only dropout and batch normalization care.
- Do not write into x, dy or saved: others need them. And return numbers of the type that you were given: training is in
  float32, checks are in float64.

The letters of all files are in README.txt.

To write: the two methods of three classes.   Uses no earlier step.   Then: tinynet course check 1
"""
import numpy as np


class ReLU:
    """y = max(x, 0).  Its slope is 1 where x > 0 and 0 elsewhere (also at 0 itself, where it has none)."""

    def forward(self, x, train=False):
        """Return y, of the shape of x, and saved."""
        # solution
        y = np.maximum(x, 0)
        return y, y

    def backward(self, dy, saved):
        """Return dx, of the shape of dy, and {}."""
        # solution
        return dy * (saved > 0), {}


class Tanh:
    """y = tanh(x).  Its slope can be written with y alone: differentiate, and look for y in what you get."""

    def forward(self, x, train=False):
        """Return y, of the shape of x, and saved."""
        # solution
        y = np.tanh(x)
        return y, y

    def backward(self, dy, saved):
        """Return dx, of the shape of dy, and {}."""
        # solution
        return dy * (1 - saved * saved), {}


class Sigmoid:
    """y = 1 / (1 + exp(-x)).  Its slope, too, can be written with y alone."""

    def forward(self, x, train=False):
        """Return y, of the shape of x, and saved."""
        # solution
        y = 0.5 * np.tanh(0.5 * x) + 0.5                                       # the same, without a large exp(-x)
        return y, y

    def backward(self, dy, saved):
        """Return dx, of the shape of dy, and {}."""
        # solution
        return dy * saved * (1 - saved), {}
