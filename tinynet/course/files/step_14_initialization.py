"""Step 14 of 17: the numbers that training begins with.

If all weights are zero, all filters of a layer stay the same for ever: they get the same gradients. So weights are
drawn from the normal distribution N(0, std**2); biases get one number, often 0. Everything depends on std. Where it is
too small, the signals fade from layer to layer, with the gradients (AlexNet's loss then stays at ln(1000) = 6.9 for
long); where it is too large, they explode.

    he_std         std = sqrt(2 / fan_in)

keeps the size of signals through layers with ReLU (He et al. 2015). fan_in is how many inputs one output sums over:
`in` for the w (in, out) of a Linear, K * K * C for the w (K, K, C, F) of a convolution (K * K * C/G in groups).

To write: two functions.   Uses no earlier step.   Then: tinynet course check 14
"""
import numpy as np


def he_std(shape):
    """Return sqrt(2 / fan_in), a float, for weights of this shape: (in, out) or (K, K, C, F)."""
    # solution
    return float(np.sqrt(2 / np.prod(shape[:-1])))


def initialize(layer, std, bias, generator):
    """Draw layer.params["w"] from N(0, std**2), each number for itself, and set all of layer.params["b"] to `bias`.

    Change both arrays in place, `w[...] = ...`, so that they stay float32.

    generator : numpy.random.Generator; generator.standard_normal(shape) draws from N(0, 1)
    """
    # solution
    layer.params["w"][...] = std * generator.standard_normal(layer.params["w"].shape)
    layer.params["b"][...] = bias
