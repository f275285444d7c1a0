"""What the README claims in numbers and commands."""
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from tinynet import cli
from tinynet.errors import ArgumentError
from tinynet.models import MODELS, alexnet_small, make_model

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`.+?) \| (.+?) \| (.+?) \|$", README, re.MULTILINE)


def row_names(cell):
    """The networks of a row; "-19pct" after "cifar-80sec" is short for "cifar-19pct"."""
    names = re.findall("`(.+?)`", cell)
    return [names[0].split("-")[0] + name if name.startswith("-") else name for name in names]


@pytest.fixture
def without_drawing(monkeypatch):
    """Weights of zeros, each a view of one number: sizes without 61 million random numbers."""
    for module in ("conv", "linear"):
        monkeypatch.setattr(f"tinynet.layers.{module}.random_weights",
                            lambda shape, *rest: np.broadcast_to(np.float32(0), shape))


@pytest.mark.parametrize(("names", "count"), [(row_names(names), count) for names, _, count in ROWS])
def test_networks_have_as_many_parameters_as_their_row_says(names, count, without_drawing):
    counts = [make_model(name).parameter_count for name in names]
    told = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*,\d{3}", count)]
    assert {min(counts), max(counts)} == set(told)


def test_every_network_has_its_row():
    told = {name for names, _, _ in ROWS for name in row_names(names)}
    assert told | {"alexnet-paper"} == set(MODELS)  # alexnet and alexnet-paper are one


def test_the_small_network_takes_the_sizes_of_its_row():
    smallest, largest = map(int, re.findall(r"images of (\d+) to (\d+) pixels", README)[0])
    for size in (smallest, largest):
        assert alexnet_small(size=size).input_shape == (size, size, 3)
    for size in (smallest - 1, largest + 1):
        with pytest.raises(ArgumentError, match=f"size is {size}"):
            alexnet_small(size=size)


@pytest.mark.parametrize("line", re.findall(r"^tinynet .+$", README, re.MULTILINE))
def test_commands_are_understood(line):
    assert callable(cli.parser().parse_args(shlex.split(line, comments=True)[1:]).command)
