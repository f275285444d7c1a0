"""The exercises: each file is broken in its place, each solution passes, and mends that only seem right do not."""
import ast
import re

import numpy as np
import pytest

import tinynet as tn
from tinynet.exercises import show
from tinynet.exercises.catalogue import EXERCISES, find_exercise
from tinynet.exercises.examine import examine_case, examine_layer, examine_loss, examine_optimizer
from tinynet.exercises.loading import defined, examine_source, load
from tinynet.exercises.sandbox import Verdict
from tinynet.gradcheck.planted import CATALOGUE

BY_NUMBER = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: f"{exercise.number}-{exercise.name}")

# For each exercise: what a check of the broken file has to find wrong, the first point to the last, and where to look.
WRONG = {
    1: ("gradient of x", "input_gradient"), 2: ("gradient of x", "input_gradient"),
    3: ("gradient of x", "input_gradient"), 4: ("gradient of b", "param_gradients"),
    5: ("gradient, ", "softmax_cross_entropy"), 6: ("gradient of x", "input_gradient"),
    7: ("gradient of x", "input_gradient"), 8: ("two forward passes", "forward"),
    9: ("gradient of x, p = ", "input_gradient"), 10: ("step ", "step"),
    11: ("gradient of x", "input_gradient"), 12: ("gradient of x", "input_gradient"),
    13: ("gradient of x, ties", "input_gradient"), 14: ("gradient of x", "input_gradient"),
    15: ("gradient of x, padding", "input_gradient"), 16: ("gradient of x, stride", "input_gradient"),
    17: ("gradient of w", "param_gradients"), 18: ("gradient of x", "input_gradient"),
    19: ("gradient of x, training", "input_gradient"), 20: ("gradient of x", "input_gradient"),
    21: ("gradient of x", "input_gradient"),
}

# Mends that only seem right: lines of the broken file and what somebody might put in their place.
SEEMING = [
    (1, "(dy > 0)", "(saved.y >= 0)"),
    (2, "(1 + saved.y)", "(saved.y - 1)"),
    (3, "(1 - saved.x * saved.x)", "(1 - saved.y)"),
    (3, "(1 - saved.x * saved.x)", "(1 - saved.x * saved.y)"),
    (4, "dy.mean(axis=0)", "dy[0]"),
    (4, "dy.mean(axis=0)", "5 * dy.mean(axis=0)"),
    (5, "return float(loss), dscores", "return float(loss), dscores / scores.size"),
    (5, "return float(loss), dscores", "return float(loss), dscores / 3"),
    (6, "self.params[\"w\"].reshape(self.out_features, self.in_features)", "self.params[\"w\"][::-1].T"),
    (7, "dy.reshape(n, c, h, w).transpose(0, 2, 3, 1)", "dy.reshape(n, w, h, c).transpose(0, 2, 1, 3)"),
    (7, "dy.reshape(n, c, h, w).transpose(0, 2, 3, 1)", "dy.reshape((n, h, w, c), order='F')"),
    (8, "self.mask = y > 0", "self.mask = self.__dict__.get('mask', y > 0)"),
    (8, "dy * self.mask", "dy * (dy != 0)"),
    (9, "return dy * saved.mask", "return dy * saved.mask / (1 - self.p)"),
    (9, "return dy * saved.mask", "return dy * saved.mask * 2"),
    (10, "v *= -self.momentum", "v *= 1 - self.momentum"),
    (10, "w += v", "w -= v"),
    # The form of PyTorch, which is another one as soon as the rate changes.
    (10, "v *= -self.momentum\n            v -= self.weight_decay * self.learning_rate * w\n"
     "            v -= self.learning_rate * g\n            w += v",
     "v *= self.momentum; v += self.weight_decay * w + g; w -= self.learning_rate * v"),
    (11, "dy * saved.y * (1 - saved.y)", "saved.y * (dy - (dy * saved.y).sum())"),
    (11, "dy * saved.y * (1 - saved.y)", "0 * dy"),
    (12, "np.where(wins, dy, dx[place])", "np.maximum(dx[place], dy * wins)"),
    (13, "wins = saved.x[place] == saved.y",
     "wins = (saved.x[place] == saved.y) / sum(saved.x[p] == saved.y for p in self.places(saved.x.shape))"),
    (14, "dy / (kh * kw)", "dy / self.window.cells(saved.x.shape[1:3]).mean()"),
    (15, "total[:, :h, :w]", "total[:, -h:, -w:]"),
    (15, "total[:, :h, :w]", "total[:, self.padding[0] :, self.padding[0] :][:, :h, :w]"),
    (16, "image[:, i : i + oh, j : j + ow] +=",
     "sh, sw = window.stride; image[:, i : i + (oh - 1) * sh + 1 : sh, j : j + (ow - 1) * sw + 1 : sw] ="),
    (17, "saved.x[..., : self.in_channels // self.groups]", "saved.x[..., -(self.in_channels // self.groups) :]"),
    (18, "return own",
     "return own - self.alpha * self.beta * saved.x * nearby_sum(own * saved.x / saved.scale, self.size)"),
    (18, "return own", "return own - 2 * self.alpha * self.beta * saved.x * own * saved.x / saved.scale"),
    (19, "own = dy - through_mean", "own = dy - through_mean - saved.normalized * dy * saved.normalized"),
    (19, "if saved.from_batch:", "if True:"),
    (20, "saved.scale**-self.beta, self.size", "saved.scale ** (1 - self.beta), self.size"),
    (20, "2 * self.alpha * self.beta", "self.alpha * self.beta"),
    (21, "self.pairs(dy.shape[-1], 1)", "self.pairs(dy.shape[-1], self.groups)"),
    (21, "saved.x[..., other] * back", "saved.x[..., c] * back"),
]


