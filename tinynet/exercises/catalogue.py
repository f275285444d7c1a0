"""All exercises in their order, from ReLU's mask to local response normalization in towers."""
from ..errors import ArgumentError
from .activations import ACTIVATIONS
from .exercise import Exercise
from .normalization import NORMALIZATION
from .windows import WINDOWS

EXERCISES: tuple[Exercise, ...] = tuple(sorted(ACTIVATIONS + WINDOWS + NORMALIZATION, key=lambda e: e.number))


def find_exercise(number: int) -> Exercise:
    """Return the exercise with this number; ArgumentError where it does not exist."""
    for exercise in EXERCISES:
        if exercise.number == number:
            return exercise
    raise ArgumentError(f"exercise {number} does not exist; there are 1 to {len(EXERCISES)}")
