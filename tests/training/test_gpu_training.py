"""Training, evaluation and checkpoints over the stand-in for CuPy: NumPy's numbers, and nothing copied needlessly."""
import json
import types
from typing import Any

import numpy as np
import pytest
from support import strict_cupy
from support.strict_cupy import TO_CPU, TO_GPU, Transfer

import tinynet as tn
from tinynet import cli
from tinynet.data import Dataset, Preprocessing
from tinynet.distributed.team import Team
from tinynet.distributed.tower_layers import BothTowers
from tinynet.distributed.towers import TwoTowers
from tinynet.errors import GpuMemoryError, NotFiniteError
from tinynet.measure import profiling
from tinynet.network.params import flat
from tinynet.ops.processes import Share, sharing
from tinynet.training.checkpoint import load_checkpoint, restore_network
from tinynet.training.evaluation import outputs_for
from tinynet.training.fit import fit
from tinynet.training.history import History
from tinynet.training.loop import Position, Training
from tinynet.training.not_finite import not_finite_in

NETWORKS = {
    "alexnet_small": lambda: tn.alexnet_small(size=32),
    "alexnet_small, batch normalization": lambda: tn.alexnet_small(size=32, normalization="batch"),
    "lenet5": tn.lenet5,
    **{f"cifar_net {name}": lambda name=name: tn.cifar_net(name) for name in ("80sec", "18pct", "11pct")},
}


def batch(net, n, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(0, 60, (n, *net.input_shape)).astype(net.dtype), generator.integers(0, 10, n)


def trainer(net, images, labels, kind=tn.SGD, **options):
    """A Training whose batches the test takes by itself."""
    loader = tn.data.Loader((images, labels), None, len(labels), threads=0)
    optimizer = kind(net, 1e-3, **options)
    return Training(net, loader, None, optimizer, None, 1, None, {}, None, 30, False, Position(), History(), Team())


def small_net() -> Any:
    return tn.Network([
        ("conv1", tn.Conv2d(3, 4, 3, seed=1)), ("norm1", tn.BatchNorm2d(4)), ("relu1", tn.ReLU()),
        ("pool1", tn.AvgPool2d(2, 2)), ("drop1", tn.Dropout(0.3, seed=4)), ("flatten", tn.Flatten()),
        ("fc", tn.Linear(16, 3, seed=2)),
    ], name="small", input_shape=(6, 6, 3), recipe={"learning_rate": 0.001, "batch_size": 8, "epochs": 2})


def small_data(count=37, seed=0):
    generator = np.random.default_rng(seed)
    return Dataset(generator.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8), generator.integers(0, 3, count),
                   ["a", "b", "c"], "noise")


def same_arrays(found, expected, digits):
    found, expected = flat(found), flat(expected)
    assert list(found) == list(expected)
    for path, array in expected.items():
        # A bias before batch normalization has no gradient: what is there is rounding, some 1e-12.
        largest = max(float(np.abs(tn.to_cpu(array)).max()), 1e-6)
        np.testing.assert_allclose(tn.to_cpu(found[path]), tn.to_cpu(array), rtol=digits, atol=digits * largest,
                                   err_msg=".".join(path))


@pytest.mark.gpu
@pytest.mark.parametrize("name", NETWORKS)
def test_steps_of_training_are_the_same_on_the_gpu(name, gpu):
    net = NETWORKS[name]().astype("float64")
    images, labels = batch(net, 3)
    here, there = trainer(net, images, labels), trainer(tn.to_gpu(net), images, labels)
    for _ in range(2):
        found, expected = there.train_batch(images, labels), here.train_batch(images, labels)
        assert found == pytest.approx(expected, rel=1e-9)
    same_arrays(there.net.params, net.params, 1e-9)
    same_arrays(there.net.buffers, net.buffers, 1e-9)
    same_arrays(there.optimizer.velocity, here.optimizer.velocity, 1e-8)


