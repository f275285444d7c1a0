"""A layer of one's own made of another layer."""
import tinynet as tn


class Skip(tn.Layer):
    """y = x + inner(x); the parameters and running statistics are the inner layer's."""

    whole_batch = True

    def __init__(self, inner):
        super().__init__()
        self.inner, self.params, self.buffers = inner, inner.params, inner.buffers

    def forward(self, x, train=False):
        y, saved = self.inner.forward(x, train)
        return x + y, saved

    def backward(self, dy, saved, input_gradient=True):
        dx, grads = self.inner.backward(dy, saved, input_gradient)
        return dy + dx if input_gradient else None, grads
