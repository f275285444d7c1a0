"""No command but `download` uses the network."""
from pathlib import Path

import pytest
from support.no_network import commands, run_without_network

import tinynet

HERE = Path(tinynet.__file__).parents[1]


def test_commands_use_no_network(tmp_path):
    ended, used, errors = run_without_network(tmp_path, path=HERE)
    expected = [f"{words[0]} {1 if words[-1] == '--check' else 0}" for words in commands(tmp_path)]
    assert (ended, used) == (expected, []), errors
    assert (tmp_path / "page.html").stat().st_size > 100_000


def test_a_use_of_the_network_would_be_seen(tmp_path):
    pytest.importorskip("pooch", reason="the extra 'download' is not installed")
    ended, used, errors = run_without_network(tmp_path, words=[["download", "mnist"]], path=HERE)
    assert ended == ["download 2"] and "may not use the network" in errors
    assert any("ossci-datasets" in line for line in used)
