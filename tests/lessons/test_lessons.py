"""The frame of the lessons: equal budgets, paired seeds, arithmetic of the table, resumption, refusals."""
import csv
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn
from tinynet import cli
from tinynet.data import Dataset
from tinynet.errors import ArgumentError, DataError, DtypeError, ShapeError
from tinynet.files import locked
from tinynet.lessons import augmentation, relu
from tinynet.lessons.experiment import Arm, Budget
from tinynet.lessons.job import sample
from tinynet.lessons.lesson import Lesson, best_rate, stored_for
from tinynet.lessons.plan import image_size, split_data
from tinynet.lessons.result import paired_interval
from tinynet.ops.threads import get_threads

TIMES = ("seconds", "images_per_second")


def tiny(classes=10, seed=0, filters=2, activation="relu"):
    act = {"relu": tn.ReLU, "tanh": tn.Tanh}[activation]
    return tn.Network([
        ("conv1", tn.Conv2d(3, filters, 3, stride=2, seed=[seed, 1])), ("act1", act()), ("flatten", tn.Flatten()),
        ("fc2", tn.Linear(9 * filters, classes, std=0.01, seed=[seed, 2])),
    ], name="tiny", input_shape=(8, 8, 3), recipe={"deviation": 64.0, "weight_decay": 0.0})


def other(classes=10, seed=0):
    return tiny(classes, seed, filters=3)


def noise(count, seed):
    generator = np.random.default_rng(seed)
    return Dataset(generator.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8), generator.integers(0, 3, count),
                   ["a", "b", "c"], f"noise {seed}")


BUDGET = Budget(epochs=2, images=40, seeds=3, rates=(0.01,), batch_size=8, test_images=20)
LESSON = Lesson(
    name="tiny", question="Which?", arms=(Arm("two"), Arm("tanh", {"activation": "tanh"}), Arm("four", {"filters": 4})),
    quick=BUDGET, full=BUDGET, published={"four": "+1.0"}, scale="everything.", model=tiny,
)


def run(folder, **options):
    options = {"data": (noise(60, 0), noise(20, 1)), "parallel": 1, "show": False} | options
    return LESSON.run(folder=folder, **options)


def without_times(records):
    def strip(row):
        return {key: value for key, value in row.items() if key not in TIMES}

    return [record | {"history": [strip(row) for row in record["history"]], "machine": None} for record in records]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return run(tmp_path_factory.mktemp("lesson"))


def test_seeds_are_paired_and_arms_differ_in_what_they_say_alone(result):
    settings = {(r["arm"], r["seed"]): r["settings"] for r in result.records}
    assert len(settings) == 9
    for seed in (1, 2, 3):
        one, other = dict(settings["two", seed]), dict(settings["four", seed])
        for different in ("network", "parameters_sha256"):
            assert one.pop(different) != other.pop(different)
        assert one == other
        fitted = [json.loads((result.plan.job(arm, seed, 0.01).folder / "settings.json").read_text())
                  for arm in result.plan.arms]
        assert [each["seed"] for each in fitted] == [seed] * 3                 # the order of the images
        first = [result.plan.make(arm, seed)["fc2"].params["w"] for arm in result.plan.arms[:2]]
        np.testing.assert_array_equal(*first)                                  # the initial weights
    assert not np.array_equal(first[0], result.plan.make(result.plan.arms[0], 1)["fc2"].params["w"])


def test_held_out_images_are_in_no_training(tmp_path):
    found = run(tmp_path, rates=[0.01, 0.1], arms=["two"], seeds=1)
    plan = found.plan
    rows = {image.tobytes() for image in plan.train.images}
    assert len(rows) == 40 and len(plan.held_out) == 20
    assert not rows & {image.tobytes() for image in plan.held_out.images}
    searches = found.of(plan.arms[0], "search")
    best = min(searches, key=lambda r: r["test_error"])["rate"]
    assert {r["rate"] for r in searches} == {0.01, 0.1} and {r["seed"] for r in searches} == {0}
    assert {len(r["history"]) for r in searches} == {plan.budget.epochs}  # a few epochs would favour high rates
    assert found.of(plan.arms[0])[0]["rate"] == best
    assert "Learning rates were chosen" in str(found) and "0.01, 0.1" in str(found)


