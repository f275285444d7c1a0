"""The lessons themselves: what their arms are, and what they work out."""
import argparse
import importlib
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn
from tinynet.cli.lesson import read_arm, split_names
from tinynet.errors import ArgumentError, ShapeError
from tinynet.layers.loss import softmax_cross_entropy
from tinynet.lessons import LESSONS, Arm, augmentation, changed, dropout, init, lenet, optimizer, relu, towers
from tinynet.lessons.plan import Plan, make_network
from tinynet.lessons.result import Result
from tinynet.training.preparation import optimizer_from

OWN = [name for name in LESSONS if name != "speed"]


def lesson(name):
    return importlib.import_module(f"tinynet.lessons.{name}").LESSON


class Pictures:
    class_names = list("abcdefghij")
    image_shape = (32, 32, 3)
    name = "pictures"


def plan_of(each):
    return Plan(each, each.arms, each.model, each.quick, Pictures, None, None, Path(), 1, False)


def nets_of(each, seed=1):
    plan = plan_of(each)
    return {arm.name: plan.make(arm, seed) for arm in each.arms}


@pytest.mark.parametrize("name", OWN)
def test_every_arm_learns_from_its_initial_weights(name):
    generator = np.random.default_rng(0)
    each = lesson(name)
    assert each.name == name and each.run == importlib.import_module(f"tinynet.lessons.{name}").run
    for net in nets_of(each).values():
        scale = 64 / net.recipe.get("deviation", 1.0)
        x = (scale * generator.standard_normal((4, *net.input_shape))).astype("float32")
        scores, saved = net.forward(x, train=True)
        loss, dscores = softmax_cross_entropy(scores, np.arange(4))
        grads = net.backward(dscores, saved, input_gradient=False)[1]
        assert loss == pytest.approx(math.log(10), abs=1.0) and scores.shape == (4, 10)
        assert all(np.abs(g["w"]).max() > 0 for g in grads.values() if "w" in g)


@pytest.mark.parametrize("name", OWN)
def test_arms_differ_and_get_the_same_budget(name):
    each = lesson(name)
    described = [
        (repr(net), str(net.recipe), [float(p[key].max()) for p in net.params.values() for key in p])
        for net in nets_of(each).values()
    ]
    assert all(one != two for i, one in enumerate(described) for two in described[:i])
    assert each.full.seeds >= 3 and each.quick.seeds >= 2
    assert set(each.published) <= {arm.name for arm in each.arms} | {"all"}


@pytest.mark.parametrize("name", ["lrn", "pooling", "augmentation", "towers"])
def test_arms_of_a_seed_start_from_the_same_first_filters(name):
    filters = [net["conv1"].params["w"] for net in nets_of(lesson(name)).values()]
    same = [w for w in filters if w.shape == filters[0].shape]
    assert len(same) >= 3
    for w in same[1:]:
        np.testing.assert_array_equal(w, same[0])


def test_towers_have_the_sizes_they_say():
    nets = nets_of(towers.LESSON)
    counts = {name: net.parameter_count for name, net in nets.items()}
    assert counts["half"] < counts["half, last layer full"] < counts["no communication"] < counts["two towers"]
    assert counts["one of both towers' size"] == tn.alexnet_small(dropout=None).parameter_count
    assert nets["two towers"]["conv3"].groups == 1 and nets["no communication"]["conv3"].groups == 2
    colour = towers.measured(nets["two towers"], None)["colour"]
    assert colour == pytest.approx([2 / 3, 2 / 3], abs=0.06)
    nets["two towers"]["conv1"].params["w"][..., :16] = 1.0
    assert towers.measured(nets["two towers"], None)["colour"][0] == pytest.approx(0, abs=1e-6)


def test_towers_without_communication_do_not_see_each_other():
    generator = np.random.default_rng(0)
    for name, sees in (("two towers", True), ("no communication", False)):
        net = nets_of(towers.LESSON)[name]
        x = generator.standard_normal((1, 32, 32, 3)).astype("float32")
        body = changed(net, without=("flatten", "fc5"))
        before = body.forward(x)[0]
        net["conv1"].params["w"][..., :16] *= 2                                # the first tower alone
        after = body.forward(x)[0]
        assert not np.array_equal(before[..., :32], after[..., :32])
        assert np.array_equal(before[..., 32:], after[..., 32:]) is not sees


