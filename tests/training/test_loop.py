"""Details of the loop: which images, which checkpoint is the best, what a resumption does not work out again."""
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet.data import Dataset, PCAColour, Preprocessing
from tinynet.training import loop
from tinynet.training.checkpoint import generator_states, load_training_state
from tinynet.training.evaluation import Evaluation
from tinynet.training.fit import fit
from tinynet.training.not_finite import why_not_finite
from tinynet.training.optim import SGD


def small_net(**options) -> Any:
    return tn.Network([("flatten", tn.Flatten()), ("drop", tn.Dropout(0.5)), ("fc", tn.Linear(48, 3, std=1e-3))],
                      input_shape=(4, 4, 3), **options)


class Watched(Dataset):
    """Notes which images are asked for."""

    def __init__(self, count=20):
        generator = np.random.default_rng(0)
        images = generator.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
        super().__init__(images, np.arange(count) % 3, list("abc"))
        self.asked: list[list[int]] = []

    def images_at(self, indices):
        self.asked.append(list(indices))
        return super().images_at(indices)


def test_each_epoch_has_every_image_once_in_an_order_of_its_own():
    data = Watched()
    fit(small_net(), data, epochs=3, batch_size=6, progress=False, preprocessing=Preprocessing(np.zeros(3), 4))
    asked = data.asked[1:]  # the first look is whether an image fits
    assert [len(batch) for batch in asked] == 3 * [6, 6, 6, 2]
    epochs = [sum(asked[i : i + 4], []) for i in (0, 4, 8)]
    assert all(sorted(epoch) == list(range(20)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0] and epochs[0] != list(range(20))


def test_the_best_checkpoint_is_that_of_the_lowest_validation_error(tmp_path, monkeypatch):
    errors = iter([0.5, 0.4, 0.6, 0.45, 0.4])
    monkeypatch.setattr(loop, "measure", lambda *args, **options: Evaluation(1.0, next(errors), 0.0, 20))
    fit(small_net(), Watched(), Watched(), epochs=5, run=tmp_path, progress=False)
    position = load_training_state(tmp_path / "best.npz")["progress"]["position"]
    assert position["epoch"] == 2 and position["best"] == 0.4
    assert load_training_state(tmp_path / "last.npz")["progress"]["position"]["best"] == 0.4


def test_mean_and_colours_are_not_worked_out_again(tmp_path, monkeypatch):
    def options():
        return small_net(recipe={"augmentation": {"colour": True, "crop": True, "mirror": True, "pad": 0}}), Watched()

    fit(*options(), epochs=1, run=tmp_path, progress=False)

    def never(*args):
        raise AssertionError("a resumption should take this from the checkpoint")

    monkeypatch.setattr(PCAColour, "fit", never)
    monkeypatch.setattr(Preprocessing, "fit", never)
    assert len(fit(*options(), epochs=2, run=tmp_path, resume=True, progress=False)) == 2


def test_the_search_for_the_layer_draws_the_masks_of_the_batch():
    net, images = small_net(), np.ones((5, 4, 4, 3), np.float32)
    states = generator_states(net)
    net.forward(images, train=True)
    after = generator_states(net)
    labels = np.zeros(5, int)
    assert why_not_finite(net, images, labels, states) == (
        "the gradients of all layers are finite when they are computed one by one")
    assert generator_states(net) == after != states


def test_the_step_is_forward_loss_backward_and_the_formula():
    net, reference = small_net(), small_net()
    generator = np.random.default_rng(1)
    images, labels = generator.standard_normal((7, 4, 4, 3), dtype=np.float32), generator.integers(0, 3, 7)
    history = fit(net, (images, labels), epochs=1, optimizer=SGD(net, 0.1), progress=False)
    order = np.random.default_rng([0, 0]).permutation(7)  # the seed and the epoch
    scores, saved = reference.forward(images[order], train=True)
    loss, dscores = tn.softmax_cross_entropy(scores, labels[order])
    SGD(reference, 0.1).step(reference.backward(dscores, saved)[1])
    assert history[0]["train_loss"] == pytest.approx(loss)
    np.testing.assert_allclose(net["fc"].params["w"], reference["fc"].params["w"], rtol=1e-6)


def test_loss_and_error_of_an_epoch_are_means_over_its_images():
    net = tn.Network([("fc", tn.Linear(5, 3, std=1.0, seed=3))], input_shape=(5,))
    generator = np.random.default_rng(1)
    images, labels = generator.standard_normal((20, 5)).astype(np.float32), generator.integers(0, 3, 20)
    row = fit(net, (images, labels), epochs=1, batch_size=6, optimizer=SGD(net, 0.0), progress=False)[0]  # 6, 6, 6, 2
    scores, _ = net.forward(images)
    assert row["train_loss"] == pytest.approx(tn.softmax_cross_entropy(scores, labels)[0], rel=1e-5)
    assert row["train_error"] == pytest.approx((scores.argmax(axis=1) != labels).mean())


def test_seconds_between_checkpoints_and_the_speed_of_training_alone(tmp_path, monkeypatch):
    now, saved, step, write = [0.0], [], loop.training_step, loop.save_checkpoint

    def takes(seconds, what):
        now[0] += seconds
        return what

    def save(path, *args, **options):
        position = (args[3] if len(args) > 3 else options["progress"])["position"]
        saved.append((path.name, position["epoch"], position["batch"]))
        write(path, *args, **options)

    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(loop, "training_step", lambda *args: takes(1, step(*args)))
    monkeypatch.setattr(loop, "measure", lambda *args, **options: takes(100, Evaluation(1.0, 0.5, 0.0, 20)))
    monkeypatch.setattr(loop, "save_checkpoint", save)
    history = fit(small_net(), Watched(), Watched(), epochs=2, batch_size=6, run=tmp_path, progress=False,
                  checkpoint_seconds=2.5)
    assert [each[1:] for each in saved if each[0] == "last.npz"] == [(0, 0), (0, 3), (1, 0), (1, 3), (2, 0)]
    assert [row["images_per_second"] for row in history] == [5.0, 5.0]  # 20 images in 4 steps of a second
    assert [row["seconds"] for row in history] == [104, 208]


def test_ctrl_c_while_the_best_checkpoint_is_written_leaves_the_last_from_before(tmp_path, monkeypatch):
    usual = loop.save_checkpoint

    def save(path, *args, **options):
        if path.name == "best.npz" and options["progress"]["position"]["epoch"] == 2:
            raise KeyboardInterrupt
        usual(path, *args, **options)

    errors = iter([0.5, 0.4])
    monkeypatch.setattr(loop, "measure", lambda *args, **options: Evaluation(1.0, next(errors), 0.0, 20))
    monkeypatch.setattr(loop, "save_checkpoint", save)
    with pytest.raises(KeyboardInterrupt):
        fit(small_net(), Watched(), Watched(), epochs=2, run=tmp_path, progress=False)
    for name in ("best.npz", "last.npz"):
        assert load_training_state(tmp_path / name)["progress"]["position"]["best"] == 0.5