def test_rates_that_are_given_are_all_arms(tmp_path):
    lesson = replace(LESSON, arms=(Arm("two"), Arm("tanh", {"activation": "tanh"}, rates=(0.1,))))
    options = {"data": (noise(60, 0), noise(20, 1)), "seeds": 1, "epochs": 1, "parallel": 1, "show": False}
    for rates, used in ((None, [0.01, 0.1]), ([0.02], [0.02, 0.02])):
        found = lesson.run(folder=tmp_path / str(rates), rates=rates, **options)
        assert [record["rate"] for record in found.records] == used


def test_the_tables_arithmetic(result):
    head, rows = result.head_and_rows()
    two, tanh, four = (dict(zip(head, row, strict=True)) for row in rows)
    errors = {arm.name: [r["test_error"] for r in result.of(arm)] for arm in result.plan.arms}
    mean, spread = statistics.mean(errors["four"]), statistics.stdev(errors["four"])
    assert four["test error"] == f"{100 * mean:.1f} +- {100 * spread:.1f}%" and four["reported"] == "+1.0"
    differences = np.subtract(errors["two"], errors["four"])
    half = 4.303 * differences.std(ddof=1) / math.sqrt(3)                      # t of 2 degrees of freedom
    assert four["points below two"] == f"{100 * differences.mean():+.1f} +- {100 * half:.1f}"
    assert two["points below two"] == "" and tanh["parameters"] == two["parameters"] == "113"
    for record in result.records:
        assert record["test_error"] == record["history"][-1]["validation_error"]


def test_a_paired_interval_by_hand():
    mean, half = paired_interval([3.0, 5.0], [1.0, 1.0])
    assert mean == 3 and half == pytest.approx(12.706 * math.sqrt(2) / math.sqrt(2))
    assert math.isnan(paired_interval([1.0], [0.0])[1])


