"""All exercises in their order, from a sign to local response normalisation in towers."""
from ..errors import ArgumentError
from .activations import ACTIVATIONS
from .exercise import Exercise
from .normalisation import NORMALISATION
from .windows import WINDOWS

EXERCISES: tuple[Exercise, ...] = tuple(sorted(ACTIVATIONS + WINDOWS + NORMALISATION, key=lambda e: e.number))


def find_exercise(number: int) -> Exercise:
    """Return the exercise with this number; ArgumentError where there is none."""
    for exercise in EXERCISES:
        if exercise.number == number:
            return exercise
    raise ArgumentError(f"there is no exercise {number}; there are 1 to {len(EXERCISES)}")
