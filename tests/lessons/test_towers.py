"""The lesson on towers: the shares of colour by hand, the test against chance, the networks for photographs."""
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn
from tinynet.data import Dataset
from tinynet.errors import ShapeError
from tinynet.layers.loss import softmax_cross_entropy
from tinynet.lessons import towers
from tinynet.lessons.experiment import Budget
from tinynet.lessons.plan import Plan
from tinynet.lessons.result import Result
from tinynet.lessons.towers_numbers import (
    colour_of_filters,
    colour_of_towers,
    divided,
    findings,
    mean_and_spread,
    random_differences,
    since_when,
)

PHOTOGRAPHS = towers.LESSON.with_model("alexnet-medium")
GREY, RED_GREEN = np.array([1.0, 1.0, 1.0]) / 3**0.5, np.array([1.0, -1.0, 0.0]) / 2**0.5


def filters(*colours):
    """Filters of 2 x 2, each the same pattern of energy 1 in the colour given."""
    pattern = np.array([[0.5, -0.5], [-0.5, 0.5]])
    return np.stack([pattern[:, :, None] * np.asarray(colour) for colour in colours], axis=3)   # (2, 2, 3, F)


def test_shares_of_colour_by_hand():
    share, energy = colour_of_filters(filters(GREY, RED_GREEN, 2 * (0.5 * GREY + 0.75**0.5 * RED_GREEN), 0 * GREY))
    np.testing.assert_allclose(share, [0, 1, 0.75, 0], atol=1e-12)
    np.testing.assert_allclose(energy, [1, 1, 4, 0])
    assert mean_and_spread(share, energy) == pytest.approx((4 / 6, (13 / 24 - 16 / 36) ** 0.5))
    share, _ = colour_of_filters(np.random.default_rng(0).standard_normal((11, 11, 3, 200)))
    assert share.mean() == pytest.approx(2 / 3, abs=0.01)


def test_a_grey_tower_and_one_of_colour():
    found = colour_of_towers(filters(*[RED_GREEN] * 4, *[GREY] * 4))
    assert found["share"] == [1, 0] and found["spread"] == [0, 0] and divided(found)
    assert found["p"] == pytest.approx(2 / 70, abs=0.006)                      # of 70 halves these two
    mixed = colour_of_towers(filters(*[RED_GREEN, GREY] * 4))
    assert mixed["share"] == [0.5, 0.5] and mixed["p"] == 1 and not divided(mixed)
    differences = random_differences(np.array([1.0] * 4 + [0.0] * 4), np.ones(8))
    values, counts = np.unique(differences.round(6), return_counts=True)
    np.testing.assert_allclose(values, [0, 0.5, 1])
    np.testing.assert_allclose(counts / counts.sum(), [36 / 70, 32 / 70, 2 / 70], atol=0.015)


def test_filters_that_learned_nothing_hardly_count():
    found = colour_of_towers(filters(*[GREY] * 3, 0.01 * RED_GREEN, *[RED_GREEN] * 4))
    assert found["share"] == [0, 1] and divided(found)
    none = colour_of_towers(filters(*[0 * GREY] * 8))
    assert none["share"] == [0, 0] and none["p"] == 1


def test_random_filters_are_seldom_apart():
    generator = np.random.default_rng(1)
    found = [colour_of_towers(generator.standard_normal((3, 3, 3, 12)))["p"] for _ in range(25)]
    assert np.mean(np.array(found) < 0.05) <= 0.12 and 0.3 < np.mean(found) < 0.7


def halves(one, two, p):
    return {"share": [one, two], "spread": [0.1, 0.1], "chance": 0.2, "p": p}


APART, LITTLE, ALIKE = halves(0.2, 0.8, 0.001), halves(0.6, 0.8, 0.04), halves(0.6, 0.6, 0.9)