def test_files_have_what_the_trainings_found(result):
    folder = result.plan.folder
    content = json.loads((folder / "tiny.json").read_text())
    assert len(content["trainings"]) == 9 and content["table"][1][0] == "two" and content["machine"]["numpy"]
    assert content["budget"]["images"] and content["machine"]["date"] and content["machine"]["tinynet"]
    assert all(each["machine"] == content["machine"] | {"date": each["machine"]["date"]}
               for each in content["trainings"])
    rows = list(csv.DictReader((folder / "tiny.csv").open()))
    assert len(rows) == 18 and rows[0]["arm"] == "two"
    assert float(rows[0]["train_error"]) == result.records[0]["history"][0]["train_error"]
    assert (folder / "tiny.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "tiny.txt").read_text() == f"{result}\n"
    assert "<table>" in result._repr_html_() and "four" in result.table()


def test_what_is_done_is_not_done_again_and_more_seeds_are_added(result):
    times = {path: path.stat().st_mtime_ns for path in result.plan.folder.glob("jobs/*/result.json")}
    again = run(result.plan.folder, seeds=4, arms=["two", "four"])
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert len(again.of(again.plan.arms[0])) == 4 and again.records[:2] == [result.records[0], result.records[2]]


def test_what_an_older_version_worded_in_another_way_is_not_done_again(tmp_path):
    def initialized(classes=10, seed=0):
        net = tiny(classes, seed)
        net.recipe["initialization"] = {"fc2": (0.01, 0.0)}
        return net

    done = run(tmp_path, arms=["two"], seeds=1, model=initialized).plan.job(Arm("two"), 1, 0.01).folder / "result.json"
    result = json.loads(done.read_text())
    result["settings"]["network"] |= {"notes": ["Other words."], "hint": "Give 8."}
    recipe = result["settings"]["network"]["recipe"]
    recipe["start"] = recipe.pop("initialization")
    done.write_text(json.dumps(result))
    assert run(tmp_path, arms=["two"], seeds=1, model=initialized).records == [result]


@pytest.mark.slow
def test_processes_side_by_side_give_the_same_numbers(result, tmp_path):
    assert without_times(run(tmp_path, parallel=2).records) == without_times(result.records)


def first_weight(net):
    return {"weight": float(net["conv1"].params["w"][0, 0, 0, 0])}


def test_a_network_that_is_watched_learns_the_same(result, tmp_path):
    """Also where it was stopped in between: the same bits, and each epoch is seen."""
    arm = LESSON.arms[0]
    job = replace(result.plan.job(arm, 1, 0.01), folder=tmp_path / "jobs" / "job", watch=first_weight)
    calls = []

    def stop_at_the_second(net):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return first_weight(net)

    with pytest.raises(KeyboardInterrupt):
        replace(job, watch=stop_at_the_second).do()
    assert list(job.notes) == ["0"] and not job.done
    job.do()
    one, other = job.record(), result.of(arm)[0]
    seen = [row["weight"] for row in one.pop("watched")]
    assert [row.pop("weight") for row in one["history"]] == seen[1:]
    assert without_times([one]) == without_times([other])
    assert seen[0] == job.make()["conv1"].params["w"][0, 0, 0, 0] and len(set(seen)) == 3
    assert seen[2] == tn.load_checkpoint(job.folder / "last.npz")["conv1"].params["w"][0, 0, 0, 0]


def test_a_network_that_is_watched_stops_at_its_target(result, tmp_path):
    job = replace(result.plan.job(result.plan.arms[0], 1, 0.01), folder=tmp_path / "jobs" / "job", watch=first_weight,
                  until=1.0)
    job.do()
    assert len(job.record()["history"]) == 1 and len(job.record()["watched"]) == 2


def test_photographs_are_stored_larger_than_the_crops_and_none_is_held_out_without_a_search():
    assert image_size(tn.alexnet_medium()) == 143 and image_size(tn.alexnet_small()) == 32
    data = (noise(60, 0), noise(20, 1))
    for search, trained in ((False, 60), (True, 40)):
        train, held_out, test = split_data("tiny", data, replace(BUDGET, images=100, test_images=50), 8, False, search)
        assert len(train) == trained and len(test) == 20 and (held_out is not None) is search


def test_a_lesson_has_other_arms_for_a_model_that_it_knows(tmp_path):
    other_form = replace(LESSON, arms=LESSON.arms[:1], model=other)
    lesson = replace(LESSON, by_model={"other": other_form})
    assert lesson.with_model("other") is other_form and lesson.with_model(tiny) is lesson is lesson.with_model(None)
    found = lesson.run(model="other", data=(noise(60, 0), noise(20, 1)), seeds=1, parallel=1, show=False,
                       folder=tmp_path)
    assert [record["arm"] for record in found.records] == ["two"] and found.plan.model is other
    assert "is not the lesson's own" not in str(found)


def test_the_command_gives_other_arms_for_a_model_a_folder_of_their_own(tmp_path, monkeypatch):
    other_form = replace(LESSON, quick_arms=(Arm("own"),), arms=(Arm("own"), Arm("more")), model=other)
    monkeypatch.setattr(relu, "LESSON", replace(LESSON, by_model={"lenet5": other_form}))
    monkeypatch.chdir(tmp_path)
    words = ["lesson", "relu", "--quick", "--data", "shapes", "--images", "8", "--epochs", "1", "--seeds", "1",
             "--jobs", "1", "--model", "lenet5"]
    monkeypatch.setattr("tinynet.lessons.lesson.stored_for", lambda *given: 8)
    monkeypatch.setattr("tinynet.lessons.plan.draw_shapes", lambda count, size, seed=0: noise(count, seed))
    assert cli.main(words) == 0 and cli.main([*words, "--arms", "more", "--run", "named"]) == 0
    assert [path.name for path in (tmp_path / "tinynet-lesson").iterdir()] == ["tiny-lenet5-quick"]
    arms = [json.loads((folder / "tiny.json").read_text())["trainings"][0]["arm"]
            for folder in (tmp_path / "tinynet-lesson/tiny-lenet5-quick", tmp_path / "named")]
    assert arms == ["own", "more"]


def test_another_budget_in_the_same_folder_is_refused(result):
    with pytest.raises(ArgumentError, match="epochs is 3 and was 2"):
        run(result.plan.folder, epochs=3)


def with_biases(value):
    """An arm's change that no setting of a layer says."""
    def change(net, seed):
        net["conv1"].params["b"] += value
        return net
    return change


def test_other_initial_weights_in_the_same_folder_are_refused(tmp_path):
    run(tmp_path, arms=[Arm("mine", change=with_biases(0.1))], seeds=1)
    with pytest.raises(ArgumentError, match="the result of another training run.* parameters_sha256 is"):
        run(tmp_path, arms=[Arm("mine", change=with_biases(0.5))], seeds=1)


@pytest.mark.parametrize("change", [{"change": with_biases(0.5)}, {"switches": {"activation": "tanh"}}])
def test_a_training_that_was_begun_is_not_gone_on_with_as_another(change, tmp_path, monkeypatch):
    def stop(training):
        raise KeyboardInterrupt

    monkeypatch.setattr(tn.training.loop.Training, "finish_epoch", stop)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, arms=[Arm("mine")], seeds=1)
    monkeypatch.undo()
    [folder] = (tmp_path / "jobs").iterdir()
    assert (folder / "last.npz").exists() and not (folder / "result.json").exists()
    before = (folder / "last.npz").read_bytes()
    with pytest.raises(ArgumentError, match="has the beginning of another training run, choose another folder"):
        run(tmp_path, arms=[Arm("mine", **change)], seeds=1)
    assert (folder / "last.npz").read_bytes() == before
    run(tmp_path, arms=[Arm("mine")], seeds=1)


