"""`Network`, layers in a line by name: run in blocks of images, fast where that is proven, summarized, compared."""
from .network import Network

__all__ = ["Network"]
