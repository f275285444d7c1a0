"""tinynet: convolutional networks from scratch, to be read. The public names."""
from . import data
from .checkpoint import load_checkpoint, save_checkpoint
from .device import to_cpu, to_gpu
from .evaluation import evaluate, predict
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
from .models import alexnet, alexnet_small, cifar_net, lenet5
from .network import Network
from .optim import SGD
from .schedules import ReduceOnPlateau, StepSchedule
from .threads import set_threads
from .tracing import trace
from .train import fit
from .updatecheck import check_optimizer

__all__ = [
    "AvgPool2d", "BatchNorm2d", "Conv2d", "Dropout", "Flatten", "Layer", "Linear", "LocallyConnected2d",
    "LocalResponseNorm", "MaxPool2d", "Network", "ReLU", "ReduceOnPlateau", "SGD", "Sigmoid", "Softmax",
    "SpatialResponseNorm", "StepSchedule", "Tanh", "alexnet", "alexnet_small", "check_gradients", "check_optimizer",
    "cifar_net", "data", "evaluate", "fit", "lenet5", "load_checkpoint", "predict", "save_checkpoint", "set_threads",
    "softmax_cross_entropy", "to_cpu", "to_gpu", "trace",
]
