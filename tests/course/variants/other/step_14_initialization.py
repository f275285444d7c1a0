import numpy as np


def he_std(shape):
    *inputs, _ = shape
    return np.sqrt(2.0) / np.sqrt(float(np.multiply.reduce(inputs)))


def initialize(layer, std, bias, generator):
    params = layer.params
    params["b"][:] = bias
    generator.standard_normal(out=params["w"], dtype=np.float32)
    params["w"] *= std
