"""tinynet: convolutional networks from scratch, to be read. The public names."""
from .device import to_cpu, to_gpu
from .gradcheck import check_gradients
from .layer import Layer
from .layers import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    LocallyConnected2d,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Sigmoid,
    Softmax,
    SpatialResponseNorm,
    Tanh,
)
from .loss import softmax_cross_entropy
from .network import Network
from .threads import set_threads
from .tracing import trace

__all__ = [
    "AvgPool2d", "BatchNorm2d", "Conv2d", "Dropout", "Flatten", "Layer", "Linear", "LocallyConnected2d",
    "LocalResponseNorm", "MaxPool2d", "Network", "ReLU", "Sigmoid", "Softmax", "SpatialResponseNorm", "Tanh",
    "check_gradients", "set_threads", "softmax_cross_entropy", "to_cpu", "to_gpu", "trace",
]
