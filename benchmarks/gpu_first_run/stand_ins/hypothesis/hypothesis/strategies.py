"""What can be drawn: each strategy holds a function of a generator of Python's module random."""
import random
from collections.abc import Callable, Sequence
from typing import Any


class Strategy:
    """Something to draw."""

    def __init__(self, draw: Callable[[random.Random], Any]) -> None:
        self.draw = draw


class Data:
    """Draws inside a test."""

    def __init__(self, generator: random.Random) -> None:
        self.generator = generator

    def draw(self, strategy: Strategy) -> Any:
        return strategy.draw(self.generator)


def data() -> Strategy:
    return Strategy(Data)


def integers(min_value: int, max_value: int) -> Strategy:
    return Strategy(lambda generator: generator.randint(min_value, max_value))


def booleans() -> Strategy:
    return Strategy(lambda generator: generator.random() < 0.5)


def sampled_from(elements: Sequence) -> Strategy:
    return Strategy(lambda generator: generator.choice(list(elements)))


def lists(elements: Strategy, *, min_size: int = 0, max_size: int = 8) -> Strategy:
    return Strategy(lambda generator: [elements.draw(generator) for _ in range(generator.randint(min_size, max_size))])


def composite(function: Callable) -> Callable[..., Strategy]:
    """Return a function that makes a strategy of one that draws."""

    def make(*args: Any, **options: Any) -> Strategy:
        return Strategy(lambda generator: function(lambda strategy: strategy.draw(generator), *args, **options))

    return make