def result_of(folder, **by_arm):
    """The lesson's result with these numbers by arm and seed, one epoch each."""

    class Pictures:
        class_names = list("abcdefghij")
        image_shape = (32, 32, 3)
        name = "pictures"

    lesson = towers.LESSON
    arms = tuple(arm for arm in lesson.arms if arm.name.replace(" ", "_") in by_arm)
    plan = Plan(lesson, arms, lesson.model, replace(lesson.quick, epochs=2), Pictures, None, None, folder, 1, False)
    records = [{"arm": arm.name, "stage": "seed", "seed": seed, "rate": 0.1, "diverged": None, "test_error": 0.5,
                "train_error": 0.4, "history": [], "parameters": 1, "multiply_adds": 1, "measured": {"towers": found},
                "watched": [ALIKE, LITTLE, found]}
               for arm in arms for seed, found in enumerate(by_arm[arm.name.replace(" ", "_")], 1)]
    return Result(plan, records)


@pytest.mark.parametrize(("seeds", "answer", "counts", "since"), [
    ([APART, APART], "yes, with all 2 seeds", "2 of 2 (2)", "1, 1"),
    ([APART], "yes, with the one seed", "1 of 1 (1)", "1"),
    ([APART, LITTLE, ALIKE], "with 1 of 3 seeds", "2 of 3 (1)", "1, 1, none"),
    ([LITTLE, ALIKE], "no, with none of 2 seeds", "1 of 2 (0)", "1, none"),
    ([ALIKE], "no, not with the one seed", "0 of 1 (0)", "none"),
])
def test_the_verdict_follows_from_the_numbers(seeds, answer, counts, since):
    said = findings(result_of(Path(), two_towers=seeds, half=[ALIKE]))
    assert f"Two towers: {answer}. Seeds with" in said[2] and said[2].endswith(f"below: two towers {counts}.")
    assert said[3].endswith("half 0 of 1 (0).") and said[4].endswith(f"seed by seed: two towers {since}.")


def test_without_numbers_nothing_is_said():
    result = result_of(Path(), half=[ALIKE])
    assert len(findings(result)) == 3
    result.records[0]["measured"] = {}                                         # it diverged
    assert findings(result) == [] and result.head_and_rows()[1][0][-2:] == ["", ""]


def test_since_when():
    assert since_when([APART, APART]) == "0" and since_when([ALIKE, APART, ALIKE, APART, APART]) == "3"
    assert since_when([APART, ALIKE]) == "none"


def test_the_picture_has_the_grey_tower_above_the_other(tmp_path):
    result = result_of(tmp_path, two_towers=[APART, ALIKE], half=[ALIKE, ALIKE])
    net = result.plan.make(result.plan.arms[0], 1)
    net["conv1"].params["w"][..., :16] -= net["conv1"].params["w"][..., :16].mean(axis=2, keepdims=True)
    net["conv1"].params["w"][..., 16:] = net["conv1"].params["w"][..., 16:].mean(axis=2, keepdims=True)
    for seed in (1, 2):
        folder = result.plan.job(result.plan.arms[0], seed, 0.1).folder
        folder.mkdir(parents=True)
        tn.save_checkpoint(folder / "last.npz", net)
    picture = result.plot()
    above, below = picture.subfigs
    assert len(above.axes) == 2 and len(below.subfigs) == 2
    dots, grey, colour = below.subfigs[0].axes
    assert grey.get_title(loc="left") == "tower 2: 0% colour" and colour.get_title(loc="left") == "tower 1: 100% colour"
    assert len(dots.collections) == 2 and [len(each.get_offsets()) for each in dots.collections] == [16, 16]
    assert "two towers, seed 1: 100 points apart" in below.subfigs[0]._suptitle.get_text()
    first = replace(result.plan.arms[1], seeds=1)                              # an arm of fewer seeds before it
    result.records = [r for r in result.records if (r["arm"], r["seed"]) != ("half", 2)]
    result.plan = replace(result.plan, arms=(first, result.plan.arms[0]))
    assert len(result.plot().subfigs[1].subfigs) == 2


def test_an_odd_number_of_filters_has_no_halves():
    with pytest.raises(ShapeError, match="conv1 has 5 filters, expected an even number"):
        colour_of_towers(np.ones((3, 3, 3, 5)))


class Photographs:
    class_names = list("abcdefghij")
    image_shape = (143, 143, 3)
    name = "photographs"


@pytest.fixture(scope="module")
def nets():
    plan = Plan(PHOTOGRAPHS, PHOTOGRAPHS.arms, PHOTOGRAPHS.model, PHOTOGRAPHS.full, Photographs, None, None, Path(), 1,
                False)
    return {arm.name: plan.make(arm, 1) for arm in plan.arms}


