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
from tinynet.lessons import (
    LESSONS,
    Arm,
    augmentation,
    changed,
    dropout,
    init,
    lenet,
    optimizer,
    relu,
    relu_numbers,
    towers,
)
from tinynet.lessons.plan import Plan, make_network
from tinynet.lessons.result import Result, over_the_one_before
from tinynet.training.preparation import optimizer_from

OWN = [name for name in LESSONS if name != "speed"]


def lesson(name):
    return importlib.import_module(f"tinynet.lessons.{name}").LESSON


class Pictures:
    class_names = list("abcdefghij")
    image_shape = (32, 32, 3)
    name = "pictures"


def plan_of(each):
    test = Pictures if each.quick.test_images else None
    return Plan(each, each.arms, each.model, each.quick, Pictures, None, test, Path(), 1, False)


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
    assert each.full.seeds >= 3 and each.quick.seeds >= (1 if name == "relu" else 2)
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


def test_the_initialization_with_divided_pixels_differs_in_the_pixels_alone():
    nets = nets_of(init.LESSON)
    text, divided = nets["the paper's text"], nets["text, pixels / 64"]
    for one, two in zip(text.params.values(), divided.params.values(), strict=True):
        np.testing.assert_array_equal(one["w"], two["w"])
        np.testing.assert_array_equal(one["b"], two["b"])
    assert divided.recipe == text.recipe | {"deviation": 64}


def test_when_the_loss_falls():
    history = [{"epoch": 1, "train_loss": 2.3}, {"epoch": 2, "train_loss": 2.18}]
    assert init.epochs_until_it_falls({"history": history}) == 2
    assert init.epochs_until_it_falls({"history": history[:1]}) is None


def test_an_arm_is_compared_with_the_one_before_where_it_adds_to_it():
    switches = {"raw": {"pixels": "raw"}, "relu": {"activation": "relu"},
                "both": {"pixels": "raw", "activation": "relu"}}
    plan = plan_of(lenet.LESSON)
    for names, said in (
        (["raw", "both", "relu"], "Points below the arm before: both +10.0."),
        (["raw", "relu"], "No arm has the switches of the one before."),
    ):
        arms = tuple(Arm(name, switches[name]) for name in names)
        records = [ended(name, 1, 0.5 if name == "raw" else 0.4) for name in names]
        assert over_the_one_before(Result(replace(plan, arms=arms), records)) == said


def test_an_arm_of_fewer_seeds_is_compared_by_those_that_both_have():
    arms = (Arm("three", {}), Arm("one", {"activation": "relu"}, seeds=1))
    records = [ended("three", seed, error) for seed, error in ((1, 0.5), (2, 0.3), (3, 0.4))] + [ended("one", 1, 0.4)]
    result = Result(replace(plan_of(lenet.LESSON), arms=arms), records)
    assert "one +10.0" in over_the_one_before(result) and result.head_and_rows()[1][1][0] == "one"
    assert result.plot().axes[1].get_ylabel() == "test error at the end"


def test_lenet_has_the_ideas_one_after_the_other():
    nets = nets_of(lenet.LESSON)
    assert nets["LeNet-5"].parameter_count == tn.lenet5().parameter_count + 2 * 25 * 6  # two more colours
    kinds = [{type(layer).__name__ for layer in net.layers.values()} for net in nets.values()]
    for kind, since in (("ReLU", 1), ("MaxPool2d", 2), ("LocalResponseNorm", 3), ("Dropout", 5)):
        assert [kind in found for found in kinds] == [index >= since for index in range(7)]
    assert [bool(net.recipe["augmentation"]) for net in nets.values()] == [False] * 6 + [True]


def test_lenet_begins_as_the_same_function_of_raw_and_of_scaled_pixels():
    pixels = np.random.default_rng(0).uniform(-128, 128, (2, 32, 32, 3)).astype(np.float32)
    scores = []
    for kind, deviation in (("scaled", 64), ("raw", 1)):
        net = lenet.lenet(pixels=kind)
        assert net.recipe["deviation"] == deviation
        scores.append(net.forward(pixels / np.float32(deviation))[0])
    np.testing.assert_allclose(*scores, rtol=1e-4, atol=1e-6)
    with pytest.raises(ArgumentError, match="pixels is 'bytes', expected one of 'scaled', 'raw'"):
        lenet.lenet(pixels="bytes")


@pytest.mark.parametrize(("switches", "message"), [
    ({"normalization": "batch"}, "normalization is 'batch', expected true or false"),
    ({"overlapping": "no"}, "overlapping is 'no', expected true or false"), ({"wider": 0}, "wider is 0"),
])
def test_lenet_refuses_what_it_would_take_for_something_else(switches, message):
    with pytest.raises(ArgumentError, match=message):
        lenet.lenet(**switches)


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