def test_the_initialization_with_biases_of_a_tenth_differs_in_the_biases_alone():
    nets = nets_of(init.LESSON)
    text, tenth = nets["the paper's text"], nets["text, biases of 0.1"]
    for one, two in zip(text.params.values(), tenth.params.values(), strict=True):
        np.testing.assert_array_equal(one["w"], two["w"])
        np.testing.assert_allclose(two["b"], 0.1 * one["b"])
    assert text["conv2"].params["b"][0] == 1


def test_when_the_loss_falls():
    history = [{"epoch": 1, "train_loss": 2.3}, {"epoch": 2, "train_loss": 2.18}]
    assert init.epochs_until_it_falls({"history": history}) == 2
    assert init.epochs_until_it_falls({"history": history[:1]}) is None


def test_lenet_has_the_ideas_one_after_the_other():
    nets = nets_of(lenet.LESSON)
    assert nets["LeNet-5"].parameter_count == tn.lenet5().parameter_count + 2 * 25 * 6  # two more colours
    kinds = [{type(layer).__name__ for layer in net.layers.values()} for net in nets.values()]
    for kind, since in (("ReLU", 1), ("MaxPool2d", 2), ("LocalResponseNorm", 3), ("Dropout", 5)):
        assert [kind in found for found in kinds] == [index >= since for index in range(7)]
    assert [bool(net.recipe["augmentation"]) for net in nets.values()] == [False] * 6 + [True]


def test_the_gap_is_test_minus_training_error():
    each = dropout.LESSON
    result = Result(plan_of(each), [ended("without", 1, 0.2), ended("without", 2, 0.4) | {"test_error": 0.7}])
    assert dropout.gap_cell(result, each.arms[0]) == "20.0 +- 14.1%"


def ended(arm, seed, *errors):
    """A training of `lesson dropout` with these errors; where there are none it diverged after one epoch."""
    history = [{"epoch": i, "train_error": error, "validation_error": error + 0.1}
               for i, error in enumerate(errors or (0.8,), 1)]
    last = errors[-1] if errors else 0.9
    return {"arm": arm, "stage": "seed", "seed": seed, "rate": 0.1, "history": history, "test_error": last + 0.1,
            "train_error": last, "measured": {"ten_crop_error": last + 0.05} if errors else {},
            "diverged": None if errors else "conv1: ...", "parameters": 1, "multiply_adds": 1}


@pytest.mark.parametrize("errors", [[(0.6, 0.3), (0.5, 0.2)], [(), (0.5, 0.2)], [(), ()]])
def test_dropout_says_when_each_arm_reached_the_error_that_all_reached(errors):
    each = dropout.LESSON
    result = Result(plan_of(each), [ended(arm.name, seed, *errors[i]) for i, arm in enumerate(each.arms)
                                    for seed in (1, 2)])
    said = "; ".join(dropout.findings(result))
    assert ("without: 2.0 epochs until 30.0% error" in said) is bool(errors[0])
    assert ("dropout 0.5: 2.0 epochs until" in said) is bool(errors[1])
    left = result.plot().axes[0]
    dashed = [line for line in left.lines if line.get_linestyle() == "--"]
    assert len(dashed) == 3 * sum(map(bool, errors)) and left.lines[-1].get_linestyle() == ":"


def test_the_arms_of_the_optimizers_have_the_optimizers_they_say():
    nets = nets_of(optimizer.LESSON)
    kinds = [optimizer_from(net).settings for net in nets.values()]
    assert [kind["kind"] for kind in kinds] == ["SGD", "SGD", "Adam"]
    assert [kind.get("momentum") for kind in kinds] == [0.9, 0.0, None]
    assert {kind["weight_decay"] for kind in kinds} == {0.0}
    for one, other in zip(nets.values(), list(nets.values())[1:], strict=False):
        np.testing.assert_array_equal(one["conv1"].params["w"], other["conv1"].params["w"])


