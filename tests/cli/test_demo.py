"""The demo's folder: an earlier demo is replaced, what is not the demo's stays."""
import pytest

import tinynet as tn
from tinynet import cli
from tinynet.cli import demo
from tinynet.data import draw_shapes


@pytest.fixture(autouse=True)
def small_demo(tmp_path, monkeypatch):
    """One epoch on a few images, without the gradient check, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "load_shapes", lambda: (draw_shapes(64), draw_shapes(32, seed=1)))
    monkeypatch.setattr(demo, "EPOCHS", 1)
    monkeypatch.setattr(demo, "check_each_layer", lambda net, images: tn.check_gradients(tn.ReLU(), images[:1]))


def test_a_second_demo_replaces_the_first(tmp_path):
    assert cli.main(["demo"]) == 0
    folder = tmp_path / "tinynet-demo"
    first = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    (folder / "notes.txt").write_text("mine")
    assert cli.main(["demo", "--seed", "1"]) == 0
    second = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert second.keys() == first.keys() | {"notes.txt"} and all(second[name] > first[name] for name in first)
    assert (folder / "log.txt").read_text().count("epoch 1/1") == 1
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_demo_that_was_broken_off_is_replaced(tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        def stop(*args):
            raise KeyboardInterrupt

        patch.setattr(tn.SGD, "step", stop)
        assert cli.main(["demo"]) == 130
    assert (tmp_path / "tinynet-demo" / "last.npz").exists()
    assert cli.main(["demo"]) == 0 and "done in" in capsys.readouterr().out


def test_a_run_in_another_folder_is_refused_before_anything_is_drawn(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "last.npz").write_bytes(b"a long training")
    monkeypatch.setattr(demo, "load_shapes", lambda: pytest.fail("it should not come so far"))
    assert cli.main(["demo", "--run", "mine"]) == 2
    assert "mine already has a run" in capsys.readouterr().err
    assert (tmp_path / "mine" / "last.npz").read_bytes() == b"a long training"
