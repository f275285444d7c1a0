"""Fine-tuning: the first layers stay bit for bit, their outputs are computed once, the last ones train as ever."""
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tinynet as tn
from tinynet.data import Augmentation, Dataset, ImageFolder, Loader, PCAColour, Preprocessing
from tinynet.errors import ArgumentError, OutOfMemoryError, ShapeError
from tinynet.network.params import flat
from tinynet.training import frozen
from tinynet.training.checkpoint import load_training_state
from tinynet.training.run_folder import RunFolder

RECIPE: dict[str, Any] = {
    "learning_rate": 0.01, "weight_decay": {"conv1": 0.5, "fc": 0.1}, "batch_size": 8, "epochs": 3,
    "schedule": {"kind": "plateau", "patience": 1, "times": 2},
    "augmentation": {"crop": True, "mirror": True, "pad": 1, "colour": True},
}


def small_net(recipe: Any = None, dtype: str = "float32") -> Any:
    net: Any = tn.Network([
        ("conv1", tn.Conv2d(3, 4, 3, seed=1)), ("norm1", tn.BatchNorm2d(4)), ("relu1", tn.ReLU()),
        ("drop1", tn.Dropout(0.3, seed=4)), ("conv2", tn.Conv2d(4, 5, 3, seed=5)), ("relu2", tn.ReLU()),
        ("drop2", tn.Dropout(0.3, seed=6)), ("flatten", tn.Flatten()), ("fc", tn.Linear(20, 3, seed=2)),
    ], name="small", input_shape=(6, 6, 3), recipe=RECIPE if recipe is None else recipe)
    net["norm1"].buffers["running_mean"] += np.float32(0.3)
    return net.astype(dtype)


def small_data(count=21, seed=0):
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
    return Dataset(images, generator.integers(0, 3, count), ["a", "b", "c"], "noise")


def quiet(net, **options):
    return tn.fit(net, small_data(), small_data(9, 1), **{"progress": False, "freeze": "drop1"} | options)


def arrays_of(net):
    return {path: array.copy() for path, array in {**flat(net.params), **flat(net.buffers)}.items()}


@pytest.fixture(autouse=True)
def without_curves(monkeypatch):
    """Drawing takes longer than these trainings."""
    monkeypatch.setattr(RunFolder, "draw_curve", lambda self, history, now=False: None)


@pytest.mark.parametrize("freeze", ["conv1", "drop1", "conv2", "flatten"])
def test_what_is_frozen_stays_bit_for_bit_and_the_rest_is_trained(freeze, tmp_path):
    net = small_net()
    names = list(net.layers)[: list(net.layers).index(freeze) + 1]
    before, state = arrays_of(net), net["drop1"].generator.bit_generator.state
    quiet(net, freeze=freeze, run=tmp_path)
    for path, array in arrays_of(net).items():
        if path[0] in names:
            np.testing.assert_array_equal(array, before[path])
        else:
            assert (array != before[path]).any()
    if "drop1" in names:
        assert net["drop1"].generator.bit_generator.state == state
    whole = tn.load_checkpoint(tmp_path / "last.npz")
    assert list(whole.layers) == list(net.layers) and whole.class_names == ["a", "b", "c"]
    kept = load_training_state(tmp_path / "last.npz")["optimizer"]["velocity"]
    assert set(kept) == {"conv1", "norm1", "conv2", "fc"} - set(names)
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings["freeze"] == freeze and settings["data_name"] == "noise"
    data = small_data(9, 1)
    np.testing.assert_array_equal(tn.predict(whole, data.images), tn.predict(net, data.images))
    history = load_training_state(tmp_path / "last.npz")["progress"]["history"]
    assert tn.evaluate(net, data).loss == pytest.approx(history[-1]["validation_loss"], rel=1e-6)


