"""Every array of one pass, forwards and back, and where each number came from."""
from .trace import Step, Trace, trace

__all__ = ["Step", "Trace", "trace"]
