"""Versions of Adam whose step is not Kingma and Ba's, or whose decay is not Loshchilov and Hutter's."""
import numpy as np

from ...network.params import flat, is_bias
from ...training.optim import Adam
from .catalogue import planted
from .optimizer import at_step, given


class Written(Adam):
    """Adam with its formula in methods, which the wrong versions replace."""

    def step(self, grads):
        gradients = flat(grads)
        for path, w in flat(self.net.params).items():
            decay = self.decay_of(".".join(path[:-1]))
            decay = decay if not is_bias(path[-1]) or self.decay_biases else 0.0
            own = self.moments_of(path, w)
            own["t"] += 1
            self.change(w, own, gradients[path], self.learning_rate, decay)

    def change(self, w, own, g, rate, decay):
        """Moments first, then the decay, then the step."""
        own["m"][...] = self.beta1 * own["m"] + (1 - self.beta1) * g
        own["v"][...] = self.beta2 * own["v"] + (1 - self.beta2) * g * g
        self.move(w, own["m"], own["v"], own["t"], rate, decay)

    def move(self, w, m, v, t, rate, decay):
        """w <- w - decay lr w - lr m' / (sqrt(v') + epsilon)."""
        w -= decay * rate * w
        w -= rate * self.corrected(m, self.beta1, t) / (np.sqrt(self.corrected(v, self.beta2, t)) + self.epsilon)

    def corrected(self, moment, beta, t):
        """The moment without what its start at zero does to it."""
        return moment / (1 - beta**t)


@planted("adam-no-bias-correction", at_step(1), given, right=Adam)
class NoBiasCorrection(Written):
    """The moments are not divided by 1 - beta^t."""

    def corrected(self, moment, beta, t):
        return moment


@planted("adam-first-moment-not-corrected", at_step(1), given, right=Adam)
class FirstNotCorrected(Written):
    """The second moment alone is divided by 1 - beta^t."""

    def move(self, w, m, v, t, rate, decay):
        w -= decay * rate * w
        w -= rate * m / (np.sqrt(self.corrected(v, self.beta2, t)) + self.epsilon)


@planted("adam-second-moment-not-corrected", at_step(1), given, right=Adam)
class SecondNotCorrected(Written):
    """The first moment alone is divided by 1 - beta^t."""

    def move(self, w, m, v, t, rate, decay):
        w -= decay * rate * w
        w -= rate * self.corrected(m, self.beta1, t) / (np.sqrt(v) + self.epsilon)


@planted("adam-corrected-in-place", at_step(2), given, right=Adam)
class CorrectedInPlace(Written):
    """The moments that are kept are divided by 1 - beta^t, again and again."""

    def corrected(self, moment, beta, t):
        moment /= 1 - beta**t
        return moment


@planted("adam-correction-outside-root", at_step(1), given, right=Adam)
class CorrectionOutsideRoot(Written):
    """The root of the second moment is divided by 1 - beta2^t instead of by its root."""

    def move(self, w, m, v, t, rate, decay):
        w -= decay * rate * w
        w -= rate * self.corrected(m, self.beta1, t) / (self.corrected(np.sqrt(v), self.beta2, t) + self.epsilon)


@planted("adam-step-count-stands-still", at_step(2), given, right=Adam)
class CountStandsStill(Written):
    """The number of steps is not advanced: every step is corrected as if it were the first."""

    def corrected(self, moment, beta, t):
        return moment / (1 - beta)


@planted("adam-step-count-one-ahead", at_step(1), given, right=Adam)
class CountOneAhead(Written):
    """The number of steps is one too large: the first step is corrected as the second."""

    def corrected(self, moment, beta, t):
        return super().corrected(moment, beta, t + 1)


@planted("adam-step-count-shared", f"fc1.w at step 2, {at_step(1, '1.b', 'fc2.w', 'fc2.b', 'fc3.w', 'fc3.b')}", given,
         right=Adam)
class CountShared(Written):
    """All parameters share one count, which each of them advances."""

    def __init__(self, *given, **settings):
        super().__init__(*given, **settings)
        self.count = 0

    def corrected(self, moment, beta, t):
        return super().corrected(moment, beta, self.count)

    def change(self, w, own, g, rate, decay):
        self.count += 1
        super().change(w, own, g, rate, decay)


@planted("adam-epsilon-inside-root", at_step(1), given, right=Adam)
class EpsilonInsideRoot(Written):
    """Epsilon is added to the second moment before the root is taken."""

    def move(self, w, m, v, t, rate, decay):
        w -= decay * rate * w
        w -= rate * self.corrected(m, self.beta1, t) / np.sqrt(self.corrected(v, self.beta2, t) + self.epsilon)


@planted("adam-epsilon-corrected-too", at_step(1), given, right=Adam)
class EpsilonCorrected(Written):
    """Epsilon is added to the root of the second moment before that is corrected."""

    def move(self, w, m, v, t, rate, decay):
        w -= decay * rate * w
        w -= rate * self.corrected(m, self.beta1, t) * (1 - self.beta2**t) ** 0.5 / (np.sqrt(v) + self.epsilon)


@planted("adam-no-root", at_step(1), given, right=Adam)
class NoRoot(Written):
    """The step is divided by the second moment itself, not by its root."""

    def move(self, w, m, v, t, rate, decay):
        w -= decay * rate * w
        w -= rate * self.corrected(m, self.beta1, t) / (self.corrected(v, self.beta2, t) + self.epsilon)


