"""Step 11 of 17: local response normalization.

    scale[n, i, j, c] = k + alpha * sum over nearby c' of x[n, i, j, c']**2
    y[n, i, j, c]     = x[n, i, j, c] / scale[n, i, j, c]**beta

(Krizhevsky et al. 2012, section 3.3.) Nearby are the `size` channels with c in the middle, c - size // 2 to
c + size // 2, those of them that exist; size is odd. A strong response makes those of other filters at the same
place weaker. alpha multiplies the sum; some programs divide it by `size` first, and we do not.

Shapes: x and y are (N, H, W, C).

In backward x[c] reaches the loss on two paths: through its own y[c], and through scale[c'] of every channel c' that
has c among its nearby ones. With alpha = 1e-4 and inputs of about 1 the second path is tiny, and a check that is not
exact passes without it. This one is exact, and tries larger alphas as well. (In the network inputs are up to 100 and
more: there it counts.)

To write: the two methods.   Uses no earlier step.   Then: tinynet course check 11
"""
import numpy as np


class LocalResponseNorm:
    """The normalization above; the settings are the paper's."""

    def __init__(self, size=5, alpha=1e-4, beta=0.75, k=2.0):
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x, train=False):
        """Return y (N, H, W, C) and saved."""
        # solution
        half, channels = self.size // 2, x.shape[-1]
        squares = np.pad(x * x, ((0, 0), (0, 0), (0, 0), (half, half)))
        scale = self.k + self.alpha * sum(squares[..., s : s + channels] for s in range(self.size))
        power = scale**-self.beta
        return x * power, (x, scale, power)

    def backward(self, dy, saved):
        """Return dx (N, H, W, C) and {}."""
        # solution
        x, scale, power = saved
        half, channels = self.size // 2, x.shape[-1]
        own = dy * power
        back = np.pad(own * x / scale, ((0, 0), (0, 0), (0, 0), (half, half)))
        shared = sum(back[..., s : s + channels] for s in range(self.size))
        return own - 2 * self.alpha * self.beta * x * shared, {}