def test_an_arm_with_other_punctuation_is_the_same_training(tmp_path):
    first = run(tmp_path, arms=[Arm("a,b")], seeds=1)
    again = run(tmp_path, arms=[Arm("a b")], seeds=1)
    assert again.records == [first.records[0] | {"arm": "a b"}] and "a b" in again.table()


@pytest.mark.parametrize(("arm", "message"), [
    (Arm("large", change=lambda net, seed: tn.Network([*net.layers.items()], name="large", input_shape=(20, 20, 3))),
     "lesson tiny, arm 'large': "),
    (Arm("grey", change=lambda net, seed: tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(64, 3))],
                                                     input_shape=(8, 8, 1))), "lesson tiny, arm 'grey': .*"),
])
def test_an_arm_that_does_not_take_the_images_is_named_before_any_training(arm, message, tmp_path):
    with pytest.raises((ArgumentError, ShapeError), match=message):
        run(tmp_path / "new", arms=["two", arm])
    assert not (tmp_path / "new").exists()


def test_photographs_are_stored_for_the_arm_that_crops_most():
    lesson = replace(augmentation.LESSON, model="alexnet-small", switches={"size": 24, "dropout": None})
    sizes = [stored_for(lesson, "alexnet-small", arm) for arm in lesson.arms]
    assert max(sizes) == 27 > 24


def test_too_few_images_for_a_search_says_what_to_do(tmp_path):
    with pytest.raises(ArgumentError, match="holds 20 of them out: give one rate"):
        run(tmp_path / "new", data=(noise(15, 0), noise(40, 1)), rates=[0.1, 1])


def test_a_training_that_diverges_counts_as_chance(tmp_path):
    found = run(tmp_path, arms=[Arm("wild", rates=(1e30,)), "two"], seeds=1)
    assert found.records[0]["diverged"] and found.records[0]["test_error"] == pytest.approx(2 / 3)
    assert "1 of 1 diverged" in found.table()
    assert "A training that diverged counts with the error of chance, 67%; " in str(found)
    assert "not the lesson's own" not in str(found)
    assert str(tmp_path) not in json.dumps(found.records)


@pytest.mark.parametrize("until", [None, 0.1])
def test_a_training_that_diverges_keeps_the_epochs_before(tmp_path, monkeypatch, until):
    step, steps = tn.SGD.step, []

    def ruin(optimizer, grads):
        step(optimizer, grads)
        steps.append(1)
        if len(steps) == 12:                                                   # 5 an epoch
            optimizer.net["fc2"].params["w"][:] = np.inf

    monkeypatch.setattr(tn.SGD, "step", ruin)
    lesson = replace(LESSON, quick=replace(BUDGET, epochs=4, until=until, drops=()))
    with np.errstate(all="ignore"):
        found = lesson.run(quick=True, data=(noise(60, 0), noise(20, 1)), arms=["two"], seeds=1, parallel=1, show=False,
                           folder=tmp_path)
    assert found.records[0]["diverged"] and [row["epoch"] for row in found.records[0]["history"]] == [1, 2]
    assert found.csv().count("two,seed") == 2


