import numpy as np


def he_std(shape):
    return (2.0 / np.prod(np.array(shape[:-1], float))) ** 0.5


def initialize(layer, std, bias, generator):
    np.copyto(layer.params["w"], generator.normal(0.0, std, layer.params["w"].shape), casting="same_kind")
    layer.params["b"].fill(bias)