def test_the_control_of_figure_1_begins_as_the_same_function():
    images = tn.data.draw_shapes(6, 32).images
    nets = {arm.name: net for arm, net in zip(relu.ARMS, nets_of(relu.LESSON).values(), strict=True)}
    raw, control, scaled = (nets[f"tanh, {setting}"] for setting in (
        "raw pixels", "scaled, begins like raw", "scaled pixels"))
    x = images.astype("float32") - 128
    np.testing.assert_allclose(raw.forward(x)[0], control.forward(x / 64)[0], rtol=1e-6)
    assert np.abs(scaled.forward(x / 64)[0] - raw.forward(x)[0]).max() > 0.01
    assert [net.recipe["deviation"] for net in (raw, control, scaled)] == [1, 64, 64]
    assert all(net.recipe["bias_rate"] == 2 for net in (raw, control, scaled))
    assert {kind: sum(type(layer).__name__ == kind for layer in raw.layers.values())
            for kind in ("MaxPool2d", "AvgPool2d")} == {"MaxPool2d": 1, "AvgPool2d": 2}


def test_four_layers_is_the_network_of_the_earlier_records():
    net = relu.four_layers(seed=0, activation="relu")
    assert net.parameter_count == 40_426 and net.multiply_adds((32, 32, 3)) == 6_006_784  # results/lessons/relu
    assert net.recipe.keys() == {"deviation", "initialization"}
    with pytest.raises(ArgumentError, match="setting is 'grey'"):
        relu.four_layers(setting="grey")


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_what_is_watched_by_hand(activation):
    net = relu.four_layers(activation=activation, setting="raw pixels")
    for params, value in zip(net.params.values(), (3.0, 0.0, -3.0), strict=False):   # every input of the activation
        params["w"][:], params["b"][:] = 0, value
    net.preprocessing = tn.data.Preprocessing(np.zeros(3), 32)
    seen = relu.watch(net, replace(plan_of(relu.LESSON), train=tn.data.draw_shapes(4, 32)))
    # tanh(3) = 0.9951; sigmoid(3) = 0.9526, stretched 0.9051; sigmoid(-3) the same on the other side
    expected = {"relu": {"rms1": 3, "rms2": 0, "rms3": 0},
                "tanh": {"saturated1": 1, "saturated2": 0, "saturated3": 1},
                "sigmoid": {"saturated1": 0, "saturated2": 0, "saturated3": 0}}[activation]
    assert seen == pytest.approx(expected)
    if activation == "sigmoid":
        net["conv1"].params["b"][:] = -4                                     # stretched -0.964
        assert relu.watch(net, replace(plan_of(relu.LESSON), train=tn.data.draw_shapes(4, 32)))["saturated1"] == 1


def test_epochs_until_an_error_by_hand():
    history = [{"epoch": i, "train_error": error} for i, error in enumerate([0.8, 0.5, 0.2], 1)]
    assert relu_numbers.epochs_until(history, 0.35, 0.9) == pytest.approx(2.0)   # between epochs 2's and 3's middles
    assert relu_numbers.epochs_until(history, 0.85, 0.9) == pytest.approx(0.25)  # from chance to the middle of epoch 1
    assert relu_numbers.epochs_until(history, 0.1, 0.9) is None
    assert relu_numbers.epochs_until(history, 0.8, 0.8) == 0                     # chance gives it at once


def ended_at(arm, *errors, seed=1, watched=0.5):
    """A training of `lesson relu` with these errors."""
    seen = {"rms1": 30.0} if arm.startswith("relu") else {f"saturated{i}": watched / i for i in (1, 2, 3)}
    history = [{"epoch": i, "train_error": error} | seen for i, error in enumerate(errors, 1)]
    return {"arm": arm, "stage": "seed", "seed": seed, "rate": 0.01, "history": history, "diverged": None,
            "train_error": 0.4, "parameters": 1, "multiply_adds": 1}


def result_of_relu(curves, seeds=3):
    """What the lesson finds when its arms' trainings have these errors: by arm, a tuple for each seed."""
    plan = plan_of(relu.LESSON)
    plan = replace(plan, arms=tuple(arm for arm in relu.ARMS if arm.name in curves),
                   budget=replace(plan.budget, until=0.4, seeds=seeds))
    return Result(plan, [ended_at(arm, *errors, seed=seed) for arm, each in curves.items()
                         for seed, errors in enumerate(each, 1)])