def test_initial_weights_that_are_not_finite_have_no_epochs_and_no_checkpoint(tmp_path):
    def ruined(net, seed):
        net["fc2"].params["w"][:] = np.inf
        return net

    found = run(tmp_path, arms=["two", Arm("ruined", change=ruined)], seeds=1)
    assert "fc2.w has numbers that are not finite" in found.records[1]["diverged"]
    assert found.records[1]["history"] == [] and not list(tmp_path.glob("jobs/*ruined*/last.npz"))


@pytest.mark.slow
def test_figure_1_searches_in_two_steps_and_its_seeds_end_at_the_target(tmp_path):
    budget = Budget(epochs=6, images=40, seeds=2, rates=(0.01,), search_epochs=3, batch_size=8, test_images=0,
                    until=0.5, drops=())
    lesson = replace(relu.LESSON, model=tiny, quick=budget)
    arms = [Arm("relu", {"activation": "relu"}, rates=(0.003, 0.01, 0.03)),
            Arm("tanh", {"activation": "tanh"}, seeds=1),
            Arm("two rates", {"filters": 4}, rates=(0.01, 0.03), epochs=1)]
    found = lesson.run(quick=True, data=(noise(60, 0), None), arms=arms, parallel=1, show=False, folder=tmp_path)
    short, longer, seeds = ({arm.name: found.of(arm, stage) for arm in arms} for stage in ("search", "choice", "seed"))
    assert {name: len(each) for name, each in short.items()} == {"relu": 3, "tanh": 0, "two rates": 2}
    assert {name: len(each) for name, each in longer.items()} == {"relu": 2, "tanh": 0, "two rates": 0}
    assert {name: len(each) for name, each in seeds.items()} == {"relu": 2, "tanh": 1, "two rates": 2}
    last = {stage: {r["rate"]: r["history"][-1]["train_error"] for r in each["relu"]}
            for stage, each in (("short", short), ("longer", longer))}
    assert max(last["short"][rate] for rate in last["longer"]) <= min(
        error for rate, error in last["short"].items() if rate not in last["longer"])
    assert {r["rate"] for r in seeds["relu"]} == {min(last["longer"], key=last["longer"].get)}
    assert {len(r["history"]) for r in short["relu"]} == {2} and {len(r["history"]) for r in longer["relu"]} == {3}
    assert {len(r["history"]) for r in [*short["two rates"], *seeds["two rates"]]} == {1}
    assert any(row["train_error"] <= budget.until for r in longer["relu"] for row in r["history"][:-1])
    for record in [*seeds["relu"], *seeds["tanh"]]:
        errors = [row["train_error"] for row in record["history"]]
        assert len(errors) == next((i for i, error in enumerate(errors, 1) if error <= budget.until), 6)
        assert all(("rms1" in row) is (record["arm"] == "relu") for row in record["history"])
        assert all(("saturated1" in row) is (record["arm"] == "tanh") for row in record["history"])
    assert not any("rms1" in row for r in short["relu"] for row in r["history"])
    assert "Each rate was tried for 2 epochs and the better half of an arm's rates for 3;" in str(found)
    rows = list(csv.DictReader((tmp_path / "relu.csv").open()))
    assert [row["saturated1"] for row in rows if row["arm"] == "tanh"] == [
        str(row["saturated1"]) for row in seeds["tanh"][0]["history"]]