def optimizers_result(diverged=False):
    """Searches with these held-out errors, and two seeds at the best rate; Adam's diverged, if so wanted."""
    each = optimizer.LESSON
    searched = {0: {0.003: 0.5, 0.01: 0.3, 0.03: 0.9}, 1: {0.03: 0.4, 0.1: 0.35, 0.3: 0.6},
                2: {0.001: 0.2, 0.003: 0.25}}
    curves = {0: (0.6, 0.4, 0.2), 1: (0.7, 0.5, 0.4), 2: (0.3, 0.1, 0.1)}
    records = []
    for i, arm in enumerate(each.arms):
        for rate, error in searched[i].items():
            found = ended(arm.name, 0, error) | {"stage": "search", "rate": rate, "test_error": error}
            records.append(found | {"diverged": "conv1: ..." if error == 0.9 else None})
        best = min(searched[i], key=searched[i].get)
        own = () if diverged and i == 2 else curves[i]
        records += [ended(arm.name, seed, *own) | {"rate": best} for seed in (1, 2)]
    return Result(plan_of(each), records)


def test_what_the_lesson_on_optimizers_says_by_hand():
    result = optimizers_result()
    head, rows = result.head_and_rows()
    assert head[-1] == "held-out error by rate"
    assert [row[-1] for row in rows] == ["0.003: 50.0%, 0.01: 30.0%, 0.03: diverged",
                                         "0.03: 40.0%, 0.1: 35.0%, 0.3: 60.0%", "0.001: 20.0%, 0.003: 25.0%"]
    epochs, rates = optimizer.findings(result)
    # 40%: at the middle of epochs 2 and 3; 90% at the start and 30% at the middle of epoch 1, so after 5/6 of the half
    assert epochs.startswith("Epochs until 40.0% training error, the lowest that every training reached: "
                             "SGD with momentum 1.5, SGD without momentum 2.5, Adam 0.4.")
    assert rates.endswith("SGD with momentum +20.0 at 0.3 times, +70.0 at 3 times; SGD without momentum +5.0 at 0.3 "
                          "times, +25.0 at 3 times; Adam +5.0 at 3 times.")
    left, middle, right = result.plot().axes
    assert [line.get_ydata().tolist() for line in right.lines] == [[0.5, 0.3, 1.0], [0.4, 0.35, 0.6], [0.2, 0.25]]
    assert left.lines[-1].get_linestyle() == ":" and left.lines[-1].get_ydata()[0] == 0.4
    assert [label.get_text() for label in right.get_xticklabels()] == ["0.001", "0.003", "0.01", "0.03", "0.1", "0.3"]


def test_the_lesson_on_optimizers_where_an_arm_diverged_or_no_rate_was_searched():
    result = optimizers_result(diverged=True)
    epochs, rates = optimizer.findings(result)
    assert "SGD without momentum 2.5. An" in epochs and "Adam +5.0 at 3 times" in rates
    assert result.plot().axes
    alone = Result(result.plan, [r for r in result.records if r["stage"] == "seed"])
    assert len(optimizer.findings(alone)) == 1


def halves(one, two):
    return {"share": [one, two], "spread": [0.02, 0.03], "chance": 0.2, "p": 0.04}


def test_columns_are_of_their_arm():
    each = augmentation.LESSON
    records = [ended(arm.name, seed, error) for arm, error in zip(each.arms, (0.5, 0.3, 0.1), strict=True)
               for seed in (1, 2)]
    head, rows = Result(plan_of(each), records).head_and_rows()
    assert head[-3:-1] == ["ten crops", "ten crops bring, points"]
    assert [row[-3:-1] for row in rows] == [[f"{error}.0 +- 0.0%", "+5.0 +- 0.0"] for error in (55, 35, 15)]
    each = towers.LESSON
    records = [ended(arm.name, 1, 0.5) | {"measured": {"towers": halves(i / 10, 0.6)}}
               for i, arm in enumerate(each.arms)]
    shown = [row[-3:-1] for row in Result(plan_of(each), records).head_and_rows()[1]]
    assert shown == [[f"60 +- 3 and {10 * i} +- 2%", f"{60 - 10 * i} (20, p 0.04)"] for i in range(5)]


