"""What fit finds out before it trains: a run that cannot start leaves nothing that looks like one."""
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet import cli
from tinynet.data import Augmentation, Dataset
from tinynet.errors import ArgumentError, DtypeError, ShapeError
from tinynet.training.optim import SGD
from tinynet.training.schedules import StepSchedule


def small_net(channels=3, **options) -> Any:
    return tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(16 * channels, 3, std=1e-3))], name="small",
                      input_shape=(4, 4, channels), **options)


def small_data(channels=3, size=4, count=12):
    images = np.random.default_rng(0).integers(0, 256, (count, size, size, channels), dtype=np.uint8)
    return Dataset(images, np.arange(count) % 3, list("abc"), "noise")


def quiet(*args, **options):
    return tn.fit(*args, progress=False, **options)


@pytest.mark.parametrize(("net", "data", "error", "message"), [
    (small_net(1), small_data(3), ShapeError, "small"),
    (small_net(3), (np.zeros((3, 4, 4, 3)), np.arange(3)), DtypeError, "float64, expected float32"),
    (small_net(3), (np.zeros((3, 3, 5, 5), np.float32), np.arange(3)), ShapeError, "small"),
    (small_net(3), small_data(size=3), ShapeError, "the network takes 4 x 4 images, the stored ones are only 3 x 3"),
])
def test_images_that_do_not_fit_leave_no_checkpoint(net, data, error, message, tmp_path):
    with pytest.raises(error, match=message):
        quiet(net, data, epochs=1, run=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]
    quiet(small_net(), small_data(), epochs=1, run=tmp_path)  # the folder is free


def test_images_smaller_than_the_input_fit_with_padding(tmp_path):
    history = quiet(small_net(), small_data(size=3), epochs=1, augmentation=Augmentation(pad=1))
    assert len(history) == 1


def test_ctrl_c_before_the_first_checkpoint_claims_none(tmp_path, monkeypatch, capsys):
    def stop(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("tinynet.cli.commands.load_data", lambda *args: (small_data(size=32), None))
    monkeypatch.setattr("tinynet.training.fit.choose_preprocessing", stop)  # working out the mean can take minutes
    arguments = ["train", "--model", "alexnet-small", "--data", "x", "--run", str(tmp_path / "run")]
    assert cli.main(arguments) == 130
    assert capsys.readouterr().err == "tinynet: stopped\n"


def test_a_step_schedule_begins_anew_with_a_second_fit():
    net = small_net()
    optimizer = SGD(net, learning_rate=0.01)
    schedule = StepSchedule(optimizer, epochs=[1])
    for _ in range(2):
        history = quiet(net, small_data(), epochs=2, optimizer=optimizer, schedule=schedule)
        assert [row["learning_rate"] for row in history] == [0.01, pytest.approx(0.001)]


@pytest.mark.parametrize("call", [
    lambda layer, data: quiet(layer, data, epochs=1),
    lambda layer, data: tn.evaluate(layer, data),
    lambda layer, data: tn.predict(layer, data[0]),
    lambda layer, data: tn.save_checkpoint("never.npz", layer),
])
def test_a_layer_alone_belongs_in_a_network(call):
    data = np.zeros((3, 5), np.float32), np.arange(3)
    with pytest.raises(ArgumentError, match="is a Linear, expected a Network: put it in one"):
        call(tn.Linear(5, 3), data)


def ends_in_softmax(nested: bool) -> Any:
    fc, softmax = ("fc", tn.Linear(5, 3, seed=1)), ("softmax", tn.Softmax())
    return tn.Network([fc, ("end", tn.Network([softmax]))] if nested else [fc, softmax], name="sure")


@pytest.mark.parametrize("nested", [False, True])
def test_a_softmax_is_applied_once(nested):
    net = ends_in_softmax(nested)
    plain = tn.Network([("fc", net["fc"])])
    images = np.random.default_rng(0).standard_normal((6, 5)).astype(np.float32)
    labels = np.arange(6) % 3
    np.testing.assert_allclose(tn.predict(net, images), tn.predict(plain, images), rtol=1e-5)
    assert tn.evaluate(net, (images, labels)).loss == pytest.approx(tn.evaluate(plain, (images, labels)).loss)
    with pytest.raises(ArgumentError, match="sure ends in Softmax.* leave that layer out"):
        quiet(net, (images, labels), epochs=1)


def test_rows_of_features_are_learned_evaluated_and_predicted(tmp_path):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 60)
    points = (np.eye(3)[labels] + 0.1 * generator.standard_normal((60, 3))).astype(np.float32)  # (N, features)
    net = tn.Network([("fc", tn.Linear(3, 3))])
    history = quiet(net, (points, labels), epochs=10, optimizer=SGD(net, 0.5), batch_size=20, run=tmp_path)
    assert history[-1]["train_error"] == 0 and tn.evaluate(net, (points, labels)).top1_error == 0
    assert (tn.predict(net, points).argmax(axis=1) == labels).all()
    again = tn.load_checkpoint(tmp_path / "last.npz")
    np.testing.assert_array_equal(tn.predict(again, points), tn.predict(net, points))


def test_integers_to_predict_are_told_what_images_are():
    with pytest.raises(DtypeError, match=r"int64.*uint8.*astype\('uint8'\)"):
        tn.predict(small_net(), np.zeros((2, 4, 4, 3), np.int64))


def test_evaluate_compares_the_class_names():
    net, data = small_net(), small_data()
    quiet(net, data, epochs=1)
    other = Dataset(data.images, data.labels, ["a", "c", "b"], "other")
    with pytest.raises(ArgumentError, match=r"other has other .* \(a, c, b\) than small was trained on \(a, b, c\)"):
        tn.evaluate(net, other)
    assert tn.evaluate(net, data).count == 12