def test_rates_that_are_given_replace_those_of_the_lessons_arms(tmp_path):
    arms = (Arm("two", rates=(0.01, 0.02)), Arm("four", {"filters": 4}, rates=(0.03,)))
    lesson = replace(LESSON, arms=arms, quick_arms=(replace(arms[0], rates=(0.02,)),))
    settings = {"data": (noise(60, 0), noise(20, 1)), "parallel": 1, "show": False, "seeds": 1, "quick": True}

    def rates(folder, **options):
        return {(r["arm"], r["rate"]) for r in lesson.run(folder=tmp_path / folder, **settings, **options).records}

    assert rates("quick") == {("two", 0.02)}
    assert rates("named", arms=["four", Arm("own", rates=(0.04,))]) == {("four", 0.03), ("own", 0.04)}
    assert rates("given", arms=["two", "four", Arm("own", rates=(0.04,))], rates=[0.05]) == {
        ("two", 0.05), ("four", 0.05), ("own", 0.04)}


def test_another_network_than_the_lessons_is_named(tmp_path):
    found = run(tmp_path, arms=["two"], seeds=1, model=other)
    assert "The network, other, is not the lesson's own" in str(found)


def test_an_arm_of_ones_own(tmp_path):
    here = os.getpid()

    def without_bias(net, seed):
        if os.getpid() != here:
            net["conv1"].params.pop("b")
        return net

    with pytest.raises(DtypeError, match="'b' is missing") as caught:  # its error arrives from the other process
        run(tmp_path, arms=["two", Arm("broken", change=without_bias)], seeds=1, parallel=2)
    [note] = caught.value.__notes__                                            # with the line where it arose
    assert note.startswith("in seed-broken-rate0.01-seed1,") and "Traceback" in note and "DtypeError" in note


class OfTwo(Exception):
    """An error that pickle can write and not read: it hands on one argument and takes two."""

    def __init__(self, one, two):
        super().__init__(one)


@pytest.mark.parametrize("error", [OfTwo("the reason", 2), type("OfNoModule", (Exception,), {})("the reason")])
def test_an_error_that_cannot_be_sent_arrives_as_what_it_says(tmp_path, error):
    here = os.getpid()

    def broken(net, seed):
        if os.getpid() != here:
            raise error
        return net

    with pytest.raises(RuntimeError) as caught:
        run(tmp_path, arms=[Arm("broken", change=broken)], seeds=1, parallel=2)
    assert str(caught.value) == f"{type(error).__name__}: the reason"
    assert ", in broken\n    raise error\n" in caught.value.__notes__[0]


def test_processes_take_no_more_threads_than_were_set(tmp_path):
    set_before = get_threads()

    def threads(net, plan):
        return {"threads": get_threads()}

    try:
        tn.set_threads(1)
        found = replace(LESSON, measure=threads).run(
            quick=True, data=(noise(60, 0), noise(20, 1)), arms=["two"], seeds=1, epochs=1, parallel=2, show=False,
            folder=tmp_path)
    finally:
        tn.set_threads(set_before)
    assert found.records[0]["measured"] == {"threads": 1}


def test_the_training_error_is_of_images_of_every_class():
    assert sample(5, 3).tolist() == [0, 1, 2]
    for labels in (np.repeat(np.arange(10), 1000), np.arange(10_000) % 10):    # as in a folder of photographs; in turn
        counts = np.bincount(labels[sample(5000, len(labels))])
        assert counts.sum() == 5000 and (abs(counts - 500) < 100).all()


def test_a_lesson_without_test_images_is_drawn_by_its_training_errors(tmp_path):
    lesson = replace(LESSON, quick=replace(BUDGET, test_images=0))
    found = lesson.run(quick=True, data=(noise(60, 0), noise(20, 1)), arms=["two"], seeds=1, parallel=1, show=False,
                       folder=tmp_path)
    left, right = found.plot().axes
    assert left.get_ylabel() == "training error" and right.get_ylabel() == "training error at the end"
    assert left.lines[0].get_ydata().tolist() == [row["train_error"] for row in found.records[0]["history"]]
    assert "One seed: no spread is known." in found.notes()
    one = run(tmp_path / "tested", arms=["two"], seeds=1).notes()
    assert any(note.startswith("One seed: no spread is known. The 20 test images are the same") for note in one)
    assert not any("paired by seed" in note or "intervals" in note for note in one)