def test_ten_crops_are_in_the_picture():
    each = augmentation.LESSON
    result = Result(plan_of(each), [ended(arm.name, seed, 0.5) for arm in each.arms for seed in (1, 2)])
    right = result.plot().axes[1]
    hollow = [line for line in right.lines if line.get_markerfacecolor() == "white"]
    assert [list(line.get_ydata()) for line in hollow] == [[0.55, 0.55]] * 3
    assert right.get_ylabel() == "test error at the end\n(hollow: with ten crops)"


def test_epochs_until_an_error_by_hand():
    history = [{"epoch": i, "train_error": error} for i, error in enumerate([0.8, 0.5, 0.2], 1)]
    assert relu.epochs_until(history, 0.35, 0.9) == pytest.approx(2.0)   # between the middles of epochs 2 and 3
    assert relu.epochs_until(history, 0.85, 0.9) == pytest.approx(0.25)  # half way from chance to the middle of epoch 1
    assert relu.epochs_until(history, 0.1, 0.9) is None


def record(stage, arm, rate, *errors, seed=0):
    history = [{"epoch": i, "train_error": error} for i, error in enumerate(errors, 1)]
    return {"arm": arm, "stage": stage, "seed": seed, "rate": rate, "history": history, "diverged": None,
            "train_error": 0.4, "parameters": 1, "multiply_adds": 1}


def plan_of_relu(**budget):
    plan = plan_of(relu.LESSON)
    return replace(plan, budget=replace(plan.budget, **budget))


@pytest.fixture
def figure_1():
    """ReLU reaches 40% in half an epoch with every seed, tanh in 0.5, 1.5 and 2.5, the sigmoid with two of three."""
    curves = {"relu": [(0.4,)] * 3, "tanh": [(0.4,), (0.65, 0.4), (0.9, 0.65, 0.4)],
              "sigmoid": [(0.4,), (0.4,), (0.9, 0.8, 0.7)]}
    made = []
    for arm, seconds in (("relu", 200.0), ("tanh", 3000.0), ("sigmoid", 10.0)):
        made += [record("search", arm, 0.01, 0.5), record("alone", arm, 0.0) | {"seconds_an_epoch": seconds}]
        made += [record("seed", arm, 0.01, *errors, seed=seed) for seed, errors in enumerate(curves[arm], 1)]
    return Result(plan_of_relu(until=0.4, seeds=3), made)


def test_the_table_of_figure_1_by_hand(figure_1):
    head, rows = figure_1.head_and_rows()
    assert head[-4:] == ["epochs to the target", "seconds to it", "times relu's epochs", "reported"]
    assert [row[-4:] for row in rows] == [
        ["0.500 +- 0.000", "100 +- 0", "", ""],
        ["1.50 +- 1.00", "4,500 +- 3,000", "2.47 (0.32 to 19.03)", "6 times the epochs of ReLU (figure 1)"],
        ["in 2 of 3 seeds", "in 2 of 3 seeds", "", ""]]
    said = relu.findings(figure_1)
    assert said[0].startswith("The target: 40% training error on the way.")
    assert said[1] == "An epoch, alone on one thread: relu 200 s, tanh 3,000 s, sigmoid 10.0 s."
    assert said[2].startswith("How many times relu's epochs: ") and said[2].endswith(" By seconds: tanh 36.99.")
    assert "Mean and standard deviation over seeds." in figure_1.notes()


def with_arms(result, *names, seeds=3):
    """The same result as if it had been asked for these arms and so many seeds."""
    arms = tuple(arm for name in names for arm in result.plan.arms if arm.name == name)
    plan = replace(result.plan, arms=arms, budget=replace(result.plan.budget, seeds=seeds))
    return Result(plan, [record for record in result.records if record["seed"] <= seeds])


def test_figure_1_with_one_arm_or_seed_or_a_first_arm_that_misses_the_target(figure_1):
    alone = with_arms(figure_1, "tanh")
    assert alone.head_and_rows()[1][0][-4:-1] == ["1.50 +- 1.00", "4,500 +- 3,000", ""]
    assert not any("How many times" in text or "one learning rate" in text for text in relu.findings(alone))
    assert len(alone.plot().axes) == 4
    one_seed = with_arms(figure_1, "relu", "tanh", seeds=1).head_and_rows()[1]
    assert [row[-4:-1] for row in one_seed] == [["0.500", "100", ""], ["0.500", "1,500", "1.00"]]
    missed = with_arms(figure_1, "sigmoid", "relu")
    assert [row[-1] for row in missed.head_and_rows()[1]] == ["", ""]
    assert not any("By seconds" in text for text in relu.findings(missed))


