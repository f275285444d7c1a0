"""Layers in a line by name: run in blocks, fast where that is proven, counted and described."""
from .network import Network

__all__ = ["Network"]
