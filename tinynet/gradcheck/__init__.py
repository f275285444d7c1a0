"""Is this backward the derivative of this forward? Finite differences, the rules of the contract, planted bugs."""
from .check import check_each_layer, check_gradients
from .optimizer_check import check_optimizer

__all__ = ["check_each_layer", "check_gradients", "check_optimizer"]
