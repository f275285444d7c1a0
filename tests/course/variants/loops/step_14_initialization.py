import math

import numpy as np


def he_std(shape):
    fan_in = 1
    for length in shape[:-1]:
        fan_in *= length
    return math.sqrt(2 / fan_in)


def initialize(layer, std, bias, generator):
    w, b = layer.params["w"], layer.params["b"]
    for at in np.ndindex(w.shape):
        w[at] = generator.normal(0, std)
    for i in range(len(b)):
        b[i] = bias
