"""Every planted optimizer is caught, at the parameter and step where it first goes wrong; ours passes."""
import numpy as np
import pytest

import tinynet as tn
from tinynet.gradcheck.optimizer_references import AdamReference
from tinynet.gradcheck.planted import CATALOGUE
from tinynet.gradcheck.planted.adam import Written
from tinynet.training.optim import SGD, Adam

BUGS = [bug for bug in CATALOGUE.values() if bug.of_optimizer]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_wrong_optimizer_is_caught_where_it_goes_wrong(bug):
    report = bug.check()
    assert not report.passed
    assert set(report.wrong) == set(bug.names), str(report)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_that_it_is_caught_is_no_luck_of_the_draw(bug):
    for seed in (1, 2, 3):
        assert set(tn.check_optimizer(bug.wrong, seed=seed).wrong) == set(bug.names)


@pytest.mark.parametrize("kind", [SGD, Adam, Written])
@pytest.mark.parametrize("seed", range(20))
def test_the_right_one_passes_whatever_is_drawn(seed, kind):
    report = tn.check_optimizer(kind, draws=20, seed=seed)
    assert report.passed and report.wrong == [], str(report)


def test_the_report_names_parameter_step_and_settings():
    text = str(tn.check_optimizer(CATALOGUE["sgd-decay-on-biases"].wrong))
    assert "DecayOnBiases: fc1.b at step 1, block.fc2.b at step 1, block.fc3.b at step 1: not what" in text
    assert "decay_biases=False" in text and "fc1.w" in text
    assert str(tn.check_optimizer()).startswith("SGD: all steps are right\n")
    assert tn.check_optimizer()._repr_html_().startswith("<p>SGD: all steps are right</p><table>")


def test_the_formula_is_that_of_the_class_or_the_one_that_is_named():
    assert str(tn.check_optimizer(Adam)).startswith("Adam: all steps are right\n")
    own = tn.check_optimizer(lambda net, **options: Adam(net, **options), formula="adam")
    assert own.passed and "beta1=" in str(own) and "epsilon=" in str(own) and "momentum" not in str(own)
    with pytest.raises(TypeError, match="momentum"):
        tn.check_optimizer(Adam, formula="sgd")
    with pytest.raises(tn.errors.ArgumentError, match="formula is 'adagrad', expected one of sgd, adam"):
        tn.check_optimizer(Adam, formula="adagrad")


def test_the_reference_by_hand():
    reference = AdamReference(np.array([1.0]), {"beta1": 0.5, "beta2": 0.75, "epsilon": 1.0})
    reference.step(np.array([3.0]), 0.5, 0.25)                 # means 3 and 9: 1 - 0.5 * (3 / (3 + 1) + 0.25)
    np.testing.assert_allclose(reference.w, 0.5)
    reference.step(np.array([-3.0]), 0.25, 0.0)                # (0.5 * 3 - 3) / 1.5 = -1, squares 9: 0.5 + 0.25 / 4
    np.testing.assert_allclose(reference.w, 0.5625)


def test_nan_is_wrong():
    class Broken(SGD):
        def step(self, grads):
            super().step(grads)
            self.net.params["fc1"]["b"][1] = float("nan")

    assert tn.check_optimizer(Broken).wrong[0] == "fc1.b at step 1"


def test_a_factory_that_holds_its_own_settings_is_compared_with_the_ones_it_is_given():
    def without_momentum(net, learning_rate, momentum, weight_decay, bias_rate, decay_biases):
        return SGD(net, learning_rate, 0.0, weight_decay, bias_rate, decay_biases)

    report = tn.check_optimizer(without_momentum)
    assert report.wrong[0] == "fc1.w at step 2" and report.what == "without_momentum"


def test_settings_are_written_short_and_names_as_they_are():
    text = str(tn.check_optimizer(lambda net, **options: SGD(net, **options)))
    assert text.startswith("<lambda>: all steps are right")
    assert "learning_rate=0.416, momentum=0.8933, weight_decay=0.3221," in text
    assert tn.check_optimizer(lambda net, **options: SGD(net, **options))._repr_html_().startswith("<p>&lt;lambda&gt;:")


def test_no_draw_is_no_check():
    with pytest.raises(tn.errors.ArgumentError, match="draws is 0, expected a whole number of at least 1"):
        tn.check_optimizer(draws=0)
