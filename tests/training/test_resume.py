"""A run that was stopped and taken up again gives the same bits as one that was not."""
import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from support.skip import Skip

import tinynet as tn
from tinynet.data import Augmentation, Dataset, PCAColour, Preprocessing
from tinynet.errors import ArgumentError, CheckpointError
from tinynet.network.params import flat
from tinynet.training import fit as fit_module
from tinynet.training import loop
from tinynet.training.checkpoint import generator_states, load_checkpoint, load_training_state
from tinynet.training.evaluation import Evaluation
from tinynet.training.fit import fit
from tinynet.training.optim import SGD, Adam
from tinynet.training.run_folder import RunFolder, first_difference
from tinynet.training.schedules import ReduceOnPlateau, StepSchedule

BATCHES = 5  # in an epoch of 37 images in batches of 8
TIMES = ("seconds", "images_per_second")
RECIPE: dict[str, Any] = {
    "learning_rate": 0.001, "weight_decay": {"conv1": 0.01, "fc": 0.1}, "bias_rate": 2.0, "batch_size": 8, "epochs": 3,
    "schedule": {"kind": "plateau", "patience": 1, "times": 2},
    "augmentation": {"crop": True, "mirror": True, "pad": 1, "colour": True},
}


def small_net(filters=4) -> Any:
    return tn.Network([
        ("conv1", tn.Conv2d(3, filters, 3, seed=1)), ("norm1", tn.BatchNorm2d(filters)), ("relu1", tn.ReLU()),
        ("drop1", tn.Dropout(0.3, seed=4)), ("flatten", tn.Flatten()), ("fc", tn.Linear(16 * filters, 3, seed=2)),
    ], name="small", input_shape=(6, 6, 3), recipe=RECIPE)


def initialized(net):
    """The network with the same layers, whose recipe says that it was initialized in another way."""
    net.recipe["initialization"] = {"fc": (0.1, 0)}
    return net


def small_data(count=37, seed=0):
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return Dataset(images, generator.integers(0, 3, count), ["a", "b", "c"], "noise")


def with_another_image(data):
    data.images[5] = 255 - data.images[5]
    return data


def quiet(net, **options):
    return fit(net, small_data(), small_data(20, 1), progress=False, **options)


def without_times(rows):
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def assert_same_run(first, second):
    """Compare two run folders: all that is in the last checkpoint, and in the best, but for the times."""
    for name in ("last.npz", "best.npz"):
        nets = [load_checkpoint(folder / name) for folder in (first, second)]
        states = [load_training_state(folder / name) for folder in (first, second)]
        for key in ("params", "buffers"):
            one, two = flat(getattr(nets[0], key)), flat(getattr(nets[1], key))
            for path in one:
                np.testing.assert_array_equal(one[path], two[path], err_msg=f"{name} {path}")
        assert generator_states(nets[0]) == generator_states(nets[1])
        if name == "last.npz":
            kept = "moments" if "moments" in states[0]["optimizer"] else "velocity"
            one, two = (flat(state["optimizer"].pop(kept)) for state in states)
            for path in one:
                np.testing.assert_array_equal(one[path], two[path], err_msg=str(path))
        assert states[0]["optimizer"] == states[1]["optimizer"] and states[0]["schedule"] == states[1]["schedule"]
        progress = [state["progress"] for state in states]
        assert without_times(progress[0]["history"]) == without_times(progress[1]["history"])
        for state in progress:
            del state["history"], state["position"]["seconds"], state["position"]["epoch_seconds"]
        assert progress[0] == progress[1]


@pytest.fixture(autouse=True)
def without_curves(monkeypatch):
    """Drawing takes longer than these trainings."""
    monkeypatch.setattr(RunFolder, "draw_curve", lambda self, history, now=False: None)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    return folder, quiet(small_net(), run=folder)


def stop_in_step(monkeypatch, step, how, kind=SGD):
    """Let the optimizer's step number `step` be stopped, `how` says by what."""
    usual, steps = kind.step, []

    def counted(self, grads):
        steps.append(1)
        if len(steps) == step:
            how()
        usual(self, grads)

    monkeypatch.setattr(kind, "step", counted)


