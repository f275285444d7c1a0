"""Every array of one forward and backward pass, and where each number came from."""
from .trace import Step, Trace, trace

__all__ = ["Step", "Trace", "trace"]
