"""fit: what it leaves behind, where its settings come from, what it refuses, how it stops."""
import csv
import json
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet.data import Augmentation, Dataset, Preprocessing
from tinynet.errors import ArgumentError, NotFiniteError, ShapeError
from tinynet.network.params import flat
from tinynet.plots.pictures import learning_curve
from tinynet.training import loop
from tinynet.training.checkpoint import load_checkpoint, load_training_state
from tinynet.training.evaluation import evaluate
from tinynet.training.fit import fit
from tinynet.training.history import COLUMNS, History
from tinynet.training.not_finite import first_not_finite
from tinynet.training.optim import SGD, Adam
from tinynet.training.preparation import optimizer_from, recipe_with_optimizer
from tinynet.training.schedules import ReduceOnPlateau, StepSchedule

CLASSES = ["dark", "middle", "bright"]


def small_net(**options) -> Any:
    net = tn.Network([("conv1", tn.Conv2d(3, 4, 3, seed=1)), ("relu1", tn.ReLU()), ("flatten", tn.Flatten()),
                      ("fc", tn.Linear(4 * 4 * 4, 3, seed=2))], name="small", input_shape=(6, 6, 3), **options)
    net["conv1"].params["w"] /= 100  # for pixels up to 255
    return net


def small_data(count=40, seed=0):
    """Images that differ by class in brightness."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, count)
    images = generator.integers(0, 100, (count, 8, 8, 3)) + 70 * labels[:, np.newaxis, np.newaxis, np.newaxis]
    return Dataset(images.astype(np.uint8), labels, CLASSES, "brightness")


def quiet(*args, **options):
    return fit(*args, progress=False, **options)


def test_a_run_leaves_its_folder(tmp_path):
    net, train, validation = small_net(), small_data(), small_data(30, seed=1)
    history = quiet(net, train, validation, epochs=5, batch_size=8, optimizer=SGD(net, 1e-4),
                    run=tmp_path / "runs" / "a")
    folder = tmp_path / "runs" / "a"
    assert sorted(path.name for path in folder.iterdir()) == [
        "best.npz", "curve.png", "last.npz", "log.txt", "metrics.csv", "run.lock", "settings.json",
    ]
    assert history[-1]["validation_error"] < 0.2 and history[0]["train_error"] > 0.4  # brightness is soon found
    with open(folder / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS) and len(rows) == 5
    for row, kept in zip(rows, history, strict=True):
        assert {name: float(value) for name, value in row.items()} == kept
    assert [kept["epoch"] for kept in history] == [1, 2, 3, 4, 5]
    assert all(a["seconds"] < b["seconds"] for a, b in zip(history, history[1:], strict=False))
    log = (folder / "log.txt").read_text().splitlines()
    assert len(log) == 5 and "epoch 5/5" in log[-1] and "validation error" in log[-1]
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["batch_size"] == 8 and settings["epochs"] == 5 and settings["data_name"] == "brightness"
    assert settings["model"]["layers"]["conv1"] == {"kind": "Conv2d", **json.loads(json.dumps(net["conv1"].settings))}
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")

    last = load_checkpoint(folder / "last.npz")
    assert last.class_names == net.class_names == CLASSES
    for path, array in flat(last.params).items():
        np.testing.assert_array_equal(array, flat(net.params)[path])
    best = evaluate(load_checkpoint(folder / "best.npz"), validation)
    assert best.top1_error == min(row["validation_error"] for row in history)


def test_without_validation_the_training_error_decides(tmp_path):
    net = small_net()
    optimizer = SGD(net, learning_rate=0.0)
    history = quiet(net, small_data(), epochs=3, optimizer=optimizer, run=tmp_path,
                    schedule=ReduceOnPlateau(optimizer, patience=1))
    assert history[0]["validation_loss"] is None and history[0]["validation_error"] is None
    assert ",," in (tmp_path / "metrics.csv").read_text()
    assert load_training_state(tmp_path / "last.npz")["schedule"] == {
        "best": history[0]["train_error"], "waited": 0, "reduced": 2,
    }
    assert load_training_state(tmp_path / "best.npz")["progress"]["position"]["epoch"] == 1


def test_the_rate_falls_by_the_validation_error():
    net = small_net()
    optimizer = SGD(net, learning_rate=1e-12)  # nothing changes: no validation error is a new lowest one
    history = quiet(net, small_data(), small_data(30, 1), epochs=4, optimizer=optimizer,
                    schedule=ReduceOnPlateau(optimizer, factor=0.5, patience=2, times=1))
    assert [row["learning_rate"] for row in history] == [1e-12, 1e-12, 1e-12, 5e-13]


def test_what_is_not_given_comes_from_the_recipe(tmp_path):
    recipe = {
        "learning_rate": 0.002, "bias_rate": 2.0, "momentum": 0.8, "weight_decay": {"fc": 0.1}, "decay_biases": False,
        "batch_size": 11, "epochs": 2, "schedule": {"kind": "step", "epochs": [1], "factor": 0.5},
        "augmentation": {"crop": True, "mirror": False, "pad": 1, "colour": True}, "mean": "colour",
    }
    net = small_net(recipe=recipe)
    history = quiet(net, small_data(), run=tmp_path)
    assert [row["learning_rate"] for row in history] == [0.002, 0.001]
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings["optimizer"] == {"kind": "SGD", **{name: recipe[name] for name in list(recipe)[:5]}}
    assert settings["batch_size"] == 11 and settings["schedule"] == recipe["schedule"]
    assert settings["augmentation"]["pad"] == 1 and len(settings["augmentation"]["colour"]["eigenvalues"]) == 3
    assert net.preprocessing.mean.shape == (3,) and net.preprocessing.input_size == (6, 6)

    quiet(net, small_data(), epochs=1, augmentation=False, optimizer=optimizer_from(net, learning_rate=0.5),
          run=tmp_path / "b")
    settings = json.loads((tmp_path / "b" / "settings.json").read_text())
    assert settings["augmentation"] is None and settings["optimizer"]["learning_rate"] == 0.5
    assert settings["optimizer"]["momentum"] == 0.8


def test_a_recipe_may_have_adam(tmp_path):
    recipe = {"optimizer": "adam", "learning_rate": 0.002, "beta1": 0.8, "weight_decay": {"fc": 0.1}, "momentum": 0.5,
              "batch_size": 11, "epochs": 2, "schedule": {"kind": "step", "epochs": [1], "factor": 0.5}}
    net = small_net(recipe=recipe)
    history = quiet(net, small_data(), run=tmp_path)
    assert [row["learning_rate"] for row in history] == [0.002, 0.001]
    assert history[1]["train_loss"] < history[0]["train_loss"]
    assert json.loads((tmp_path / "settings.json").read_text())["optimizer"] == {
        "kind": "Adam", "learning_rate": 0.002, "beta1": 0.8, "beta2": 0.999, "epsilon": 1e-8,
        "weight_decay": {"fc": 0.1}, "decay_biases": True}
    own = small_net(recipe=recipe)
    given = quiet(own, small_data(), optimizer=Adam(own, 0.002, beta1=0.8, weight_decay={"fc": 0.1}))
    assert [row["train_loss"] for row in given] == [row["train_loss"] for row in history]
    with pytest.raises(ArgumentError, match="optimizer is 'adagrad' in the recipe, expected one of sgd, adam"):
        quiet(small_net(recipe={"optimizer": "adagrad"}), small_data())


def test_a_misspelled_key_of_a_recipe_is_no_default(tmp_path):
    net = small_net(recipe={"learning rate": 0.002, "epochs": 2, "weightdecay": 0.1})
    message = "the recipe of small has 'learning rate', 'weightdecay', expected some of augmentation, batch_size"
    for train in (lambda: quiet(net, small_data(), run=tmp_path / "run"), lambda: optimizer_from(net)):
        with pytest.raises(ArgumentError, match=message):
            train()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("recipe", "message"), [
    ({"augmentation": {"mirrow": True}}, "the recipe's augmentation has 'mirrow', expected a dict with some of crop"),
    ({"augmentation": "mirror"}, "the recipe's augmentation is 'mirror', expected a dict"),
    ({"schedule": {"kind": "step", "epoch": [1]}}, "schedule, of kind 'step', has 'epoch', expected a dict"),
    ({"schedule": {"kind": "step"}}, "schedule, of kind 'step', lacks 'epochs', which a StepSchedule needs"),
    ({"schedule": "step"}, "schedule is 'step', expected a dict with the kind, one of plateau, step"),
    ({"schedule": {"kind": ["step"]}}, "expected a dict with the kind"),
    ({"optimizer": ["adam"]}, r"optimizer is \['adam'\] in the recipe, expected one of sgd, adam"),
])
def test_what_a_recipe_has_in_it_is_checked_too(recipe, message, tmp_path):
    with pytest.raises(ArgumentError, match=message):
        quiet(small_net(recipe=recipe), small_data(), run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_schedule_and_no_augmentation_may_be_said_as_none():
    quiet(small_net(recipe={"schedule": None, "augmentation": None, "learning_rate": 0.001}), small_data(), epochs=1)


def test_another_optimizer_takes_no_rate_and_no_decay_of_the_recipes():
    recipe = {"learning_rate": 0.3, "momentum": 0.9, "weight_decay": {"fc": 0.1}, "bias_rate": 2.0, "epochs": 2}
    adams = recipe_with_optimizer(recipe, "adam")
    assert adams == {"optimizer": "adam", "learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8,
                     "weight_decay": 0.0, "decay_biases": True, "epochs": 2}
    assert recipe_with_optimizer(recipe, "sgd") == recipe and recipe_with_optimizer(adams, "adam") == adams
    back = recipe_with_optimizer(adams, "sgd")
    assert back["learning_rate"] == 0.01 and back["weight_decay"] == 5e-4 and "beta1" not in back
    assert optimizer_from(small_net(recipe=adams)).settings == Adam(small_net()).settings


def test_a_pair_goes_in_as_it_is():
    data, nets = small_data(), [small_net(), small_net()]
    first = quiet(nets[0], data, data, epochs=2, batch_size=16)
    preprocessing = Preprocessing.fit(data, 6)
    pair = (preprocessing(data.images), data.labels)
    second = quiet(nets[1], pair, pair, epochs=2, batch_size=16)
    assert [row["train_loss"] for row in first] == [row["train_loss"] for row in second]
    assert nets[1].preprocessing is None and nets[1].class_names is None


@pytest.mark.parametrize("threads", [0, 3])
def test_threads_and_seed(threads):
    def losses(**options):
        return [row["train_loss"] for row in quiet(small_net(), small_data(), epochs=2, batch_size=7,
                                                   augmentation=Augmentation(pad=1), **options)]

    assert losses(loader_threads=threads) == losses(loader_threads=1)
    assert losses(seed=1) != losses(seed=0)


def test_a_float64_network_trains_on_bytes_too():
    net = small_net().astype("float64")
    assert quiet(net, small_data(), small_data(9), epochs=1)[0]["train_loss"] > 0 and net.dtype == "float64"


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_layer(tmp_path):
    net, data = small_net(), small_data()
    steps = []

    class Ruin(SGD):
        def step(self, grads):
            super().step(grads)
            steps.append(1)
            if len(steps) == 4:  # the next forward pass overflows in fc
                net["fc"].params["w"][:] = 3e38

    with np.errstate(all="ignore"), pytest.raises(NotFiniteError) as caught:
        quiet(net, data, epochs=3, batch_size=10, optimizer=Ruin(net, 0.001), run=tmp_path, checkpoint_seconds=1e9)
    text = str(caught.value)
    assert "training stopped in epoch 2 after 0 batches" in text
    assert "fc is the first layer whose output is not finite. The learning rate was 0.001" in text
    assert f"{tmp_path / 'last.npz'} was saved before that" in text
    kept = load_training_state(tmp_path / "last.npz")["progress"]
    assert kept["position"]["epoch"] == 1 and len((tmp_path / "metrics.csv").read_text().splitlines()) == 2


class RuinBias(SGD):
    """Leaves a bias of fc that is not finite after each step."""

    def step(self, grads):
        super().step(grads)
        self.net["fc"].params["b"][1] = np.nan


def test_parameters_that_are_not_finite_never_reach_a_checkpoint(tmp_path):
    net, data = small_net(), small_data()
    with pytest.raises(NotFiniteError, match="epoch 1 after 1 batches: fc.b has numbers that are not finite"):
        quiet(net, data, epochs=3, batch_size=10, optimizer=RuinBias(net, 0.001), run=tmp_path, checkpoint_seconds=0)
    assert np.isfinite(load_checkpoint(tmp_path / "last.npz").params["fc"]["b"]).all()
    with pytest.raises(NotFiniteError, match="epoch 1 after 0 batches: fc.b"):
        quiet(net, data, epochs=3, run=tmp_path / "b")
    assert not (tmp_path / "b" / "last.npz").exists()
    assert first_not_finite(net, np.zeros((4, 6, 6, 3), np.float32)) == (
        "fc is the first layer whose output is not finite (nor is its parameter b)")


def test_ctrl_c_after_a_step_that_ruined_the_parameters_leaves_the_checkpoint_from_before(tmp_path):
    class RuinAndStop(RuinBias):
        def step(self, grads):
            super().step(grads)
            signal.raise_signal(signal.SIGINT)

    net = small_net()
    with pytest.raises(KeyboardInterrupt):
        quiet(net, small_data(), epochs=3, batch_size=10, optimizer=RuinAndStop(net, 0.001), run=tmp_path)
    assert np.isfinite(load_checkpoint(tmp_path / "last.npz").params["fc"]["b"]).all()
    assert load_training_state(tmp_path / "last.npz")["progress"]["position"]["batch"] == 0


def test_a_second_ctrl_c_waits_for_the_checkpoint_of_the_first(tmp_path, monkeypatch):
    usual, saved = loop.save_checkpoint, []

    def save(path, *args, **options):
        if saved:                                                              # the one after Ctrl-C
            signal.raise_signal(signal.SIGINT)
        usual(path, *args, **options)
        saved.append(path.name)

    class Stop(SGD):
        def step(self, grads):
            super().step(grads)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(loop, "save_checkpoint", save)
    net = small_net()
    with pytest.raises(KeyboardInterrupt):
        quiet(net, small_data(), epochs=3, batch_size=10, optimizer=Stop(net, 0.001), run=tmp_path)
    assert saved == ["last.npz"] * 2
    assert load_training_state(tmp_path / "last.npz")["progress"]["position"]["batch"] == 1


def test_parameters_that_are_not_finite_at_the_end_of_an_epoch_are_of_that_epoch():
    net, data = small_net(), small_data()
    with pytest.raises(NotFiniteError, match="epoch 1 after 1 batches: fc.b has numbers that are not finite"):
        quiet(net, data, epochs=1, batch_size=len(data), optimizer=RuinBias(net, 0.001))


def test_images_that_are_not_finite_are_named():
    images = np.zeros((4, 6, 6, 3), np.float32)
    images[2, 0, 0, 0] = np.inf
    with np.errstate(all="ignore"), pytest.raises(NotFiniteError, match="the images themselves are not finite"):
        quiet(small_net(), (images, np.zeros(4, int)), epochs=1)


def test_a_training_until_an_error_ends_after_the_epoch_that_comes_to_it(tmp_path):
    dark = Dataset(np.zeros((6, 8, 8, 3), np.uint8), np.zeros(6, int), CLASSES, "dark")    # its error soon is 0
    whole = quiet(small_net(), small_data(), dark, epochs=5)
    until = whole[2]["train_error"]
    assert all(row["validation_error"] <= until < row["train_error"] for row in whole[:2])
    net = small_net()
    history = quiet(net, small_data(), dark, epochs=5, until=np.float32(until + 1e-6), run=tmp_path)
    assert [row["train_loss"] for row in history] == [row["train_loss"] for row in whole[:3]]
    assert json.loads((tmp_path / "settings.json").read_text())["until"] == pytest.approx(until, abs=1e-5)
    before = net["conv1"].params["w"].copy()
    assert quiet(net, small_data(), dark, epochs=5, until=until, run=tmp_path, resume=True) == history  # it is over
    np.testing.assert_array_equal(net["conv1"].params["w"], before)
    on = quiet(net, small_data(), dark, epochs=5, run=tmp_path, resume=True)
    assert [row["train_loss"] for row in on] == [row["train_loss"] for row in whole]


def test_until_waits_for_the_epoch_under_way(tmp_path, monkeypatch):
    step, steps = SGD.step, []

    def stop(optimizer, grads):
        steps.append(1)
        if len(steps) == 8:                                                    # in the third batch of the second epoch
            raise KeyboardInterrupt
        step(optimizer, grads)

    options = {"batch_size": 8, "run": tmp_path, "checkpoint_seconds": 0}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(SGD, "step", stop)
        quiet(small_net(), small_data(), epochs=3, **options)
    assert load_training_state(tmp_path / "last.npz")["progress"]["position"]["batch"] == 2
    net, straight = small_net(), small_net()
    history = quiet(net, small_data(), epochs=3, until=1.0, resume=True, **options)
    assert len(history) == 2 and len(quiet(straight, small_data(), epochs=2, batch_size=8)) == 2
    np.testing.assert_array_equal(net["conv1"].params["w"], straight["conv1"].params["w"])


def test_a_short_run_draws_its_curve_once(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(History, "plot", lambda history: drawn.append(len(history)) or learning_curve(history))
    quiet(small_net(), small_data(), epochs=3, run=tmp_path / "short")
    assert drawn == [3]
    monkeypatch.setattr("tinynet.training.run_folder.CURVE_SECONDS", 0.0)
    quiet(small_net(), small_data(), epochs=3, run=tmp_path / "long")
    assert drawn == [3, 1, 2, 3, 3]


@pytest.mark.parametrize("arguments, error, message", [
    ({"epochs": 0}, ArgumentError, "epochs is 0"),
    ({"batch_size": -1}, ArgumentError, "batch_size is -1"),
    ({"resume": True}, ArgumentError, "resume needs `run`"),
    ({"augmentation": True}, ArgumentError, "augmentation is True, expected an Augmentation"),
    ({"checkpoint_seconds": -1}, ArgumentError, "checkpoint_seconds is -1"),
    ({"until": 25}, ArgumentError, "until is 25"),
    ({"train": 5}, ArgumentError, "train is a int"),
    ({"validation": "x"}, ArgumentError, "validation is a str"),
    ({"train": (np.zeros((2, 6, 6, 3), np.float32), np.array([0, 3]))}, ArgumentError, "needs 4 outputs; small has 3"),
    ({"train": (np.zeros((2, 6, 6, 3), np.float32), np.array([0, 1])), "augmentation": Augmentation()},
     ArgumentError, "without augmentation"),
    ({"train": (np.zeros((2, 6, 6, 3), np.float32), np.array([0, 1])),
      "preprocessing": Preprocessing(np.zeros(3), 6)}, ArgumentError, "without preprocessing"),
    ({"train": (np.zeros((2, 9, 6, 3), np.float32), np.array([0, 1]))}, ShapeError, "9 x 6"),
    ({"optimizer": SGD(small_net())}, ArgumentError, "optimizer is one of another network, expected an SGD or an Adam"),
    ({"optimizer": SGD}, ArgumentError, "optimizer is the class SGD, expected an SGD or an Adam of this network"),
    ({"schedule": "step"}, ArgumentError, "schedule is 'step', expected a ReduceOnPlateau or a StepSchedule of this"),
    ({"schedule": StepSchedule(SGD(small_net()), [1])}, ArgumentError, "schedule is one of another optimizer"),
    ({"run": 3}, ArgumentError, "run is 3, expected the name of a file or a folder"),
    ({"run": ""}, ArgumentError, "run is '', expected the name of a file or a folder"),
    ({"run": "a" * 300}, ArgumentError, "cannot be made a run folder: File name too long"),
    ({"validation": Dataset(np.zeros((2, 8, 8, 3), np.uint8), [0, 1], ["a", "b", "c"], "other")}, ArgumentError,
     r"other has other classes \(a, b, c\) than brightness"),
])
def test_what_does_not_go_together_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        quiet(small_net(), **{"train": small_data(), "epochs": 1, **arguments})


def test_without_matplotlib_only_the_curve_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "tinynet.plots.pictures", raising=False)
    fit(small_net(), small_data(), epochs=2, run=tmp_path)
    assert not (tmp_path / "curve.png").exists() and (tmp_path / "metrics.csv").exists()
    said = [line for line in capsys.readouterr().out.splitlines() if "curve.png" in line]
    assert said == ["curve.png is left out: pictures need matplotlib, the extra 'plots': pip install 'tinynet[plots]'"]


def test_lines_in_a_file_a_bar_on_a_terminal_nothing_when_asked(capsys, monkeypatch):
    fit(small_net(), small_data(), epochs=2)
    output = capsys.readouterr()
    assert [line[:9] for line in output.out.splitlines()] == ["epoch 1/2", "epoch 2/2"] and output.err == ""
    quiet(small_net(), small_data(), epochs=1)
    output = capsys.readouterr()
    assert output.out == output.err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fit(small_net(), small_data(), epochs=2)
    output = capsys.readouterr()
    assert "epoch 2/2" in output.err and "images/s" in output.err and "error" in output.err and "80/80" in output.err
    assert [line[:9] for line in output.out.splitlines()] == ["epoch 1/2", "epoch 2/2"]


def test_nothing_is_written_without_a_run_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quiet(small_net(), small_data(), epochs=1)
    assert list(Path(".").iterdir()) == []
