"""What fit finds out before it trains: a run that cannot start leaves nothing that looks like one."""
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet import cli
from tinynet.data import Augmentation, Dataset, Preprocessing
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


PAIR = np.zeros((3, 4, 4, 3), np.float32), np.arange(3)


@pytest.mark.parametrize(("train", "validation", "error", "message"), [
    (PAIR, (PAIR[0].astype("f8"), PAIR[1]), DtypeError, "small: the batch of images is float64, expected float32"),
    (PAIR, (PAIR[0][:, :3], PAIR[1]), ShapeError, "small.*3 x 4 x 3"),
    (PAIR, small_data(), ArgumentError, "small has no preprocessing for uint8 images"),
    (small_data(), small_data(size=5), ShapeError, "made for stored images of 4 x 4, these are 5 x 5"),
    (small_data(), small_data(1), ShapeError, "the mean has 3 channels, the images have 1"),
])
def test_a_validation_set_that_does_not_fit_is_found_before_the_first_step(train, validation, error, message, tmp_path):
    with pytest.raises(error, match=f"the validation set cannot be used: .*{message}"):
        quiet(small_net(), train, validation, epochs=1, run=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]
    quiet(small_net(), train, train, epochs=1, run=tmp_path)  # the folder is free


def test_a_layer_that_fails_in_evaluation_alone_is_found_before_the_first_step(tmp_path):
    class Odd(tn.ReLU):
        def forward(self, x, train=False):
            y, saved = super().forward(x, train)
            return (y if train else y.astype(np.float64)), saved

    net = tn.Network([("odd", Odd()), ("flatten", tn.Flatten()), ("fc", tn.Linear(48, 3))], name="small")
    with pytest.raises(DtypeError, match="the validation set cannot be used: .*odd"):
        quiet(net, PAIR, PAIR, epochs=1, run=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]


def test_a_folder_in_which_no_step_was_taken_can_be_used_again(tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr("tinynet.training.loop.training_step", lambda *given: 1 / 0)
        quiet(small_net(), small_data(), epochs=1, run=tmp_path)
    assert (tmp_path / "last.npz").exists()
    history = quiet(small_net(), small_data(), small_data(), epochs=2, run=tmp_path)
    assert (tmp_path / "metrics.csv").read_text().count("\n") == 3 and len(history) == 2
    with pytest.raises(ArgumentError, match="already has a run"):
        quiet(small_net(), small_data(), epochs=1, run=tmp_path)


def test_a_folder_in_which_a_step_was_taken_is_kept(tmp_path, monkeypatch):
    def stop(net):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("tinynet.training.loop.Training.finish_epoch", stop)
        quiet(small_net(), small_data(), epochs=1, run=tmp_path)
    with pytest.raises(ArgumentError, match="already has a run"):
        quiet(small_net(), small_data(), epochs=1, run=tmp_path)
    (tmp_path / "last.npz").write_bytes(b"PK")  # what it has is not known
    with pytest.raises(ArgumentError, match="already has a run"):
        quiet(small_net(), small_data(), epochs=1, run=tmp_path)


def digits(count=12):
    """Images of 28 x 28, as MNIST's own."""
    images = np.random.default_rng(0).integers(0, 256, (count, 28, 28, 1), dtype=np.uint8)
    return Dataset(images, np.arange(count) % 10, [str(digit) for digit in range(10)], "digits")


def test_digits_of_28_pixels_are_trained_on_as_if_the_data_set_had_padded_them(tmp_path):
    small = digits()
    padded = Dataset(np.pad(small.images, ((0, 0), (2, 2), (2, 2), (0, 0))), small.labels, small.class_names, padding=2)
    nets = tn.lenet5(seed=1), tn.lenet5(seed=1)
    losses = [[row["validation_loss"] for row in quiet(net, data, data, epochs=2, batch_size=5)]
              for net, data in zip(nets, (small, padded), strict=True)]
    assert losses[0] == losses[1]
    tn.save_checkpoint(tmp_path / "net.npz", nets[0])
    asked = [tn.predict(net, data.images) for net in (tn.load_checkpoint(tmp_path / "net.npz"), nets[1])
             for data in (small, padded)]
    assert all(np.array_equal(asked[0], other) for other in asked[1:])
    assert tn.evaluate(nets[0], small, ten_crop=True) == tn.evaluate(nets[1], padded, ten_crop=True)


@pytest.mark.parametrize("augmentation", [None, False, Augmentation(pad=0), Augmentation(pad=8, stretch=0.3)])
@pytest.mark.parametrize(("make", "height", "width", "channels"), [
    (tn.lenet5, 28, 28, 1), (tn.alexnet_small, 30, 30, 3), (tn.alexnet_small, 29, 40, 3), (tn.lenet5, 24, 31, 1),
])
def test_what_trains_can_be_evaluated_and_asked(make, height, width, channels, augmentation):
    images = np.random.default_rng(0).integers(0, 256, (10, height, width, channels), dtype=np.uint8)
    data = Dataset(images, np.arange(10), [str(i) for i in range(10)])
    net = make()
    assert len(quiet(net, data, data, epochs=1, augmentation=augmentation)) == 1
    assert tn.evaluate(net, data).count == 10 and tn.predict(net, images, ten_crop=True).shape == (10, 10)


@pytest.mark.parametrize(("size", "padding", "options"), [
    (23, 0, {}), (23, 0, {"augmentation": False}), (10, 0, {"augmentation": Augmentation(pad=10)}),
    (28, 1, {}),  # it has a border already: another one would not be known from it
    (28, 0, {"preprocessing": Preprocessing(np.zeros(1), 32, 28)}),  # augmentation alone would fill the gap
])
def test_what_could_not_be_evaluated_is_not_trained(size, padding, options, tmp_path):
    images = np.zeros((12, size, size, 1), np.uint8)
    data = Dataset(images, np.arange(12) % 10, [str(i) for i in range(10)], padding=padding)
    with pytest.raises(ShapeError, match=f"takes 32 x 32 images, the stored ones are only {size} x {size}"):
        quiet(tn.lenet5(), data, epochs=1, run=tmp_path, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]


def test_images_much_smaller_than_the_input_fit_where_augmentation_pads_as_much(tmp_path):
    net, data = small_net(), small_data(size=2)
    assert len(quiet(net, data, data, epochs=1, augmentation=Augmentation(pad=1))) == 1
    assert net.preprocessing.image_size == (4, 4) and tn.evaluate(net, data).count == 12


def test_a_run_whose_augmentation_alone_fills_the_gap_goes_on(tmp_path, monkeypatch):
    def train(epochs, run, **options):  # as before there was a border
        net = small_net()
        net.preprocessing = Preprocessing.fit(small_data(size=3), 4)
        quiet(net, small_data(size=3), epochs=epochs, run=run, augmentation=Augmentation(pad=1), **options)
        return net

    with monkeypatch.context() as patch:
        patch.setattr("tinynet.training.fit.check_first_image", lambda *given, **options: None)
        straight = train(2, tmp_path / "straight")
        train(1, tmp_path / "run")
    resumed = train(2, tmp_path / "run", resume=True)
    assert np.array_equal(resumed["fc"].params["w"], straight["fc"].params["w"])


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