@planted("adam-gradient-not-squared", at_step(1), given, right=Adam)
class NotSquared(Written):
    """The second moment is a mean of the gradients' sizes, not of their squares."""

    def change(self, w, own, g, rate, decay):
        own["m"][...] = self.beta1 * own["m"] + (1 - self.beta1) * g
        own["v"][...] = self.beta2 * own["v"] + (1 - self.beta2) * np.abs(g)
        self.move(w, own["m"], own["v"], own["t"], rate, decay)


@planted("adam-square-of-the-mean", at_step(1), given, right=Adam)
class SquareOfMean(Written):
    """The second moment takes in the square of the first moment instead of the gradient's."""

    def change(self, w, own, g, rate, decay):
        own["m"][...] = self.beta1 * own["m"] + (1 - self.beta1) * g
        own["v"][...] = self.beta2 * own["v"] + (1 - self.beta2) * own["m"] ** 2
        self.move(w, own["m"], own["v"], own["t"], rate, decay)


@planted("adam-betas-exchanged", at_step(2), given, right=Adam)
class BetasExchanged(Written):
    """beta1 and beta2 have changed places."""

    def __init__(self, *given, **settings):
        super().__init__(*given, **settings)
        self.beta1, self.beta2 = self.beta2, self.beta1


@planted("adam-gradient-not-weighted", at_step(1), given, right=Adam)
class NotWeighted(Written):
    """The gradient enters the first moment whole, as it does momentum, not with a weight of 1 - beta1."""

    def change(self, w, own, g, rate, decay):
        own["m"][...] = self.beta1 * own["m"] + g
        own["v"][...] = self.beta2 * own["v"] + (1 - self.beta2) * g * g
        self.move(w, own["m"], own["v"], own["t"], rate, decay)


@planted("adam-old-moments", at_step(1), given, right=Adam)
class OldMoments(Written):
    """The weights are changed before the moments are."""

    def change(self, w, own, g, rate, decay):
        self.move(w, own["m"], own["v"], own["t"], rate, decay)
        own["m"][...] = self.beta1 * own["m"] + (1 - self.beta1) * g
        own["v"][...] = self.beta2 * own["v"] + (1 - self.beta2) * g * g


@planted("adam-moments-not-kept", at_step(2), given, right=Adam)
class MomentsNotKept(Written):
    """The new moments are new arrays, and those that are kept stay zero."""

    def change(self, w, own, g, rate, decay):
        m = self.beta1 * own["m"] + (1 - self.beta1) * g
        v = self.beta2 * own["v"] + (1 - self.beta2) * g * g
        self.move(w, m, v, own["t"], rate, decay)


@planted("adam-largest-second-moment", at_step(2), given, right=Adam)
class LargestSecondMoment(Written):
    """The second moment never falls (AMSGrad, another algorithm)."""

    def change(self, w, own, g, rate, decay):
        own["m"][...] = self.beta1 * own["m"] + (1 - self.beta1) * g
        own["v"][...] = self.beta2 * own["v"] + (1 - self.beta2) * g * g
        own["largest"] = np.maximum(own.get("largest", 0.0), own["v"])
        self.move(w, own["m"], own["largest"], own["t"], rate, decay)


@planted("adam-gradient-sign", at_step(1), given, right=Adam)
class Ascent(Written):
    """The step goes up the gradient, by as much as it should go down."""

    def move(self, w, m, v, t, rate, decay):
        super().move(w, -m, v, t, rate, decay)


@planted("adam-decay-coupled", at_step(1), given, right=Adam)
class DecayCoupled(Written):
    """The decay is added to the gradient, as L2 regularization: the moments have it too."""

    def change(self, w, own, g, rate, decay):
        super().change(w, own, g + decay * w, rate, 0.0)


@planted("adam-decay-in-first-moment", at_step(1), given, right=Adam)
class DecayInFirstMoment(Written):
    """The decay is in the step that is divided by the root of the second moment."""

    def move(self, w, m, v, t, rate, decay):
        first = self.corrected(m, self.beta1, t) + decay * w
        w -= rate * first / (np.sqrt(self.corrected(v, self.beta2, t)) + self.epsilon)


@planted("adam-decay-without-rate", at_step(1), given, right=Adam)
class DecayWithoutRate(Written):
    """The decay is not multiplied by the learning rate, and does not fall with it."""

    def move(self, w, m, v, t, rate, decay):
        super().move(w, m, v, t, rate, decay / rate)


@planted("adam-decay-after-step", at_step(1), given, right=Adam)
class DecayAfterStep(Written):
    """The decay takes a part of the weights after the step, not of those before it."""

    def move(self, w, m, v, t, rate, decay):
        super().move(w, m, v, t, rate, 0.0)
        w -= decay * rate * w


@planted("adam-decay-sign", at_step(1), given, right=Adam)
class DecaySign(Written):
    """The decay is added: all weights grow."""

    def move(self, w, m, v, t, rate, decay):
        super().move(w, m, v, t, rate, -decay)


@planted("adam-decay-on-biases", at_step(1, "b"), given, right=Adam)
class DecayOnBiases(Written):
    """decay_biases=False has no effect."""

    def step(self, grads):
        self.decay_biases = True
        super().step(grads)


@planted("adam-gradients-squared-in-place", "step", given, right=Adam)
class SquaredInPlace(Written):
    """The gradients are squared in place, so that they are wrong for whoever reads them afterwards."""

    def change(self, w, own, g, rate, decay):
        own["m"][...] = self.beta1 * own["m"] + (1 - self.beta1) * g
        g *= g
        own["v"][...] = self.beta2 * own["v"] + (1 - self.beta2) * g
        self.move(w, own["m"], own["v"], own["t"], rate, decay)
