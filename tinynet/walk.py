"""Going to and fro through a trace, one step at a time."""
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .tracing import Step, Trace


class Walk:
    """A place in a trace: `next()` and `previous()` move it and return the step there; at the ends it stays.

    Attributes
    ----------
    position : int
        From 0, the first layer forwards, to `len(trace) - 1`, the first layer backwards.
    """

    def __init__(self, trace: "Trace") -> None:
        self.all_steps = list(trace)
        self.position = 0

    @property
    def step(self) -> "Step":
        """The step here; `step.direction` tells which way it is met."""
        return self.all_steps[self.position]

    @property
    def at_end(self) -> bool:
        """Whether this is the last step, the first layer's backward pass."""
        return self.position == len(self.all_steps) - 1

    def next(self) -> "Step":
        """Go one step on: forwards to the loss, then backwards."""
        self.position = min(self.position + 1, len(self.all_steps) - 1)
        return self.step

    def previous(self) -> "Step":
        """Go one step back the way we came."""
        self.position = max(self.position - 1, 0)
        return self.step

    def __repr__(self) -> str:
        return f"Walk(step {self.position + 1} of {len(self.all_steps)}: {self.step!r})"