def test_it_equals_training_the_whole_without_gradients_for_the_first_layers():
    net, other = (small_net({"batch_size": 7}, "float64") for _ in range(2))
    x = np.random.default_rng(3).standard_normal((14, 6, 6, 3))
    labels = np.arange(14) % 3
    options: dict[str, Any] = {"learning_rate": 0.05, "weight_decay": {"conv2": 0.1, "fc": 0.2}}
    tn.fit(net, (x, labels), epochs=3, seed=5, freeze="relu1", progress=False,
           optimizer=tn.SGD(tn.split_network(net, "relu1")[1], **options))
    optimizer = tn.SGD(other, **options)
    norm = other["norm1"]
    for epoch in range(3):
        for images, some in Loader((x, labels), None, 7, shuffle=True, seed=5).batches(epoch):
            norm_forward = norm.forward
            norm.forward = lambda x, train=False: norm_forward(x, False)  # noqa: B023  (as at test)
            scores, saved = other.forward(images, train=True)
            del norm.forward
            _, grads = other.backward(tn.softmax_cross_entropy(scores, some)[1], saved)
            for gradient in (*grads["conv1"].values(), *grads["norm1"].values()):
                gradient[...] = 0
            optimizer.step(grads)
    for path, array in arrays_of(other).items():
        np.testing.assert_allclose(arrays_of(net)[path], array, rtol=0, atol=1e-12)


def test_each_image_and_its_mirror_image_goes_through_the_frozen_layers_once(monkeypatch):
    net, seen = small_net(), []
    usual = frozen.outputs_for
    monkeypatch.setattr(frozen, "outputs_for", lambda part, x, ten: seen.append((part.name, x)) or usual(part, x, ten))
    data = small_data()
    history = quiet(net)
    inputs = np.concatenate([x for _, x in seen])
    assert {name for name, _ in seen} == {"small up to drop1"} and len(inputs) == 9 + 2 * 21
    generator = np.random.default_rng(0)
    plain = Augmentation(crop=False, mirror=False)(data.images, net.preprocessing, generator)
    expected = {image.tobytes() for one in plain for image in (one, one[:, ::-1])}
    assert {image.tobytes() for image in inputs[9:]} == expected
    assert len(history) == 3 and history[0]["train_error"] * 42 == pytest.approx(round(history[0]["train_error"] * 42))


@pytest.mark.parametrize("augmentation", [False, Augmentation(crop=False, mirror=False)])
def test_without_augmentation_there_are_no_mirror_images(augmentation, capsys):
    quiet(small_net(), augmentation=augmentation, progress=True, epochs=1)
    assert ("the output of small up to drop1 is computed once, for 21 training images and 9 validation images: "
            in capsys.readouterr().out)


@pytest.mark.parametrize("step", [8, 12])  # of 6 in an epoch
def test_a_stopped_run_goes_on_with_the_same_bits(step, tmp_path, monkeypatch):
    straight = small_net()
    history = quiet(straight, run=tmp_path / "straight")
    usual, steps = tn.SGD.step, []

    def stop(self, grads):
        steps.append(1)
        if len(steps) == step:
            raise KeyboardInterrupt
        usual(self, grads)

    with monkeypatch.context() as patch:
        patch.setattr(tn.SGD, "step", stop)
        with pytest.raises(KeyboardInterrupt):
            quiet(small_net(), run=tmp_path / "stopped", checkpoint_seconds=0)
    for wrong, words in (({"freeze": "relu1"}, "freeze is 'relu1' and was 'drop1' when the run began"),
                         ({"freeze": None}, "freeze is None and was 'drop1'"),
                         ({"augmentation": False}, "augmentation is None and was")):
        with pytest.raises(ArgumentError, match=words):
            quiet(small_net(), run=tmp_path / "stopped", resume=True, **wrong)
    net = small_net()
    net["conv1"].params["w"] += 1  # whatever it begins with: the checkpoint has the frozen layers too
    again = quiet(net, run=tmp_path / "stopped", resume=True)
    assert [row["validation_loss"] for row in again] == [row["validation_loss"] for row in history]
    for path, array in arrays_of(straight).items():
        np.testing.assert_array_equal(arrays_of(net)[path], array)
    assert net["drop2"].generator.bit_generator.state == straight["drop2"].generator.bit_generator.state


def test_a_run_of_the_whole_network_is_not_resumed_with_frozen_layers(tmp_path):
    quiet(small_net(), run=tmp_path, freeze=None, augmentation=False, epochs=1)
    with pytest.raises(ArgumentError, match="freeze is 'drop1' and was None when the run began"):
        quiet(small_net(), run=tmp_path, augmentation=False, resume=True)


