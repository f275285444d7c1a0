"""The checks of numbers that many arguments share."""
import math

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError
from tinynet.ops.checks import check_between


@pytest.mark.parametrize(("value", "low", "high", "expected"), [
    (2, 0, 1, "from 0 to 1"), (math.nan, 0, 1, "from 0 to 1"), (True, 0, 1, "from 0 to 1"), ("1", 0, 1, "from 0 to 1"),
    (math.inf, 0, math.inf, "from 0 up, and finite"), (-1, 0, math.inf, "from 0 up, and finite"),
    (-math.inf, -math.inf, math.inf, "that is finite"), (np.float32(math.inf), 0, math.inf, "from 0 up, and finite"),
])
def test_a_number_out_of_its_range(value, low, high, expected):
    with pytest.raises(ArgumentError, match=f"who: name is .*, expected a number {expected}$"):
        check_between("who", "name", value, low, high)


def test_infinity_where_it_may_be():
    assert check_between("who", "name", math.inf, 0, math.inf, infinite=True) == math.inf
    with pytest.raises(ArgumentError, match="expected a number from 0 up$"):
        check_between("who", "name", -1, 0, math.inf, infinite=True)


@pytest.mark.parametrize("make", [
    lambda: tn.Conv2d(2, 3, 3, std=math.inf), lambda: tn.Linear(2, 3, bias=-math.inf),
    lambda: tn.LocalResponseNorm(alpha=math.inf), lambda: tn.BatchNorm2d(3, eps=math.inf),
    lambda: tn.SGD(tn.Network([("fc1", tn.Linear(2, 3))]), learning_rate=math.inf),
    lambda: tn.check_optimizer(tn.SGD, seed=-1),
])
def test_what_would_ruin_every_number_is_refused(make):
    with pytest.raises(ArgumentError, match=r"inf, expected a number|seed is -1, expected a whole number"):
        make()
