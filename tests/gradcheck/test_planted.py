"""Every planted bug is caught by the check as it comes, by the right name; what it was made from passes."""
import json
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError
from tinynet.gradcheck.planted import CATALOGUE, FAMILIES, planted

BUGS = [bug for bug in CATALOGUE.values() if not bug.of_optimizer]  # those: test_planted_optimizers.py


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_is_caught_and_named(bug):
    report = bug.check()
    assert not report.passed
    assert set(bug.names) <= set(report.wrong), str(report)
    if "forward" not in bug.names:  # where forward breaks a rule, gradients may seem wrong as well
        assert set(report.wrong) == set(bug.names), str(report)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_what_it_was_made_from_passes_on_the_same_case(bug):
    report = bug.check(right=True)
    assert report.passed and report.wrong == [] and report.undecided == [], str(report)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_that_it_is_caught_is_no_luck_of_the_draw(bug):
    for seed in (1, 2, 3):
        assert set(bug.names) <= set(tn.check_gradients(*bug.case(seed=seed), seed=seed).wrong)
        assert tn.check_gradients(*bug.case(right=True, seed=seed), seed=seed).passed


def test_the_record_of_the_usual_checks_has_every_bug():
    root = Path(__file__).parents[2]
    record = json.loads((root / "benchmarks" / "results" / "gradient_checks.json").read_text())
    assert set(record["bugs"]) == set(CATALOGUE), "python benchmarks/gradient_checks.py makes it"
    for text in ("benchmarks/GRADIENT_CHECKS.md", "benchmarks/README.md"):
        assert f"{len(CATALOGUE)} planted bugs" in (root / text).read_text(), text
    assert f"{len(BUGS)} of {len(CATALOGUE)}" in (root / "notebooks/source/07_checking_gradients.py").read_text()


def test_there_are_many_and_each_says_what_is_wrong():
    assert len(CATALOGUE) >= 60
    sentences = [bug.sentence for bug in CATALOGUE.values()]
    assert len(set(sentences)) == len(sentences)
    for name, bug in CATALOGUE.items():
        assert bug.name == name and name == name.lower() and " " not in name
        assert bug.sentence.endswith(".") and 20 < len(bug.sentence) < 160, bug
        assert bug.names and all(bug.names)
        assert bug.wrong is not bug.right
    assert {bug.family for bug in CATALOGUE.values()} == set(FAMILIES)


def test_a_case_is_the_same_in_every_call():
    bug = CATALOGUE["batch-norm-gamma-forgotten"]
    (layer, x), (again, x_again) = bug.case(), bug.case(right=True)
    np.testing.assert_array_equal(x, x_again)
    for key in ("w", "b"):
        np.testing.assert_array_equal(layer.params[key], again.params[key])
    assert (type(layer), type(again)) == (bug.wrong, tn.BatchNorm2d) and layer.dtype == np.float64


def test_a_name_is_given_once():
    with pytest.raises(ArgumentError, match="two bugs are called 'relu-guided'"):
        planted("relu-guided", "x", lambda kind: kind(), (2, 3))(tn.ReLU)