@pytest.mark.parametrize(("options", "message"), [
    ({"seeds": 0}, "seeds is 0"), ({"epochs": -1}, "epochs is -1"),
    ({"images": 61}, "images is 61, expected at most 60"),
    ({"images": 41, "rates": [0.1, 1]}, "images is 41, expected at most 40"),
    ({"rates": []}, "rates is empty"), ({"rates": [-1.0]}, "rates is -1"), ({"rates": [0]}, "rates is 0"),
    ({"rates": [math.inf]}, "rates is inf"), ({"arms": [Arm("a b"), Arm("a-b")]}, "differ in letters or digits"),
    ({"arms": ["five"]}, "no arm 'five'"),
    ({"arms": ["two", "two"]}, "each once"), ({"parallel": 0}, "jobs is 0"), ({"model": "vgg"}, "network 'vgg'"),
    ({"data": None}, "needs data"), ({"model": "lenet5", "arms": ["tanh"]}, "no argument 'activation'"),
])
def test_bad_arguments_are_refused_before_anything_is_written(tmp_path, options, message):
    with pytest.raises((ArgumentError, DataError), match=message):
        run(tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("words", "message"), [
    (["relu"], "needs data"), (["relu", "--quick", "--arm", "wide"], "expected NAME:SWITCH=VALUE"),
    (["relu", "--quick", "--arm", "x:colour=3"], "colour"), (["speed", "--epochs", "3"], "speed has no --epochs"),
    (["relu", "--data", "nowhere"], "nowhere"),
])
def test_the_command_refuses(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lesson", *words]) == 2
    assert message in capsys.readouterr().err and not list(tmp_path.iterdir())


COMMAND = ["lesson", "relu", "--quick", "--images", "160", "--epochs", "2", "--seeds", "1", "--rates", "0.003", "0.01",
           "0.02", "--arms", "relu, max pools,tanh, max pools", "--jobs", "2"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    assert cli.main([*COMMAND, "--run", str(folder)]) == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("stop", "code", "at_start"), [
    (signal.SIGKILL, -signal.SIGKILL, ""), (signal.SIGINT, 130, ""),
    (signal.SIGTERM, -signal.SIGTERM, "trap '' INT; "),                        # as nohup and a shell's & start it
])
def test_a_lesson_that_was_stopped_goes_on_where_it_was(tmp_path, whole, stop, code, at_start):
    folder = tmp_path / "stopped"
    environment = os.environ | {"PYTHONPATH": str(Path(tn.__file__).parents[1])}
    command = [sys.executable, "-m", "tinynet", *COMMAND, "--run", str(folder)]
    process = subprocess.Popen(["sh", "-c", f'{at_start}exec "$@"', "sh", *command], env=environment,
                               stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not list(folder.glob("jobs/choice-*/last.npz")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(stop)
    assert process.wait(30) == code
    jobs = list((folder / "jobs").iterdir())
    while not all(lock_is_free(job) for job in jobs):                          # the children see that it is gone
        assert time.monotonic() < deadline
        time.sleep(0.05)
    done = {path: path.stat().st_mtime_ns for path in folder.glob("jobs/*/result.json")}
    assert 6 <= len(done) < 12
    assert cli.main([*COMMAND, "--run", str(folder)]) == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done

    def results(place):
        return without_times(json.loads(path.read_text()) for path in sorted(place.glob("jobs/*/result.json")))

    assert results(folder) == results(whole) and len(results(folder)) == 12


def lock_is_free(folder):
    with locked(folder) as ours:
        return ours


def test_a_job_has_one_worker(tmp_path):
    with locked(tmp_path) as ours, locked(tmp_path) as second:
        assert ours and not second
    assert lock_is_free(tmp_path)


def test_without_images_to_choose_by_the_rate_is_the_one_that_trains_best():
    errors = {0.001: 0.8, 0.01: 0.1, 0.03: 0.5, 0.1: 0.05}
    records = [{"arm": "relu", "stage": "search", "rate": rate, "diverged": "nan" if rate == 0.1 else None,
                "test_error": None, "history": [{"train_error": 0.9}, {"train_error": error}]}
               for rate, error in errors.items()]
    assert best_rate(None, Arm("relu"), records) == 0.01