def test_marks_on_figure_1_are_where_the_arms_reached_the_target(figure_1):
    by_epochs, by_seconds = figure_1.plot().axes[:2]
    for axes, units in ((by_epochs, (1, 1)), (by_seconds, (200, 3000))):
        marks = [bar.lines for bar in axes.containers]      # none for the sigmoid: one of its seeds did not get there
        assert [line.get_xydata().tolist() for line, *_ in marks] == [[[0.5 * units[0], 0.4]], [[1.5 * units[1], 0.4]]]
        widths = [np.ptp(bars[0].get_segments()[0][:, 0]) for *_, bars in marks]
        assert widths == pytest.approx([0, 2 * units[1]])   # a standard deviation to each side


def test_one_shared_rate_gives_ratios_and_bounds():
    plan = plan_of_relu(until=0.4)
    target, chance = relu.shared_target(plan), plan.chance
    assert target == round(0.6 * 0.4 + 0.4 * chance, 2)
    made = relu.Result(plan, [
        record("search", "relu", 0.01, target, 0.5), record("search", "tanh", 0.01, 0.65, 0.55),
        record("search", "relu", 0.1, 0.9, 0.9, 0.9), record("search", "tanh", 0.1, target),
        record("shared", "relu", 0.001, 0.9, target), record("shared", "tanh", 0.001, 0.9, 0.9, 0.9, 0.9),
        record("search", "relu", 0.2), record("search", "tanh", 0.2),           # both diverged in the first epoch
    ])
    found = relu.shared_ratios(made)
    assert found == [(0.001, pytest.approx(3.5 / 1.5), "at least"), (0.01, pytest.approx(1 / 0.5), ""),
                     (0.1, pytest.approx(0.5 / 2.5), "at most")]
    assert relu.shared_finding(made)[0].endswith("at least 2.33 at 0.001, 2.00 at 0.01, at most 0.20 at 0.1.")


def test_surgery_names_what_is_not_there_or_does_not_fit():
    with pytest.raises(ArgumentError, match="layer 'conv9'"):
        changed(tn.alexnet_small(), without=("conv9",))
    with pytest.raises(ShapeError, match="conv3"):
        changed(tn.alexnet_small(), without=("conv2",))


def test_an_arm_from_the_command_line():
    assert read_arm("wide:wider=2,activation=tanh") == Arm("wide", {"wider": 2, "activation": "tanh"})
    with pytest.raises(ArgumentError, match="got an unexpected keyword argument 'depth'"):
        make_network(lenet.lenet, 10, 0, {"depth": 3})


def test_names_with_commas_are_told_apart():
    known = ["half", "half, last layer full", "whole"]
    assert split_names("half, last layer full,whole, half", known) == ["half, last layer full", "whole", "half"]
    assert split_names("half,quarter", known) == ["half", "quarter"]
    for each in map(lesson, OWN):
        names = [arm.name for arm in each.arms]
        assert split_names(",".join(names), names) == names


def test_the_arm_of_ones_own_that_is_shown_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[2] / "docs" / "lessons.md").read_text(encoding="utf-8")
    code = next(block for block in re.findall(r"```python\n(.+?)```", text, re.DOTALL) if "maxima_of_five" in block)
    names: dict = {}
    exec(code.replace("quick=True,", "quick=True, images=40, epochs=1, seeds=1, parallel=1, show=False,"), names)
    assert [arm.name for arm in names["result"].plan.arms] == names["arms"][:1] + ["first window 5/2"]
    assert (tmp_path / "runs/five/pooling.txt").exists()


def test_every_lesson_is_on_the_command_line():
    from tinynet import cli

    for name in LESSONS:
        assert isinstance(cli.parser().parse_args(["lesson", name]), argparse.Namespace)