@pytest.fixture
def figure_1():
    """ReLU reaches 40% in half an epoch with every seed; tanh on raw pixels in 1, 2 and 4 times that, and so on."""
    quick = (0.4,), (0.4,), (0.4,)
    return result_of_relu({
        "relu, raw pixels": quick, "tanh, raw pixels": ((0.4,), (0.9, 0.65, 0.4), (0.9, 0.9, 0.4)),
        "relu, scaled pixels": quick, "tanh, scaled pixels": ((0.66, 0.4), (0.66, 0.4), (0.66, 0.4)),
        "tanh, scaled, begins like raw": ((0.65, 0.4), (0.65, 0.4), (0.9, 0.8)),
        "relu, max pools": ((0.65, 0.4),) * 3, "tanh, max pools": quick, "sigmoid, raw pixels": ((0.9, 0.9),),
    })


def test_the_table_of_figure_1_by_hand(figure_1):
    head, rows = figure_1.head_and_rows()
    assert head[-4:] == ["epochs to the target", "times ReLU's epochs", "conv1 saturated, epoch 2", "reported"]
    logs = np.log([1, 5, 5])
    half = 4.303 * logs.std(ddof=1) / math.sqrt(3)
    mean, low, high = np.exp([logs.mean(), logs.mean() - half, logs.mean() + half])
    assert [row[-4:-1] for row in rows] == [
        ["0.5 +- 0.0", "", ""], ["1.8 +- 1.2", f"{mean:.2f} ({low:.2f} to {high:.2f})", "50%"],
        ["0.5 +- 0.0", "", ""], ["1.5 +- 0.0", "3.00 (3.00 to 3.00)", "50%"],
        ["more than 1.5 (2 of 3 seeds: 1.5, 1.5)", "more than 3.0", "50%"],
        ["1.5 +- 0.0", "", ""], ["0.5 +- 0.0", "0.33 (0.33 to 0.33)", ""],
        ["more than 1.5", "more than 3.0", "50%"]]
    assert rows[1][-1] == "6 times the epochs of ReLU (figure 1)"
    assert any("Of sigmoid, raw pixels 12 epochs at most, 1 seed." in note for note in figure_1.notes())
    figure_1.plan = replace(figure_1.plan, budget=replace(figure_1.plan.budget, epochs=3))
    assert any("Of sigmoid, raw pixels 3 epochs at most, 1 seed." in note for note in figure_1.notes())
    assert "older" not in str(figure_1)
    figure_1.plan = replace(figure_1.plan, budget=replace(figure_1.plan.budget, images=9000))
    assert "With 22 trainings that are older these are the first of the data set." in str(figure_1)


def test_more_than_what_was_seen_of_the_seeds_that_did_not_get_there():
    result = result_of_relu({"tanh, raw pixels": ((0.9,) * 9 + (0.4,), (0.9, 0.8))}, seeds=2)
    assert relu_numbers.epochs_cell(result, result.plan.arms[0]) == "more than 1.5 (1 of 2 seeds: 9.5)"


def test_what_is_said_of_figure_1_follows_from_the_numbers(figure_1):
    said = relu_numbers.findings(figure_1)
    assert said[0].startswith("The target: 40% training error on the way.")
    assert "tanh, scaled pixels, times ReLU's epochs to a training error: 2.8 to 50%, 3.0 to 40%." in said
    assert any(text.startswith("sigmoid, raw pixels, times") and text.endswith(", more than 3.0 to 40%.")
               for text in said)
    assert "On the way to the target ReLU is, in the same setting (for the control: on scaled pixels): faster than " \
        "tanh, scaled pixels / tanh, scaled, begins like raw (no interval) / sigmoid, raw pixels (one seed); not " \
        "decided against tanh, raw pixels; slower than tanh, max pools." in said
    assert any("tanh, raw pixels 50%, 25%, 17%;" in text and "less than 0.098;" in text for text in said)
    assert any("relu, max pools 30" in text for text in said)
    assert "more than 1.5 (2 of 3 seeds: 1.5, 1.5) epochs, that one 1.8 +- 1.2," in said[-1]
    assert said[-1].endswith("slows tanh down is not decided, as not every training came to the target.")


def test_figure_1_of_two_classes_compares_from_below_chance(tmp_path):
    """An error that chance has, 50% of two classes, is reached at once: nothing is compared there."""
    errors = ((0.5, 0.35, 0.2),)
    result = result_of_relu({"relu, raw pixels": errors, "tanh, raw pixels": errors}, seeds=1)
    train = tn.data.Dataset(np.zeros((2, 32, 32, 3), np.uint8), np.array([0, 1]), ["one", "two"])
    result.plan = replace(result.plan, train=train)
    assert result.plan.chance == 0.5
    assert relu_numbers.ratio(result, result.plan.arms[1], 0.5) is None
    assert relu_numbers.ratio(result, result.plan.arms[1], 0.4).mean == 1
    assert any("to a training error: 1.0 to 40%." in text for text in relu_numbers.findings(result))
    assert result.plot().axes[-2].get_xlim() == (0.49, 0.4)


