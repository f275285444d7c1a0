"""Weights from elsewhere and to elsewhere: PyTorch's .pth, .safetensors, and ONNX's graphs."""
from .load import load_weights, save_weights

__all__ = ["load_weights", "save_weights"]