@pytest.mark.gpu
def test_steps_with_adam_are_the_same_on_the_gpu(gpu):
    net = small_net().astype("float64")
    images, labels = batch(net, 8)
    here, there = (trainer(one, images, labels % 3, tn.Adam, weight_decay=0.1) for one in (net, tn.to_gpu(net)))
    for _ in range(3):
        assert there.train_batch(images, labels % 3) == pytest.approx(here.train_batch(images, labels % 3), rel=1e-9)
    # Before batch normalization a bias has no gradient, and Adam makes whole steps of the rounding that is there.
    for arrays in (here, there):
        arrays.net.params["conv1"].pop("b")
        arrays.optimizer.moments["conv1"].pop("b")
    same_arrays(there.net.params, net.params, 1e-7)
    moments = flat(there.optimizer.moments)
    assert all(isinstance(array, gpu.ndarray) or path[-1] == "t" for path, array in moments.items())
    for path, array in flat(here.optimizer.moments).items():
        found = moments[path] if path[-1] == "t" else tn.to_cpu(moments[path])
        np.testing.assert_allclose(found, array, rtol=1e-6, atol=1e-12, err_msg=str(path))


@pytest.mark.gpu
def test_a_step_in_float32_is_the_same_to_rounding(gpu):
    net = tn.alexnet_small(size=32)
    images, labels = batch(net, 8)
    here, there = trainer(net, images, labels), trainer(tn.to_gpu(net), images, labels)
    assert there.train_batch(images, labels) == pytest.approx(here.train_batch(images, labels), rel=1e-5)
    same_arrays(there.net.params, net.params, 1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_copies_images_labels_and_masks_there_and_a_few_numbers_back(name, gpu):
    net = tn.to_gpu(NETWORKS[name]())
    images, labels = batch(net, 4)
    training = trainer(net, images, labels)
    training.train_batch(images, labels)  # in which fast implementations are proven
    for _ in range(2):
        strict_cupy.transfers.clear()
        training.train_batch(images, labels)
        shapes = [net.input_shape, *net.shapes(net.input_shape).values()]
        masks = [4 * int(np.prod(shape)) for shape, layer in zip(shapes, net.layers.values(), strict=False)
                 if isinstance(layer, tn.Dropout)]
        there = [transfer for transfer in strict_cupy.transfers if transfer.direction == TO_GPU]
        assert there == [Transfer(TO_GPU, size) for size in (images.nbytes, *masks, labels.nbytes, labels.nbytes)]
        back = [transfer for transfer in strict_cupy.transfers if transfer not in there]
        assert back == [Transfer(TO_CPU, size) for size in (4, len(flat(net.params)), 8)]


def test_a_batch_of_evaluation_copies_three_numbers_back(gpu):
    net = tn.to_gpu(small_net())
    images, labels = batch(net, 20)
    strict_cupy.transfers.clear()
    found = tn.evaluate(net, (images, labels % 3), batch_size=8)
    sizes = [size for n in (8, 8, 4) for size in (images[:n].nbytes, 8 * n, 24)]
    assert [transfer.bytes for transfer in strict_cupy.transfers] == sizes
    assert found.loss == pytest.approx(tn.evaluate(tn.to_cpu(net), (images, labels % 3)).loss, rel=1e-5)


@pytest.mark.gpu
def test_probabilities_and_ten_crops_are_the_same(gpu):
    net, data = small_net(), small_data()
    net.preprocessing = Preprocessing.fit(data, 6)
    there = tn.to_gpu(net)
    for ten_crop in (False, True):
        found, expected = (tn.predict(one, data.images, ten_crop=ten_crop) for one in (there, net))
        assert isinstance(found, np.ndarray)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
        errors = [tn.evaluate(one, data, ten_crop=ten_crop).top1_error for one in (there, net)]
        assert errors[0] == errors[1] > 0


@pytest.mark.filterwarnings("ignore:invalid value")  # CuPy gives no such warning
def test_numbers_that_are_not_finite_are_found_on_the_gpu(gpu):
    net = tn.to_gpu(small_net())
    images, labels = batch(net, 8)
    assert not_finite_in(net) is None
    net["fc"].params["b"][1] = np.inf
    assert not_finite_in(net) == "fc.b"
    training = trainer(net, images, labels % 3)
    with pytest.raises(NotFiniteError, match="fc is the first layer whose output .*nor is its parameter b"):
        training.train_batch(images, labels % 3)


def losses(history):
    return [row[key] for row in history for key in ("train_loss", "validation_loss", "train_error")]


@pytest.mark.gpu
@pytest.mark.parametrize("devices", [("gpu", "gpu"), ("cpu", "gpu"), ("gpu", "cpu")])
def test_a_run_goes_on_from_a_checkpoint_on_either_device(devices, gpu, tmp_path):
    def train(device, folder, **options):
        net = small_net()
        net = tn.to_gpu(net) if device == "gpu" else net
        history = fit(net, small_data(), small_data(20, 1), run=folder, progress=False, **options)
        return net, history

    net, expected = train("cpu", tmp_path / "cpu")
    train(devices[0], tmp_path / "run", epochs=1)
    there, found = train(devices[1], tmp_path / "run", resume=True)
    assert losses(found) == pytest.approx(losses(expected), rel=1e-4)
    same_arrays(there.params, net.params, 1e-3)
    last = load_checkpoint(tmp_path / "run/last.npz")
    for path, array in (flat(last.params) | flat(last.buffers)).items():
        assert isinstance(array, np.ndarray)
        np.testing.assert_array_equal(array, tn.to_cpu((flat(there.params) | flat(there.buffers))[path]))


@pytest.mark.gpu
def test_a_checkpoint_is_restored_where_the_network_is(gpu, tmp_path):
    net = small_net()
    tn.save_checkpoint(tmp_path / "here.npz", net)
    there = tn.to_gpu(small_net())
    there["fc"].params["w"] *= 2
    restore_network(tmp_path / "here.npz", there)
    assert all(isinstance(array, gpu.ndarray) for array in flat(there.params).values())
    same_arrays(there.params, net.params, 0)


def number_after(text, word):
    """The number that follows a word in a message."""
    return float(text.split(word)[1].split()[0])


@pytest.mark.parametrize(("images", "optimizer"), [(200, "sgd"), (1000, "sgd"), (1000, "adam")])
def test_out_of_memory_says_which_batch_fits_and_it_does(images, optimizer, gpu):
    net = tn.to_gpu(small_net())
    net.recipe["optimizer"] = optimizer
    data, before = (batch(net, images)[0], np.arange(images) % 3), tn.to_cpu(net)
    memory = gpu.get_default_memory_pool()
    memory.limit = memory.used_bytes() + 400_000

    def train(size):
        fit(net, data, batch_size=size, epochs=1, progress=False)

    with pytest.raises(GpuMemoryError, match=rf"with a batch of {images} inputs: .* MB were free") as caught:
        train(images)
    text = str(caught.value)
    del caught  # and with it the frames that hold arrays
    same_arrays(net.params, before.params, 0)
    assert number_after(text, "inputs:") == pytest.approx(0.4, rel=0.05)
    fitting = int(number_after(text, "A batch size of"))
    train(fitting)
    with pytest.raises(GpuMemoryError):
        train(int(1.2 * fitting))


def test_out_of_memory_in_evaluation(gpu):
    net, data = small_net(), small_data(200)
    net.preprocessing = Preprocessing.fit(data, 6)
    net = tn.to_gpu(net)
    pool = gpu.get_default_memory_pool()
    pool.limit = pool.used_bytes() + 200_000
    for ten_crop in (False, True):
        with pytest.raises(GpuMemoryError, match="with a batch of 200 inputs") as caught:
            tn.evaluate(net, data, batch_size=200, ten_crop=ten_crop)
        fitting = int(number_after(str(caught.value), "A batch size of"))
        del caught
        assert fitting % (10 if ten_crop else 1) == 0
        tn.evaluate(net, data, batch_size=fitting, ten_crop=ten_crop)


def test_out_of_memory_in_a_share_of_a_batch_names_the_size_of_the_whole(gpu):
    net, images = tn.to_gpu(small_net()), np.ones((200, 6, 6, 3), np.float32)
    pool = gpu.get_default_memory_pool()
    pool.limit = pool.used_bytes() + 200_000
    told = []
    for whole, part in ((200, ""), (400, ", 200 of them in this process")):
        with sharing(Share(0, whole, None, None, None)):
            with pytest.raises(GpuMemoryError, match=f"with a batch of {whole} inputs{part}: ") as caught:
                outputs_for(net, images, False)
            told.append(int(number_after(str(caught.value), "A batch size of")))
            del caught
    assert told[1] == 2 * told[0]


def test_a_tower_out_of_memory_tries_nothing_alone(gpu):
    """The other process is in the middle of the batch."""
    calls = []

    def exchange(own, both):
        calls.append(len(own))
        raise gpu.cuda.memory.OutOfMemoryError(1, 2, 3)

    team = Team()
    team.comm = types.SimpleNamespace(Allgather=exchange)
    tower = tn.to_gpu(tn.Network([("relu", tn.ReLU()), ("both", BothTowers(team=team))], input_shape=(6,)))
    told = "^out of memory on the GPU with a batch of 8 inputs: take a smaller batch size"
    with pytest.raises(GpuMemoryError, match=told):
        outputs_for(tower, np.ones((8, 6), np.float32), False)
    assert calls == [8]
    lonely = Training.__new__(Training)
    lonely.team, lonely.net = TwoTowers.__new__(TwoTowers), tower
    lonely.attempt = lambda images, labels: exchange(images, labels)
    with pytest.raises(GpuMemoryError, match=told):
        lonely.train_batch(np.ones((8, 6), np.float32), np.zeros(8, int))
    assert calls == [8, 8]


def test_where_not_even_one_image_fits(gpu):
    net = tn.to_gpu(small_net())
    pool = gpu.get_default_memory_pool()
    pool.limit = pool.used_bytes() + 1000
    with pytest.raises(GpuMemoryError, match="not even one image fits"):
        tn.predict(net, np.ones((4, 6, 6, 3), np.float32))


def test_the_command_line_trains_evaluates_and_predicts_on_the_gpu(gpu, tmp_path, monkeypatch, capsys):
    data = small_data(40)
    monkeypatch.setattr("tinynet.cli.commands.load_data", lambda *args: (data, data))
    monkeypatch.setattr("tinynet.cli.commands.make_model", lambda *args, **options: small_net())
    run = str(tmp_path / "run")
    for device, where in (("gpu", "GPU, Stand-in"), ("auto", "GPU, Stand-in")):
        more = ["--resume", "--epochs", "2"] if device == "auto" else ["--epochs", "1"]
        assert cli.main(["train", "--model", "small", "--data", "x", "--run", run, "--device", device, *more]) == 0
        assert where in capsys.readouterr().err
    errors = []
    for device in ("gpu", "cpu"):
        strict_cupy.transfers.clear()
        assert cli.main(["evaluate", run, "--data", "x", "--device", device, "--batch-size", "16"]) == 0
        errors.append(capsys.readouterr().out)
        assert len(strict_cupy.transfers) > 8 if device == "gpu" else not strict_cupy.transfers
    assert errors[0] == errors[1] and "top-1 error" in errors[0]
    assert json.loads((tmp_path / "run/settings.json").read_text())["epochs"] == 2


def test_a_profile_times_the_layers_where_they_are(gpu, monkeypatch):
    monkeypatch.setattr(profiling.gpu_rates, "__defaults__", (16, 1))
    monkeypatch.setattr(profiling, "REPEATS", 1)
    net = tn.to_gpu(tn.alexnet_small(size=32))
    waits = []
    monkeypatch.setattr(profiling, "wait_for", lambda x: waits.append(type(x)))
    found = profiling.profile(net, batch=2)
    assert "on the Stand-in" in str(found) and [row.name for row in found.rows] == list(net.layers)
    assert set(waits) == {gpu.ndarray} and len(waits) > 2 * len(net.layers)