def test_the_networks_for_photographs_have_the_sizes_they_say(nets):
    whole = tn.alexnet_medium(towers=2)
    assert nets["two towers"].parameter_count == whole.parameter_count == 3_393_930
    assert nets["half"].parameter_count == tn.alexnet_medium().parameter_count
    conv3, fc6 = 9 * 128 * 384, 512 * 512 * 2                                  # what a tower does not see of the other
    assert nets["no communication"].parameter_count == whole.parameter_count - conv3 - fc6
    conv2, conv4, conv5 = 25 * 48 * 256, 9 * 192 * 384, 9 * 192 * 256
    assert nets["one of both towers' size"].parameter_count == whole.parameter_count + conv2 + conv4 + conv5
    widths = [nets["half, last layer full"][f"conv{i}"].params["b"].size for i in range(1, 6)]
    assert widths == [48, 128, 192, 192, 256]
    for net in nets.values():
        assert net["norm1"].groups == net["norm2"].groups == net["conv2"].groups
        assert net["conv1"].params["w"].std() == pytest.approx(whole["conv1"].params["w"].std(), rel=0.02)
        assert {key: net.recipe[key] for key in ("learning_rate", "batch_size", "augmentation", "deviation")} == {
            key: whole.recipe[key] for key in ("learning_rate", "batch_size", "augmentation", "deviation")}
    drops = [round(part * PHOTOGRAPHS.full.epochs) for part in PHOTOGRAPHS.full.drops]
    assert drops == whole.recipe["schedule"]["epochs"] and PHOTOGRAPHS.full.epochs == whole.recipe["epochs"]


def test_towers_of_photographs_meet_where_they_should(nets):
    x = np.random.default_rng(0).standard_normal((1, 127, 127, 3)).astype("float32")
    for name, meet in (("two towers", "conv3"), ("no communication", "fc7")):
        net, changed = nets[name], {}
        before = outputs(net, x)
        net["conv1"].params["w"][..., :48] *= 2                                # the first tower alone
        after = outputs(net, x)
        net["conv1"].params["w"][..., :48] /= 2
        for layer in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"):
            one, two = (each[layer].reshape(-1, each[layer].shape[-1]) for each in (before, after))
            half = one.shape[1] // 2
            assert not np.array_equal(one[:, :half], two[:, :half])
            changed[layer] = not np.array_equal(one[:, half:], two[:, half:])
        assert next(layer for layer, differs in changed.items() if differs) == meet


def outputs(net, x):
    found = {}
    for name, layer in net.layers.items():
        x = found[name] = layer.forward(x)[0]
    return found


def test_networks_for_photographs_learn_from_their_initial_weights(nets):
    x = np.random.default_rng(0).standard_normal((2, 127, 127, 3)).astype("float32")
    for net in (nets["no communication"], nets["half, last layer full"]):
        scores, saved = net.forward(x, train=True)
        loss, dscores = softmax_cross_entropy(scores, np.arange(2))
        grads = net.backward(dscores, saved, input_gradient=False)[1]
        assert loss == pytest.approx(np.log(10), abs=0.2)
        assert all(np.abs(grad["w"]).max() > 0 for grad in grads.values() if "w" in grad)


def test_the_lesson_on_photographs(tmp_path):
    generator = np.random.default_rng(0)
    train, test = (Dataset(generator.integers(0, 256, (count, 143, 143, 3), dtype=np.uint8), np.arange(count) % 2,
                           ["a", "b"], "noise") for count in (8, 4))
    lesson = replace(PHOTOGRAPHS, quick=Budget(epochs=1, images=100, seeds=1, rates=(0.01,), batch_size=4))
    found = lesson.run(quick=True, data=(train, test), arms=["two towers"], parallel=1, show=False, folder=tmp_path)
    record, = found.records
    assert len(found.plan.train) == 8 and found.plan.held_out is None and len(record["watched"]) == 2
    assert record["watched"][1] == record["measured"]["towers"]
    assert len(record["measured"]["filters"]["share"]) == 96 and "Two towers: " in (tmp_path / "towers.txt").read_text()
    assert (tmp_path / "towers.png").exists()
