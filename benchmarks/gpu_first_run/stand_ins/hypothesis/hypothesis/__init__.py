"""In Hypothesis's place where it is missing: a test runs on so many cases drawn at random, the same ones each time.

It has what tinynet.testing and the tests marked `gpu` ask for. A case that fails is not made smaller.
"""
import random
from collections.abc import Callable
from typing import Any

from . import strategies
from .strategies import Strategy

__all__ = ["HealthCheck", "Phase", "given", "settings", "strategies"]


class Named:
    """A class of which every attribute is its own name."""

    def __getattr__(self, name: str) -> str:
        return name


HealthCheck, Phase = Named(), Named()


class settings:  # noqa: N801, the package's own name
    """How many cases a test is given: the rest of Hypothesis's settings has no meaning here."""

    profiles: dict[str, int] = {}
    max_examples = 25

    def __init__(self, parent: Any = None, max_examples: int | None = None, **others: Any) -> None:
        self.count = max_examples

    def __call__(self, test: Any) -> Any:
        test.examples = self.count
        return test

    @classmethod
    def register_profile(cls, name: str, parent: Any = None, max_examples: int = 25, **others: Any) -> None:
        cls.profiles[name] = max_examples

    @classmethod
    def get_profile(cls, name: str) -> "settings":
        return cls(max_examples=cls.profiles[name])

    @classmethod
    def load_profile(cls, name: str) -> None:
        cls.max_examples = cls.profiles[name]


def given(*drawn: Strategy) -> Callable[[Callable], Callable]:
    """Run a test on cases of what is given, for its last parameters."""

    def decorate(test: Callable) -> Callable:
        def run(*args: Any) -> None:
            for case in range(getattr(run, "examples", None) or settings.max_examples):
                generator = random.Random(case)
                test(*args, *(strategy.draw(generator) for strategy in drawn))

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        return run

    return decorate