def check(exercise, text):
    """Check a file's text in this process."""
    return Verdict(*examine_source(exercise, text.encode()), printed="")


@BY_NUMBER
def test_the_file_is_broken_where_it_says(exercise):
    verdict = check(exercise, exercise.broken)
    wrong = [finding for finding in verdict.findings if finding.fault]
    what, look = WRONG[exercise.number]
    assert wrong and not verdict.failure and not verdict.solved
    for finding in wrong:
        assert finding.what.startswith(what) and finding.look.startswith(look), finding
    assert len(wrong) < len(verdict.findings), "something is right in it"
    place = re.fullmatch(rf"{look}, line (\d+)", wrong[0].look)
    assert place and f"def {look}(" in exercise.broken.splitlines()[int(place[1]) - 1]
    text = show.verdict_text(exercise, "mine.py", verdict)
    assert wrong[0].fault in text and f"Look at {wrong[0].look}." in text and "--hint" in text


@BY_NUMBER
def test_the_solution_passes(exercise):
    for mend in exercise.mends:
        assert exercise.broken.count(mend.broken) == 1 and mend.broken != mend.right
    verdict = check(exercise, exercise.solved)
    assert verdict.solved, show.verdict_text(exercise, "mine.py", verdict)
    assert f"all {len(verdict.findings)} points are right" in show.verdict_text(exercise, "mine.py", verdict)
    assert not [finding for finding in verdict.findings if not finding.what]


@pytest.mark.parametrize(("number", "broken", "seeming"), SEEMING)
def test_mends_that_only_seem_right_do_not_pass(number, broken, seeming):
    exercise = find_exercise(number)
    assert exercise.broken.count(broken) == 1
    verdict = check(exercise, exercise.broken.replace(broken, seeming))
    assert not verdict.solved and not verdict.failure, verdict.failure


def test_every_exercise_has_a_mend_that_only_seems_right():
    assert {number for number, _, _ in SEEMING} == {exercise.number for exercise in EXERCISES} == set(WRONG)


def test_the_last_tie_must_not_win():
    exercise = find_exercise(13)
    last = exercise.solved.replace("for place in self.places(saved.x.shape):",
                                   "for place in reversed(list(self.places(saved.x.shape))):")
    assert last != exercise.solved and not check(exercise, last).solved


@BY_NUMBER
def test_texts_that_go_with_an_exercise(exercise):
    assert len(exercise.hints) >= 3 and len(set(exercise.hints)) == len(exercise.hints)
    assert exercise.level in ("easy", "medium", "hard")
    for text in (exercise.title, exercise.why, *exercise.hints, exercise.broken):
        assert text.isascii() and text.strip()  # a terminal in any encoding shows it
    assert re.fullmatch(r"exercise_\d\d_[a-z_]+\.py", exercise.file_name)
    docstring = ast.get_docstring(ast.parse(exercise.broken))
    assert docstring.startswith(f"Exercise {exercise.number}: ")
    assert re.search(rf"`tinynet exercise {exercise.number}\s--check`", docstring)
    assert len(exercise.broken.splitlines()) <= 70
    for mend in exercise.mends:
        assert mend.right.strip() == "" or mend.right.strip() not in exercise.broken.split('"""', 2)[1]


def test_most_exercises_have_a_planted_bug():
    without = [exercise.number for exercise in EXERCISES if not exercise.bug]
    assert without == [2, 3, 8, 21]  # why: beside each exercise


LINKED = pytest.mark.parametrize(
    "exercise", [exercise for exercise in EXERCISES if exercise.bug], ids=lambda exercise: exercise.bug)


@LINKED
def test_the_planted_bug_is_of_the_same_layer(exercise):
    assert exercise.bug in CATALOGUE
    assert CATALOGUE[exercise.bug].right.__name__ == exercise.wanted


@LINKED
def test_the_planted_bug_gives_the_same_wrong_numbers(exercise):
    student, bug = defined(exercise, load(exercise.broken.encode())), CATALOGUE[exercise.bug]
    same = {examine_layer: same_layer, examine_loss: same_loss, examine_optimizer: same_steps}[exercise.examine]
    assert any(same(case, student, bug.wrong) and not same(case, student, bug.right) for case in exercise.cases)


