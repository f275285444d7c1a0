"""Wrong versions of tinynet's layers, loss, network and optimizer, each with a mistake of a kind that people make.

They show what a gradient check is worth: `CATALOGUE["lrn-own-path-only"].check()` returns the report of ours. All are
wrong as derivatives (or as updates), or break the contract of a layer. The right derivative of the wrong function is
another matter: no comparison of a backward pass with its own forward pass can show it. A choice at a kink is not wrong:
ReLU may pass or stop the gradient at zero, and of several tied maxima the last may get it instead of the first.
"""
from importlib import import_module

from .catalogue import CATALOGUE, Bug, planted

FAMILIES = (  # a file each; importing it enters its bugs
    "linear", "activations", "conv_input", "conv_params", "fire", "locally_connected", "pooling", "lrn", "spatial_norm",
    "batch_norm", "dropout", "softmax", "loss", "network", "contract", "optimizer",
    "adam",
)
for _family in FAMILIES:
    import_module(f"{__name__}.{_family}")

__all__ = ["CATALOGUE", "FAMILIES", "Bug", "planted"]
