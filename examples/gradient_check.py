"""A complete gradient check in one page: is this backward the derivative of this forward?

The slope of the loss along one entry is (loss(+h) - loss(-h)) / 2h, with an error that shrinks as h * h. In float64 and
with h = 1e-5 it agrees with a right gradient to nine digits or so.

`tn.check_gradients` does this and more: it probes random directions over all entries, not only some; it takes the step
from the size of the numbers and knows how far rounding may be off; it draws a probe anew that meets a kink (ReLU at 0,
two equal maxima); it holds dropout's mask and running statistics still; it watches the contract (nothing is written
into, a second call gives the same, float32 stays float32); and it says what kind of mistake it may be.
"""
import numpy as np

import tinynet as tn
from tinynet.gradcheck.planted import CATALOGUE

H, PROBES = 1e-5, 20


def check(layer: tn.Layer, x: np.ndarray) -> bool:
    """Compare the gradients of the input and of each parameter with central differences; print the worst of each."""
    layer, x = layer.astype("float64"), x.astype("float64")
    generator = np.random.default_rng(0)
    y, saved = layer.forward(x)
    dy = generator.standard_normal(y.shape)                # a random upstream gradient: ones would hide mistakes
    dx, grads = layer.backward(dy, saved)

    def loss() -> float:
        return (dy * layer.forward(x)[0]).sum()

    right = True
    for name, array, gradient in [("x", x, dx), *((key, layer.params[key], grads[key]) for key in grads)]:
        worst = 0.0
        for _ in range(PROBES):
            index = tuple(generator.integers(0, length) for length in array.shape)
            before = array[index]
            array[index] = before + H
            above = loss()
            array[index] = before - H
            below = loss()
            array[index] = before
            numeric, analytic = (above - below) / (2 * H), gradient[index]
            worst = max(worst, abs(numeric - analytic) / max(abs(numeric), abs(analytic), 1e-8))
        print(f"  d loss / d {name}: relative error at most {worst:.0e}{'' if worst < 1e-5 else '  WRONG'}")
        right &= worst < 1e-5
    return right


if __name__ == "__main__":
    images = np.random.default_rng(1).standard_normal((2, 7, 7, 4))
    print("max-pooling, 3 x 3 windows with stride 2:")
    assert check(tn.MaxPool2d(3, 2), images)
    bug = CATALOGUE["max-pool-overwritten"]                # one of the planted bugs
    print(f"the same with a mistake. {bug.sentence}")
    assert not check(*bug.case())