def same_layer(case, student, kind):
    """Whether output and gradients are the same; not where the planted bug fails for these settings."""
    findings = []
    try:
        examine_case(case, kind, student, 0, findings)
    except ValueError:
        return False
    return not any(finding.fault for finding in findings)


def same_loss(case, student, loss):
    scores, labels = np.random.default_rng(0).standard_normal(case.shape), np.array(case.settings["labels"])
    pairs = zip(student(scores, labels), loss(scores, labels), strict=True)
    return all(np.allclose(ours, theirs, rtol=1e-9) for ours, theirs in pairs)


def same_steps(case, student, optimizer):
    nets = [tn.Linear(*case.shape).astype("float64") for _ in range(2)]
    optimizers = student(nets[0], **case.settings), optimizer(nets[1], **case.settings)
    generator = np.random.default_rng(0)
    for _ in range(3):
        grads = {name: generator.standard_normal(w.shape) for name, w in nets[0].params.items()}
        for each in optimizers:
            each.step(grads)
    return np.allclose(nets[0].params["w"], nets[1].params["w"], rtol=1e-9)


def test_numbers_and_levels_go_up():
    assert [exercise.number for exercise in EXERCISES] == list(range(1, len(EXERCISES) + 1))
    levels = [("easy", "medium", "hard").index(exercise.level) for exercise in EXERCISES]
    assert levels == sorted(levels) and len(EXERCISES) >= 15


def broken_by(number, old, new):
    exercise = find_exercise(number)
    assert exercise.solved.count(old) == 1
    return check(exercise, exercise.solved.replace(old, new))


def test_a_changed_output_is_told_as_such():
    verdict = broken_by(2, "0.5 * np.tanh(0.5 * x) + 0.5", "np.tanh(0.5 * x)")
    assert not verdict.solved
    assert "the output must stay as it is" in verdict.findings[0].fault and "y[0, 0] is" in verdict.findings[0].fault
    verdict = broken_by(5, "return float(loss),", "return 2 * float(loss),")
    assert verdict.findings[0].fault.startswith("loss is ") and not verdict.solved


@pytest.mark.parametrize(("number", "old", "new", "told"), [
    (1, "return dy * (saved.y > 0)", "dy *= saved.y > 0; return dy", "writes into dy"),
    (1, "y = np.maximum(x, 0)", "y = np.maximum(x, 0, out=x)", "writes into x"),
    (1, "dy * (saved.y > 0)", "dy * (saved.y > 0).astype('float64')", "float64"),
    (1, "dy * (saved.y > 0)", "None", "None"),
    (1, "dy * (saved.y > 0)", "(dy * (saved.y > 0))[:, :1]", "shape"),
    (1, "dy * (saved.y > 0)", "dy * (saved.y > 0) * np.nan", "nan"),
    (5, "return float(loss), dscores", "scores[...] = 0\n    return float(loss), dscores", "writes into scores"),
    (10, "w += v", "w += v\n            g *= 0", "writes into the gradient of w"),
    (10, "w += v", "self.net.params[name] = w + v", "is a new array: change the old one in place"),
    (19, "self.buffers[name] = (1", "unused = (1", "what forward does to the buffers must stay"),
])
def test_what_else_a_check_sees(number, old, new, told):
    verdict = broken_by(number, old, new)
    assert not verdict.solved and told in "".join(finding.fault for finding in verdict.findings)
    assert not verdict.failure and "Look at " in show.verdict_text(find_exercise(number), "mine.py", verdict)


@pytest.mark.parametrize(("number", "old", "new", "told"), [
    (1, "class ReLU(tn.Layer)", "class Relu(tn.Layer)", "defines no ReLU; it defines Saved, Relu"),
    (1, "class ReLU(tn.Layer)", "class ReLU", "not a class derived from tn.Layer"),
    (1, "return y, Saved(y)", "return y", "forward returned ndarray, expected two things"),
    (2, "class Sigmoid(tn.Layer)", "Sigmoid = tn.Sigmoid\nclass Mine(tn.Layer)", "Sigmoid is tinynet's own, imported"),
    (4, '"b": dy.sum(axis=0)', "", "param_gradients returned ['w'], expected a dict of ['b', 'w']"),
    (4, 'np.zeros(out_features, np.float32)', "np.zeros(1, np.float32)", "b (1,)"),
    (5, "return float(loss), dscores / len(scores)", "return loss", "expected two things"),
    (1, "dy * (saved.y > 0)", "dy * (saved.z > 0)", "line 32: AttributeError: 'Saved' object has no attribute 'z'"),
    (6, "dy @ back", "back @ dy", "line 38: ValueError"),
])
def test_a_file_that_cannot_be_checked_is_told_in_words(number, old, new, told):
    verdict = broken_by(number, old, new)
    assert told in verdict.failure and not verdict.solved
    assert verdict.failure in show.verdict_text(find_exercise(number), "mine.py", verdict)