@pytest.mark.parametrize(("raw", "control", "scaled", "answer"), [
    (40, 8, 4, "it is the size of the pixels"), (40, 30, 4, "the initial weights, not the size of the pixels alone"),
    (-40, 8, 4, "it is the size of the pixels"),                               # more than 40, so all the more
    (-40, 30, 4, "not decided"), (40, -8, 4, "not decided"), (40, -30, 4, "not decided"), (40, 8, -4, "not decided"),
    (-9, -9, -9, "not decided"),
])
def test_the_control_says_whether_it_is_the_pixels(raw, control, scaled, answer):
    def training(epochs):                                                      # negative: so many, and not there
        return ((0.9,) * (abs(epochs) - 1) + (0.4 if epochs > 0 else 0.8,),)

    said = relu_numbers.findings(result_of_relu(
        {"tanh, raw pixels": training(raw), "tanh, scaled pixels": training(scaled),
         "tanh, scaled, begins like raw": training(control)}, seeds=1))
    answers = ["it is the size of the pixels", "the initial weights, not the size of the pixels alone", "not decided"]
    assert [each for each in answers if each in said[-1]] == [answer]
    assert not any("ReLU is" in text for text in said)                         # there is no arm to compare with


def test_figure_1_draws_what_there_is(figure_1):
    picture = figure_1.plot()
    raw, scaled, pools, ratios, saturation = picture.axes
    assert [axes.get_title() for axes in (raw, scaled, pools)] == [
        "Raw pixels: figure 1", "The same layers, pixels / 64", "Max pools, pixels / 64"]
    thick = [line for line in raw.lines if line.get_linewidth() > 2]
    assert [line.get_linestyle() for line in thick] == ["-", "--", ":"]        # ReLU, tanh, sigmoid
    np.testing.assert_allclose(thick[0].get_xydata(), [[0, 0.9], [0.5, 0.4]])
    assert {text.get_text() for text in scaled.texts} >= {"3.0 times", "more than 3.0 times"}
    curves = {line.get_label(): line.get_xydata() for line in ratios.lines}
    assert curves["tanh, max pools"][-1] == pytest.approx([0.4, 1 / 3])
    assert curves["tanh, max pools"][0] == pytest.approx([0.6, 0.3 / 0.7])     # ReLU: 60% after 0.7 epochs
    triangles = [line.get_xydata().tolist() for line in ratios.lines if line.get_marker() == "^"]
    assert triangles == []                # the control: none, since a seed of it never came to the first error
    for relu_at, tanh_at, expected in (((0.55, 0.4), (0.55, 0.5), [[0.5, 1.8]]), ((0.55, 0.5), (0.55, 0.4), [])):
        ended = result_of_relu({"relu, raw pixels": (relu_at,), "tanh, raw pixels": (tanh_at,)}, seeds=1).plot()
        triangles = [line.get_xydata().tolist() for line in ended.axes[-2].lines if line.get_marker() == "^"]
        assert triangles == ([[pytest.approx(each) for each in expected]] if expected else [])
    assert len([line for line in saturation.lines if len(line.get_xdata())]) == 9
    only = with_arms(figure_1, "tanh, max pools")
    assert len(only.plot().axes) == 3 and only.head_and_rows()[1][0][-2] == ""


def with_arms(result, *names):
    """The same result as if it had been asked for these arms."""
    return Result(replace(result.plan, arms=tuple(arm for arm in result.plan.arms if arm.name in names)),
                  result.records)


def test_the_recipe_is_that_of_the_layers_that_are_left():
    net = changed(tn.cifar_net("18pct"), without=("conv2", "relu2"))
    assert "conv2" not in net.recipe["weight_decay"] and "conv2" not in net.recipe["initialization"]
    assert optimizer_from(net).decay_of("conv3") == tn.cifar_net("18pct").recipe["weight_decay"]["conv3"]


def test_surgery_names_what_is_not_there_or_does_not_fit():
    with pytest.raises(ArgumentError, match="layer 'conv9'"):
        changed(tn.alexnet_small(), without=("conv9",))
    with pytest.raises(ShapeError, match="conv3"):
        changed(tn.alexnet_small(), without=("conv2",))


def test_an_arm_from_the_command_line():
    assert read_arm("wide:wider=2,activation=tanh") == Arm("wide", {"wider": 2, "activation": "tanh"})
    for text, message in (
        ("foo:bar", "--arm foo: bar: expected NAME=VALUE"), ("foo:seed=3", "--arm foo: seed=3: .* from --seeds"),
    ):
        with pytest.raises(ArgumentError, match=message):
            read_arm(text)
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
