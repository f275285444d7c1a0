"""Damaged checkpoints are refused, with one kind of error, before they take memory or run anything.

The short form of `tests/long/damaged_checkpoints.py`.
"""
import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import CheckpointError, ShapeError
from tinynet.ops.parameter_limit import limit_parameters
from tinynet.training.archive import read_archive, write_archive
from tinynet.training.checkpoint import load_checkpoint, save_checkpoint

LONG = Path(__file__).parents[1] / "long" / "damaged_checkpoints.py"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited and measured as on Linux")
def test_damaged_files_are_refused_or_give_the_same_contents(tmp_path):
    out = tmp_path / "found.json"
    subprocess.run([sys.executable, LONG, "--count", "180", "--out", out], stdout=subprocess.DEVNULL)
    found = json.loads(out.read_text())
    assert found["wrong"] == [] and found["files"] == 180 and found["executed"] == 0 and found["most_growth_mb"] < 20
    for kind in ("truncated", "terabytes", "pickled"):
        assert found["by_kind"][kind] == {"refused": 20}
    for kind in ("flipped_bit", "zeroed", "swapped_arrays", "renamed_array"):
        assert found["by_kind"][kind]["refused"] > 14


@pytest.mark.parametrize("odd", [3, [1, 2], {"w": 1}, {"nested": 900}, {"nested": 100_000}], ids=str)
@pytest.mark.parametrize("where", ["progress", "progress position", "progress history", "optimizer", "schedule"])
def test_a_run_is_not_resumed_from_contents_of_another_kind(where, odd, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(LONG.parent)
    long, path = importlib.import_module("damaged_checkpoints"), tmp_path / "last.npz"
    long.write_whole(path)
    header, members = long.taken_apart(path.read_bytes())
    *outer, last = where.split()
    (header[outer[0]] if outer else header)[last] = odd
    path.write_bytes(long.put_together(header, members))
    with pytest.raises(CheckpointError, match=r"last\.npz"):
        long.train(tmp_path, long.small(), epochs=2, resume=True)


@pytest.mark.parametrize("claim", ["Linear", "Conv2d", "LocallyConnected2d", "BatchNorm1d", "BatchNorm2d"])
def test_a_layer_that_claims_more_numbers_than_the_file_has_is_not_made(claim, tmp_path):
    layer = {
        "Linear": tn.Linear(3, 5), "Conv2d": tn.Conv2d(2, 3, 3), "BatchNorm1d": tn.BatchNorm1d(4),
        "BatchNorm2d": tn.BatchNorm2d(4), "LocallyConnected2d": tn.LocallyConnected2d(1, 2, 3, 5),
    }[claim]
    save_checkpoint(tmp_path / "a.npz", tn.Network([("one", layer), ("two", tn.Linear(3, 4))]))
    assert load_checkpoint(tmp_path / "a.npz")["one"].settings == layer.settings
    larger = {"Linear": "out_features", "Conv2d": "out_channels", "BatchNorm1d": "features", "BatchNorm2d": "channels",
              "LocallyConnected2d": "out_channels"}[claim]
    setattr(layer, larger, 10_000_000)
    save_checkpoint(tmp_path / "a.npz", tn.Network([("one", layer), ("two", tn.Linear(3, 4))]))
    with pytest.raises(CheckpointError, match=r"a\.npz: its network cannot be built: .* far more numbers"):
        load_checkpoint(tmp_path / "a.npz")


def test_the_limit_holds_for_all_layers_together_and_inside_the_block_only():
    with limit_parameters(20):
        tn.Linear(3, 5)
        with pytest.raises(ShapeError, match=r"of shape \(3, 2\) have far more numbers"):
            tn.Linear(3, 2)
    assert tn.Linear(3, 2).params["w"].shape == (3, 2)


@pytest.mark.parametrize("change", [{"params": 3}, {"params": None}, {"network": []}, {"generators": 1 << 70}])
def test_contents_of_another_kind_are_refused(change, tmp_path):
    save_checkpoint(tmp_path / "a.npz", tn.Network([("fc", tn.Linear(2, 2)), ("drop", tn.Dropout())]))
    header, arrays = read_archive(tmp_path / "a.npz")
    write_archive(tmp_path / "a.npz", {**header, **change}, arrays)
    with pytest.raises(CheckpointError, match=r"a\.npz"):
        load_checkpoint(tmp_path / "a.npz")


def test_a_run_is_not_resumed_from_a_checkpoint_of_a_network_alone(tmp_path):
    net = tn.Network([("fc", tn.Linear(4, 3))])
    save_checkpoint(tmp_path / "last.npz", net)
    images = np.ones((6, 4), np.float32), np.arange(6) % 3
    with pytest.raises(CheckpointError, match=r"last\.npz has only a network, expected a training run to resume"):
        tn.fit(net, images, run=tmp_path, resume=True, progress=False)


@pytest.mark.parametrize("where", [
    "tinynet.training.archive.read_array", "tinynet.network.Network.from_settings",
    "tinynet.training.checkpoint.set_generator_states"])
def test_want_of_memory_is_not_told_as_damage(where, tmp_path, monkeypatch):
    def no_room(*given):
        raise MemoryError("Unable to allocate 2 GiB")

    save_checkpoint(tmp_path / "a.npz", tn.Network([("fc", tn.Linear(4, 3))]))
    monkeypatch.setattr(where, no_room)
    with pytest.raises(MemoryError, match="Unable to allocate 2 GiB"):
        load_checkpoint(tmp_path / "a.npz")