def raise_interrupt():
    raise KeyboardInterrupt


def press_ctrl_c():
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("checkpoint_seconds", [0, 1e9])
@pytest.mark.parametrize("step", [1, 3, BATCHES, BATCHES + 1, 2 * BATCHES + 2])
@pytest.mark.parametrize("how", [raise_interrupt, press_ctrl_c])
def test_stopped_in_a_step(how, step, checkpoint_seconds, straight, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_in_step(patch, step, how)
        with pytest.raises(KeyboardInterrupt):
            quiet(small_net(), run=tmp_path, checkpoint_seconds=checkpoint_seconds)
    position = load_training_state(tmp_path / "last.npz")["progress"]["position"]
    done = position["epoch"] * BATCHES + position["batch"]
    if how is press_ctrl_c:  # which waits for the end of the batch
        assert done == step
    else:
        assert done == (step - 1 if checkpoint_seconds == 0 else (step - 1) // BATCHES * BATCHES)
    assert (tmp_path / "metrics.csv").read_text().count("\n") == 1 + position["epoch"]
    history = quiet(small_net(), run=tmp_path, resume=True)
    assert without_times(history) == without_times(straight[1])
    assert_same_run(straight[0], tmp_path)


def adam_net():
    net = small_net()
    net.recipe |= {"optimizer": "adam", "learning_rate": 0.01, "beta2": 0.99}
    return net


@pytest.mark.parametrize("step", [1, BATCHES + 2])
def test_with_adam_stopped_in_a_step(step, tmp_path, monkeypatch):
    history = quiet(adam_net(), run=tmp_path / "straight")
    with monkeypatch.context() as patch:
        stop_in_step(patch, step, raise_interrupt, Adam)
        with pytest.raises(KeyboardInterrupt):
            quiet(adam_net(), run=tmp_path / "stopped", checkpoint_seconds=0)
    with pytest.raises(ArgumentError, match="optimizer.kind is 'SGD' and was 'Adam' when the run began"):
        quiet(small_net(), run=tmp_path / "stopped", resume=True)
    assert without_times(quiet(adam_net(), run=tmp_path / "stopped", resume=True)) == without_times(history)
    assert_same_run(tmp_path / "straight", tmp_path / "stopped")
    steps = load_training_state(tmp_path / "stopped/last.npz")["optimizer"]["moments"]["fc"]["w"]["t"]
    assert steps == 3 * BATCHES


@pytest.mark.parametrize("threads", [0, 2])
def test_stopped_while_images_are_read(threads, straight, tmp_path, monkeypatch):
    usual, calls = Dataset.images_at, []

    def counted(self, indices):
        calls.append(1)
        if len(calls) == 19:
            raise KeyboardInterrupt
        return usual(self, indices)

    with monkeypatch.context() as patch:
        patch.setattr(Dataset, "images_at", counted)
        with pytest.raises(KeyboardInterrupt):
            quiet(small_net(), run=tmp_path, loader_threads=threads)
    assert load_training_state(tmp_path / "last.npz")["progress"]["position"]["batch"] > 0
    quiet(small_net(), run=tmp_path, resume=True, loader_threads=1)
    assert_same_run(straight[0], tmp_path)


def test_stopped_in_validation(straight, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(loop, "measure", lambda *args, **options: raise_interrupt())
        with pytest.raises(KeyboardInterrupt):
            quiet(small_net(), run=tmp_path)
    assert load_training_state(tmp_path / "last.npz")["progress"]["position"]["batch"] == BATCHES
    quiet(small_net(), run=tmp_path, resume=True)
    assert_same_run(straight[0], tmp_path)


def test_stopped_in_the_look_after_an_epoch(straight, tmp_path):
    seen = []

    def look(net, epoch):
        seen.append((epoch, float(net["conv1"].params["w"].sum())))
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quiet(small_net(), run=tmp_path, after_epoch=look)
    quiet(small_net(), run=tmp_path, resume=True, after_epoch=look)
    assert_same_run(straight[0], tmp_path)
    assert [epoch for epoch, _ in seen] == [0, 1, 2, 2, 3] and seen[2] == seen[3]   # the second epoch was not saved


def test_stopped_while_a_checkpoint_is_written(straight, tmp_path, monkeypatch):
    usual, calls = os.replace, []

    def counted(source, target):
        calls.append(target.name)
        if target.name == "last.npz" and calls.count("last.npz") == 4:
            raise KeyboardInterrupt
        usual(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", counted)
        with pytest.raises(KeyboardInterrupt):
            quiet(small_net(), run=tmp_path, checkpoint_seconds=0)
    assert not list(tmp_path.glob("*.partial"))
    quiet(small_net(), run=tmp_path, resume=True)
    assert_same_run(straight[0], tmp_path)


def test_a_killed_process_goes_on_from_its_last_checkpoint(straight, tmp_path):
    script = """import os, signal, sys
sys.path[:0] = [sys.argv[1], os.path.dirname(sys.argv[1])]
import pytest, test_resume
patch = pytest.MonkeyPatch()
test_resume.stop_in_step(patch, 9, lambda: os.kill(os.getpid(), signal.SIGKILL))
test_resume.quiet(test_resume.small_net(), run=sys.argv[2], checkpoint_seconds=0)"""
    command = [sys.executable, "-c", script, os.path.dirname(__file__), str(tmp_path)]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    quiet(small_net(), run=tmp_path, resume=True)
    assert_same_run(straight[0], tmp_path)


@pytest.mark.parametrize("kind", ["plateau", "step"])
def test_what_a_run_was_trained_with_takes_it_up_again_though_the_rate_has_fallen(kind, tmp_path):
    net = small_net()
    optimizer = SGD(net, 0.001)
    schedule = StepSchedule(optimizer, [1]) if kind == "step" else ReduceOnPlateau(optimizer, patience=1)
    options = {"optimizer": optimizer, "schedule": schedule}
    while optimizer.learning_rate == 0.001:  # as in a notebook, cell by cell; the plateau's error is that of noise
        again = (tmp_path / "a").exists()
        epochs = len(RunFolder(tmp_path / "a", True).training_state()["progress"]["history"]) + 1 if again else 1
        quiet(net, run=tmp_path / "a", epochs=epochs, resume=again, **options)
    history = quiet(net, run=tmp_path / "a", epochs=epochs + 1, resume=True, **options)
    assert history[0]["learning_rate"] == 0.001 and history[-1]["learning_rate"] < 0.001
    # Another run begins with the steps' full rate, or the one that the plateau has come to; it says so, and goes on.
    rate = 0.001 if kind == "step" else optimizer.learning_rate
    assert quiet(net, run=tmp_path / "b", epochs=1, **options)[0]["learning_rate"] == rate
    assert json.loads((tmp_path / "b" / "settings.json").read_text())["optimizer"]["learning_rate"] == rate
    quiet(net, run=tmp_path / "b", epochs=2, resume=True, **options)


@pytest.mark.parametrize("schedule", [{"kind": "step", "epochs": [1]}, {"kind": "plateau", "patience": 1}])
def test_an_optimizer_that_the_recipes_schedule_has_lowered_goes_on(schedule, tmp_path, monkeypatch):
    errors = iter([0.5, 0.6, 0.4, 0.4])
    monkeypatch.setattr(loop, "measure", lambda *args, **options: Evaluation(1.0, next(errors), 0.0, 20))
    net = small_net()
    net.recipe = RECIPE | {"schedule": schedule}
    optimizer = SGD(net, 0.01)
    quiet(net, run=tmp_path, epochs=2, optimizer=optimizer)
    assert optimizer.learning_rate == pytest.approx(0.001)
    history = quiet(net, run=tmp_path, epochs=3, resume=True, optimizer=optimizer)
    assert [row["learning_rate"] for row in history] == pytest.approx(
        [0.01, 0.001, 0.001] if schedule["kind"] == "step" else [0.01, 0.01, 0.001])
    with pytest.raises(ArgumentError, match="batch_size is 9 and was 8"):
        quiet(net, run=tmp_path, epochs=4, resume=True, optimizer=optimizer, batch_size=9)
    assert optimizer.learning_rate == pytest.approx(0.001)
    with pytest.raises(ArgumentError, match="optimizer.learning_rate is 0.05 and was 0.01 when the run began"):
        quiet(net, run=tmp_path, epochs=4, resume=True, optimizer=SGD(net, 0.05))
    quiet(net, run=tmp_path, epochs=4, resume=True, optimizer=SGD(net, 0.01))


def test_the_order_of_decays_for_each_layer_says_nothing(tmp_path):
    for epochs, names in ((1, ("conv1", "fc")), (2, ("fc", "conv1"))):
        net = small_net()
        decays = {name: {"conv1": 0.1, "fc": 0.2}[name] for name in names}
        quiet(net, run=tmp_path, epochs=epochs, resume=epochs > 1, optimizer=SGD(net, 0.01, weight_decay=decays))
    layers = {"layers": {"a": 1, "b": 2}}, {"layers": {"b": 2, "a": 1}}
    assert first_difference(*layers) == "layers is 'b, a' and was 'a, b' when the run began"


def test_a_run_whose_checkpoints_do_not_say_the_initialization_goes_on(straight, tmp_path, monkeypatch):
    described = fit_module.describe_run
    monkeypatch.setattr(fit_module, "describe_run", lambda *args: {
        key: value for key, value in described(*args).items() if key != "recipe"})  # as before 0.2
    quiet(small_net(), run=tmp_path, epochs=1)
    monkeypatch.undo()
    assert "recipe" not in load_training_state(tmp_path / "best.npz")["progress"]["settings"]
    history = quiet(small_net(), run=tmp_path, resume=True)
    assert without_times(history) == without_times(straight[1])


@pytest.mark.parametrize("kind", ["plateau", "step"])
def test_a_finished_run_goes_on_with_more_epochs(kind, straight, tmp_path):
    def options(net):
        optimizer = SGD(net, 0.001)
        schedule = StepSchedule(optimizer, [1, 2]) if kind == "step" else ReduceOnPlateau(optimizer, patience=1)
        return {"optimizer": optimizer, "schedule": schedule}

    nets = [small_net(), small_net(), small_net()]
    quiet(nets[0], run=tmp_path / "a", epochs=3, **options(nets[0]))
    quiet(nets[1], run=tmp_path / "b", epochs=1, **options(nets[1]))
    history = quiet(nets[2], run=tmp_path / "b", epochs=3, resume=True, **options(nets[2]))
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert_same_run(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b" / "log.txt").read_text().count("epoch ") == 3
    assert quiet(small_net(), run=straight[0], resume=True) == straight[1]  # nothing is left to do


@pytest.mark.parametrize("inner", ["dropout", "shared", "norm"])
def test_a_layer_within_a_layer_goes_on_too(inner, tmp_path):
    def net() -> Any:
        blocks: list[Any] = [Skip(tn.Dropout(0.3, seed=4)), Skip(tn.Dropout(0.3, seed=5))]
        if inner == "shared":
            blocks[1].inner.generator = blocks[0].generator = blocks[0].inner.generator
        if inner == "norm":
            blocks[0] = Skip(tn.BatchNorm2d(3))
        return tn.Network([("skip1", blocks[0]), ("skip2", blocks[1]), ("flatten", tn.Flatten()),
                           ("fc", tn.Linear(108, 3, seed=2))], name="skips", input_shape=(6, 6, 3),
                          recipe={"learning_rate": 0.001, "batch_size": 8})

    at_once, first, then = net(), net(), net()
    quiet(at_once, run=tmp_path / "a", epochs=2)
    quiet(first, run=tmp_path / "b", epochs=1)
    quiet(then, run=tmp_path / "b", epochs=2, resume=True)
    for arrays in ("params", "buffers"):
        one, other = (flat(getattr(each, arrays)) for each in (at_once, then))
        assert one.keys() == other.keys() and all(np.array_equal(one[path], other[path]) for path in one)
    assert generator_states(at_once) == generator_states(then)


def test_running_statistics_that_a_checkpoint_would_lack_are_refused_before_training(tmp_path):
    block: Any = Skip(tn.BatchNorm2d(3))
    block.buffers = {}
    net = tn.Network([("skip1", block), ("flatten", tn.Flatten()), ("fc", tn.Linear(108, 3))], input_shape=(6, 6, 3))
    with pytest.raises(ArgumentError, match=r"fit: skip1\.inner's running_mean is in no layer's `buffers`"):
        quiet(net, run=tmp_path / "run", epochs=1)
    with pytest.raises(ArgumentError, match=r"save_checkpoint: skip1\.inner's running_mean"):
        tn.save_checkpoint(tmp_path / "net.npz", net)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change, message", [
    ({"batch_size": 9}, "batch_size is 9 and was 8 when the run began"),
    ({"seed": 1}, "seed is 1 and was 0"),
    ({"net": small_net(filters=5)}, "model.layers.conv1.out_channels is 5 and was 4"),
    ({"net": small_net().astype("float64")}, "model.dtype is 'float64' and was 'float32'"),
    ({"net": tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(192, 3))], name="small", input_shape=(8, 8, 3))},
     r"model.input_shape is \[8, 8, 3\] and was \[6, 6, 3\]"),
    ({"net": initialized(small_net())}, r"recipe.initialization is {'fc': \[0.1, 0\]} and was None"),
    ({"train": small_data(36)}, "data.count is 36 and was 37"),
    ({"train": small_data(37, seed=5)}, "data.labels_sha256 is"),
    ({"train": with_another_image(small_data(37))}, "data.images_sha256 is"),
    ({"validation": None}, "validation is None and was {"),
    ({"augmentation": Augmentation(pad=2, colour=PCAColour.fit(small_data()))}, "augmentation.pad is 2 and was 1"),
    ({"augmentation": False}, "augmentation is None and was {"),
    ({"rate": 0.5}, "optimizer.learning_rate is 0.5 and was 0.001"),
    ({"preprocessing": Preprocessing(np.zeros(3), 6)}, "preprocessing differs"),
])
def test_other_settings_are_named(change, message, straight):
    net = change.pop("net", None) or small_net()
    if "rate" in change:
        change = {"optimizer": SGD(net, change["rate"], weight_decay=RECIPE["weight_decay"], bias_rate=2.0)}
    data = {"train": small_data(), "validation": small_data(20, 1)} | change
    with pytest.raises(ArgumentError, match=message):
        fit(net, progress=False, run=straight[0], resume=True, **data)


def test_a_run_that_is_there_is_not_overwritten_and_one_that_is_not_cannot_go_on(straight, tmp_path):
    before = (straight[0] / "last.npz").read_bytes()
    with pytest.raises(ArgumentError, match=r"already has a run \(last.npz\): resume it"):
        quiet(small_net(), run=straight[0])
    assert (straight[0] / "last.npz").read_bytes() == before
    with pytest.raises(ArgumentError, match="has no last.npz: there is no run to resume"):
        quiet(small_net(), run=tmp_path / "new", resume=True)
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(ArgumentError, match="cannot be made a run folder"):
        quiet(small_net(), run=tmp_path / "file")
    (tmp_path / "last.npz").write_bytes(b"PK")
    with pytest.raises(CheckpointError, match="damaged"):
        quiet(small_net(), run=tmp_path, resume=True)


def test_seconds_go_on_and_pauses_do_not_count(tmp_path):
    quiet(small_net(), run=tmp_path, epochs=1)
    time.sleep(0.5)
    before, began = load_training_state(tmp_path / "last.npz")["progress"]["position"]["seconds"], time.perf_counter()
    history = quiet(small_net(), run=tmp_path, epochs=2, resume=True)
    assert before < history[1]["seconds"] <= before + time.perf_counter() - began
