"""The profile of a network and the lesson on speed: that they measure what they say."""
import copy
import json

import numpy as np
import pytest
from PIL import Image

import tinynet as tn
from tinynet import cli
from tinynet.errors import ArgumentError
from tinynet.lessons import speed
from tinynet.measure import profiling
from tinynet.measure.profiling import copy_rate, product_rate, profile
from tinynet.network.params import flat


def test_a_profile_has_a_row_for_each_layer_and_counts_what_training_does():
    net = tn.lenet5()
    found = profile(net, batch=8)
    assert [row.name for row in found.rows] == list(net.layers)
    by_name = {row.name: row for row in found.rows}
    conv1, conv2 = net["conv1"].multiply_adds((32, 32, 1)), net["conv2"].multiply_adds((14, 14, 6))
    assert by_name["conv1"].operations == 2 * 2 * conv1, "y and dw, but no gradient of the images"
    assert by_name["conv2"].operations == 2 * 3 * conv2, "y, dw and dx"
    assert by_name["conv1"].bytes == 28 * 28 * 6 * 4
    assert all(row.forward > 0 and row.limit > 0 for row in found.rows)
    assert "total" in str(found) and "<td" in found._repr_html_()


def test_the_machines_rates_are_of_a_sane_size():
    assert 0.5 < product_rate(1, size=256) < 10_000
    assert 0.1 < copy_rate(megabytes=4) < 10_000


def test_every_rung_of_the_ladder_gives_the_same_numbers_and_says_how_long_it_took(tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "ROWS_IN_LOOPS", 1)
    monkeypatch.setattr(speed, "FILTERS_IN_LOOPS", 1)
    result = speed.climb(batch=4)
    times = result["milliseconds_an_image"]
    assert list(times) == ["loops", "windows", "im2col", "blocks", "threads"]
    assert times["loops"] > 100 * times["im2col"] > 0
    assert "of the limit" in speed.table(result)
    assert json.dumps(result)


def test_the_lesson_is_a_command_and_leaves_its_numbers_and_plot(tmp_path, capsys):
    assert cli.main(["lesson", "speed", "--run", str(tmp_path / "speed")]) == 0
    result = json.loads((tmp_path / "speed" / "speed.json").read_text())
    assert result["limit_milliseconds"] > 0 and "im2col" in capsys.readouterr().out
    assert np.asarray(Image.open(tmp_path / "speed" / "speed.png")).std() > 10


def test_a_rung_that_gives_other_numbers_is_noticed():
    with pytest.raises(AssertionError):
        speed.check(np.ones(3), np.ones(3) + 0.01)


def test_where_products_are_slow_only_small_ones_are_timed(monkeypatch):
    sizes = []

    def slow(function, where=None):
        sizes.append(function.__closure__[0].cell_contents[0][0].shape)
        return 2 * 256**3 / 1e9  # a GFLOP/s

    monkeypatch.setattr(profiling, "median", slow)
    assert product_rate(1) == pytest.approx(1) and sizes == [(256, 256)]


def test_a_profile_leaves_the_network_as_it_is():
    net = tn.Network([("conv1", tn.Conv2d(3, 4, 3)), ("norm1", tn.BatchNorm2d(4)), ("drop1", tn.Dropout(0.5, seed=1)),
                      ("inner", tn.Network([("norm2", tn.BatchNorm2d(4))]))], input_shape=(6, 6, 3)).astype("float64")
    before = copy.deepcopy(net)
    assert len(profile(net, batch=4).rows) == 4
    for path, array in flat(net.buffers).items():
        np.testing.assert_array_equal(array, flat(before.buffers)[path])
    assert net["drop1"].generator.bit_generator.state == before["drop1"].generator.bit_generator.state
    with pytest.raises(ArgumentError, match="profile: mine does not say its input's shape"):
        profile(tn.Network([("relu1", tn.ReLU())], name="mine"))