@pytest.mark.parametrize(("options", "words"), [
    ({"freeze": "conv9"}, "layer 'conv9' does not exist; small has conv1, norm1"),
    ({"freeze": "fc"}, "freeze is 'fc', and no layer with parameters comes after it.* is fc$"),
    ({"augmentation": Augmentation()}, "mirror images alone are possible, "),
    ({"augmentation": Augmentation(crop=False, colour=PCAColour(np.ones(3), np.eye(3)))}, "mirror images alone"),
    ({"optimizer": tn.SGD(small_net())}, r"one of the layers that are trained: SGD\(split_network\(net, 'drop1'\)"),
])
def test_what_does_not_go_together(options, words, tmp_path):
    with pytest.raises(ArgumentError, match=words):
        quiet(small_net(), run=tmp_path / "run", **options)
    assert not (tmp_path / "run" / "last.npz").exists()


def test_features_that_do_not_fit_into_memory_are_refused_before(monkeypatch):
    monkeypatch.setattr(frozen, "allowed_memory", lambda: 1000)
    words = ("the output of small up to drop1 is computed once, for 21 training images and their mirror images and 9 "
             "validation images: .* GB of memory, and the process may have")
    with pytest.raises(OutOfMemoryError, match=words):
        quiet(small_net())


def test_validation_images_that_do_not_fit_are_named_first():
    net = small_net()
    net.preprocessing = Preprocessing(np.zeros(3), 6)
    generator = np.random.default_rng(0)
    other = Dataset(generator.integers(0, 256, (5, 7, 7, 3), dtype=np.uint8), np.arange(5) % 3, ["a", "b", "c"])
    with pytest.raises(ShapeError, match="the validation set cannot be used: .* 6 x 6, these are 7 x 7"):
        tn.fit(net, small_data(), other, freeze="drop1", progress=False)


def test_a_file_that_cannot_be_read_is_left_out_and_named_in_the_log(tmp_path):
    folder = tmp_path / "train" / "a"
    folder.mkdir(parents=True)
    for index, image in enumerate(small_data(120).images):
        Image.fromarray(image).save(folder / f"{index:03}.png")
    (folder / "007.png").write_bytes((folder / "007.png").read_bytes()[:-30])
    data = ImageFolder(sorted(folder.iterdir()), np.arange(120) % 3, ["a", "b", "c"], 6)
    history = tn.fit(small_net(), data, freeze="drop1", epochs=1, run=tmp_path / "run", progress=False)
    log = (tmp_path / "run" / "log.txt").read_text()
    assert log.count("left out: ") == 1 and "007.png" in log and "1 of 120 files" in log
    assert history[0]["train_error"] * 238 == pytest.approx(round(history[0]["train_error"] * 238))


def test_features_of_images_and_mirror_images_stay_in_order_where_a_file_is_left_out(tmp_path):
    folder = tmp_path / "train" / "a"
    folder.mkdir(parents=True)
    for index, image in enumerate(small_data(120).images):
        Image.fromarray(image).save(folder / f"{index:03}.png")
    whole = ImageFolder(sorted(folder.iterdir()), np.arange(120) % 3, ["a", "b", "c"], 6)
    net = small_net()
    net.preprocessing = Preprocessing(np.zeros(3), 6)
    first, _ = tn.split_network(net, "drop1")
    every, _ = frozen.features_of(net, first, whole, None, 16, True, False)
    (folder / "007.png").write_bytes((folder / "007.png").read_bytes()[:-30])
    cut = ImageFolder(sorted(folder.iterdir()), np.arange(120) % 3, ["a", "b", "c"], 6)
    some, _ = frozen.features_of(net, first, cut, None, 16, True, False)
    kept = np.delete(np.arange(240), [7, 127])
    np.testing.assert_allclose(some.images, every.images[kept], rtol=1e-6)
    np.testing.assert_array_equal(some.labels, every.labels[kept])


def test_on_the_gpu_it_is_the_same(gpu):
    recipe = {"batch_size": 8, "epochs": 2, "learning_rate": 0.001, "augmentation": {"crop": False}}
    net = small_net(recipe, "float64")
    there = tn.to_gpu(net)
    quiet(net)
    quiet(there)
    for path, array in arrays_of(net).items():
        found = arrays_of(there)[path]
        assert isinstance(found, gpu.ndarray)
        np.testing.assert_allclose(tn.to_cpu(found), array, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("threads", [0, 3])
def test_so_many_threads_read_the_images(threads, monkeypatch):
    given = []

    class Spy(frozen.Loader):
        def __init__(self, *arguments, threads=1, **options):
            given.append(threads)
            super().__init__(*arguments, threads=threads, **options)

    monkeypatch.setattr(frozen, "Loader", Spy)
    quiet(small_net(), epochs=1, loader_threads=threads)
    assert given and set(given) == {threads}
