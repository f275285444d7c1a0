"""The layers, one to a file (of batch normalization two, which share their mathematics)."""
from .avg_pool import AvgPool2d
from .batch_norm import BatchNorm1d, BatchNorm2d
from .conv import Conv2d
from .dropout import Dropout
from .fire import Fire
from .flatten import Flatten
from .linear import Linear
from .locally_connected import LocallyConnected2d
from .lrn import LocalResponseNorm
from .max_pool import MaxPool2d
from .relu import ReLU
from .sigmoid import Sigmoid
from .softmax import Softmax
from .spatial_norm import SpatialResponseNorm
from .tanh import Tanh

__all__ = [
    "AvgPool2d", "BatchNorm1d", "BatchNorm2d", "Conv2d", "Dropout", "Fire", "Flatten", "Linear", "LocallyConnected2d",
    "LocalResponseNorm", "MaxPool2d", "ReLU", "Sigmoid", "Softmax", "SpatialResponseNorm", "Tanh",
]
