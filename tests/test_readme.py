"""What the README and its pages claim in numbers, commands and code; where their links lead."""
import inspect
import re
import shlex
import textwrap
from pathlib import Path

import numpy as np
import pytest

from tinynet import cli, training_step
from tinynet.errors import ArgumentError
from tinynet.models import MODELS, alexnet_small, make_model

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NETWORKS = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
USING = (ROOT / "docs" / "using.md").read_text(encoding="utf-8")
PAGES = [page for pattern in ("*.md", "[a-z]*/*.md", "notebooks/source/*.py") for page in sorted(ROOT.glob(pattern))]
ROWS = re.findall(r"^\| (`.+?) \| (.+?) \| (.+?) \|$", NETWORKS, re.MULTILINE)


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
    smallest, largest = map(int, re.findall(r"images of (\d+) to (\d+) pixels", NETWORKS)[0])
    for size in (smallest, largest):
        assert alexnet_small(size=size).input_shape == (size, size, 3)
    for size in (smallest - 1, largest + 1):
        with pytest.raises(ArgumentError, match=f"size is {size}"):
            alexnet_small(size=size)


@pytest.mark.parametrize("line", re.findall(r"^tinynet .+$", README + USING, re.MULTILINE))
def test_commands_are_understood(line):
    assert callable(cli.parser().parse_args(shlex.split(line, comments=True)[1:]).command)


def test_the_training_step_that_is_shown_is_the_one_that_runs():
    lines = textwrap.dedent(inspect.getsource(training_step)).rpartition('"""')[2].split("\n")
    body = [line.split("  # ")[0].rstrip() for line in lines if line.startswith("    ")]
    shown = {line.split("  # ")[0].rstrip() for line in README.split("\n")}
    assert body and [line for line in body if line not in shown] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    folder = ROOT / "notebooks" if page.suffix == ".py" else page.parent  # where the notebook lies that is made of it
    links = re.findall(r"\]\(([\w:./-]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not link.startswith("https://") and not (folder / link).exists()] == []


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\b(?:tests|tinynet|examples)/[\w/.]+\w", README + USING))))
def test_paths_exist(path):
    assert (ROOT / path).exists()


def test_the_readme_stays_short():
    assert README.count("\n") <= 120
