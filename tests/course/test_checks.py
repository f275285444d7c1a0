"""The steps' checks: planted mistakes are named, right files pass, whatever their form."""
import numpy as np
import pytest
from support.course_checks import (
    ELSEWHERE,
    FAMILIES,
    MISTAKES,
    PARTS_OF,
    WITHOUT_EFFECT,
    bugs,
    check_bug,
    check_mistake,
    check_text,
    named,
    own_course,
    variant,
)

from tinynet.course.step import COLUMNS, TO_WRITE
from tinynet.course.steps import STEPS
from tinynet.gradcheck.planted import CATALOGUE
from tinynet.layers import BatchNorm1d

# Some of them quickly; tests/long/course_checks.py has all, with several seeds.
SOME = bugs()[::9]
ALL_MISTAKES = [pytest.param(name, marks=[pytest.mark.slow] if i % 3 else []) for i, name in enumerate(MISTAKES)]


def test_every_bug_of_the_catalogue_is_tried_or_told_apart():
    tried = {bug.name for bug in bugs()}
    apart = {bug.name for bug in CATALOGUE.values() if bug.right is BatchNorm1d
             or (bug.family in ELSEWHERE and bug.right not in PARTS_OF)}
    assert sorted([*tried, *apart, *WITHOUT_EFFECT]) == sorted(CATALOGUE), "each in one of the three"
    assert len(tried) > 130


@pytest.mark.parametrize("bug", SOME, ids=[bug.name for bug in SOME])
def test_a_planted_bug_is_named(bug):
    found = check_bug(bug)
    assert any(found.values()), "not noticed"
    for part, points in found.items():
        assert not points or named(bug, points), f"{part}: {points}"


@pytest.mark.parametrize("name", ALL_MISTAKES)
def test_a_mistake_in_a_solution_is_told(name):
    checked = check_mistake(MISTAKES[name])
    assert not checked.right and MISTAKES[name].told
    text = "\n".join(f"{point.what}: {point.fault}" for point in checked.points if point.fault)
    assert MISTAKES[name].told in text, text


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_a_right_file_passes_whatever_its_form(family, step):
    draws = np.random.default_rng([FAMILIES.index(family), step.number]).integers(0, 2, 3)
    text = variant(family, step, *(bool(draw) for draw in draws))
    checked = check_text(step, text, own_course(family))
    assert checked.right, [point for point in checked.points if point.fault] + checked.borrowed


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_a_file_is_handed_out_without_its_solution(step):
    compile(step.handed_out, step.file_name, "exec")
    assert step.handed_out.count(TO_WRITE) >= len(step.parts) and "# solution" not in step.handed_out + step.solution
    assert "NotImplementedError" not in step.solution
    head = f"Step {step.number} of {len(STEPS)}: "
    assert step.handed_out.startswith(f'"""{head}') and f"tinynet course check {step.number}" in step.handed_out
    checked = check_text(step, step.handed_out)
    assert {point.fault for point in checked.points} == {"still to be written"}
    assert [checked.verdict(column) for column in COLUMNS] == ["still to be written", "", ""]
    assert check_text(step, step.solution).right


LAYER = "import tinynet as tn\nimport numpy as np\nclass ReLU(tn.{base}):\n{body}class Tanh(tn.Tanh):\n    pass\n"
OWN = """    def forward(self, x, train=False):
        self.check_input(x)
        y = np.maximum(x, 0)
        return y, y
"""
BACK = """    def input_gradient(self, dy, saved):
        return dy * (saved > 0)
"""


@pytest.mark.parametrize(("text", "told"), [
    (LAYER.format(base="Layer", body=OWN + BACK), []),
    (LAYER.format(base="ReLU", body=OWN), ["ReLU.input_gradient is that of tinynet/layers/relu.py"]),
    (LAYER.format(base="Layer", body=OWN + BACK.replace("dy * (saved > 0)", "tn.Dropout().backward(dy, saved)[0]")),
     ["line 9 of step_01_activations calls"]),
])
def test_what_is_tinynets_is_told_but_its_base_class_may_be_used(text, told):
    borrowed = [line for line in check_text(STEPS[0], text).borrowed if not line.startswith("Tanh.")]
    assert len(borrowed) == len(told) and all(new in line for new, line in zip(told, borrowed, strict=True)), borrowed


INSTANCES = """import tinynet as tn
class ReLU:
    def __init__(self):
        self.forward, self.backward = tn.ReLU().forward, tn.ReLU().backward
"""
STAND_IN = """import numpy as np
from tinynet.course.stand_ins import Affine
class Linear:
    def __init__(self, in_features, out_features):
        shape = in_features, out_features
        self.params = {"w": np.zeros(shape, np.float32), "b": np.zeros(out_features, np.float32)}
    def forward(self, x, train=False):
        return Affine.forward(self, x, train)
    def backward(self, dy, saved):
        return Affine.backward(self, dy, saved)
"""
PARTIAL = """import functools, tinynet.layers.loss, tinynet
{name} = functools.partial({whose})
"""
AFTER_MANY = """import tinynet.layers.loss
def softmax_cross_entropy(scores, labels):
    for _ in range(12000):
        len("")
    return tinynet.layers.loss.softmax_cross_entropy(scores, labels)
"""


@pytest.mark.parametrize(("number", "text", "told"), [
    (1, INSTANCES, "self.forward is that of tinynet/layers/relu.py"),
    (2, STAND_IN, "calls Affine.forward of tinynet/course/stand_ins.py"),
    (3, PARTIAL.format(name="softmax_cross_entropy", whose="tinynet.layers.loss.softmax_cross_entropy"),
     "softmax_cross_entropy is that of tinynet/layers/loss.py"),
    (4, PARTIAL.format(name="SGD", whose="tinynet.SGD"), "SGD.step is that of tinynet/training/optimizer.py"),
    (3, AFTER_MANY, "calls softmax_cross_entropy of tinynet/layers/loss.py"),
])
def test_ways_around_the_watch_are_told(number, text, told):
    borrowed = check_text(STEPS[number - 1], text).borrowed
    assert any(told in line for line in borrowed), borrowed


def test_checking_ones_own_gradients_is_no_borrowing():
    text = STEPS[0].solution + "\nimport tinynet as tn\nassert tn.check_gradients(Tanh(), np.ones((2, 3))).passed\n"
    assert check_text(STEPS[0], text).right
