"""Versions of SGD whose step is not the paper's."""
from ...network.params import flat, is_bias
from ...training.optim import SGD
from .catalogue import planted


def given(kind):
    return kind


EVERY = ("fc1.w", "fc1.b", "block.fc2.w", "block.fc2.b", "block.fc3.w", "block.fc3.b")


def at_step(step, *ends):
    """The parameters with these ends of their names, at this step."""
    return ", ".join(f"{name} at step {step}" for name in EVERY if name.endswith(ends or ("w", "b")))


class Written(SGD):
    """SGD with its formula in a method, which the wrong versions replace."""

    def step(self, grads):
        gradients = flat(grads)
        for path, w in flat(self.net.params).items():
            decay = self.decay_of(".".join(path[:-1]))
            rate = self.learning_rate
            if is_bias(path[-1]):
                rate, decay = rate * self.bias_rate, decay if self.decay_biases else 0.0
            self.change(w, self.velocity_of(path, w), gradients[path], rate, decay)

    def change(self, w, v, g, rate, decay):
        """v <- m v - decay lr w - lr g;  w <- w + v."""
        v[...] = self.momentum * v - decay * rate * w - rate * g
        w += v


@planted("sgd-momentum-sign", at_step(2), given, right=SGD)
class MomentumSign(Written):
    """The old velocity is subtracted: momentum brakes."""

    def change(self, w, v, g, rate, decay):
        v[...] = -self.momentum * v - decay * rate * w - rate * g
        w += v


@planted("sgd-gradient-sign", at_step(1), given, right=SGD)
class Ascent(Written):
    """The step goes up the gradient."""

    def change(self, w, v, g, rate, decay):
        v[...] = self.momentum * v - decay * rate * w + rate * g
        w += v


@planted("sgd-decay-sign", at_step(1), given, right=SGD)
class DecaySign(Written):
    """The decay has the wrong sign: weights grow."""

    def change(self, w, v, g, rate, decay):
        v[...] = self.momentum * v + decay * rate * w - rate * g
        w += v


@planted("sgd-decay-of-velocity", at_step(1), given, right=SGD)
class DecayOfVelocity(Written):
    """The decay subtracts a part of the velocity, not of the weights."""

    def change(self, w, v, g, rate, decay):
        v[...] = self.momentum * v - decay * rate * v - rate * g
        w += v


@planted("sgd-decay-without-rate", at_step(1), given, right=SGD)
class DecayWithoutRate(Written):
    """The decay is not multiplied by the learning rate."""

    def change(self, w, v, g, rate, decay):
        v[...] = self.momentum * v - decay * w - rate * g
        w += v


@planted("sgd-decay-outside-velocity", at_step(2), given, right=SGD)
class DecayOutsideVelocity(Written):
    """The decay is subtracted from the weights and does not enter the velocity (as in AdamW)."""

    def change(self, w, v, g, rate, decay):
        v[...] = self.momentum * v - rate * g
        w += v - decay * rate * w


@planted("sgd-decay-doubled", at_step(1), given, right=SGD)
class DecayTwice(Written):
    """The factor 2 of w**2 differentiated is kept, where the paper's penalty has 1/2."""

    def change(self, w, v, g, rate, decay):
        super().change(w, v, g, rate, 2 * decay)


@planted("sgd-rate-applied-twice", at_step(1), given, right=SGD)
class RateTwice(Written):
    """The learning rate is in the velocity and multiplies it once more."""

    def change(self, w, v, g, rate, decay):
        v[...] = self.momentum * v - decay * rate * w - rate * g
        w += rate * v


@planted("sgd-pytorch-form", at_step(4), given, right=SGD)
class RateOutsideVelocity(Written):
    """PyTorch's form, in which the rate is not in the velocity: it differs once the rate has changed."""

    def change(self, w, v, g, rate, decay):
        v[...] = self.momentum * v + decay * w + g
        w -= rate * v


@planted("sgd-averaged-gradient", at_step(1), given, right=SGD)
class AveragedGradient(Written):
    """The gradient is multiplied by 1 - momentum, as in a running mean."""

    def change(self, w, v, g, rate, decay):
        v[...] = self.momentum * v - decay * rate * w - (1 - self.momentum) * rate * g
        w += v


@planted("sgd-nesterov", at_step(1), given, right=SGD)
class Nesterov(Written):
    """The weights take Nesterov's look-ahead step."""

    def change(self, w, v, g, rate, decay):
        new = -decay * rate * w - rate * g
        v[...] = self.momentum * v + new
        w += self.momentum * v + new


@planted("sgd-old-velocity", at_step(1), given, right=SGD)
class OldVelocity(Written):
    """The weights are changed before the velocity is."""

    def change(self, w, v, g, rate, decay):
        w += v
        v[...] = self.momentum * v - decay * rate * w - rate * g


@planted("sgd-velocity-not-kept", at_step(2), given, right=SGD)
class VelocityNotKept(Written):
    """The new velocity is a new array, and the one that is kept stays zero."""

    def change(self, w, v, g, rate, decay):
        v = self.momentum * v - decay * rate * w - rate * g
        w += v


@planted("sgd-velocity-shared", f"{at_step(2, 'fc1.w', 'fc1.b')}, {at_step(1, 'fc2.w', 'fc2.b')}", given, right=SGD)
class VelocityShared(Written):
    """All parameters of one shape share one velocity."""

    def velocity_of(self, path, w):
        return super().velocity_of((str(w.shape),), w)


@planted("sgd-decay-on-biases", at_step(1, "b"), given, right=SGD)
class DecayOnBiases(Written):
    """decay_biases=False is ignored."""

    def step(self, grads):
        self.decay_biases = True
        super().step(grads)


@planted("sgd-bias-rate-on-weights", at_step(1), given, right=SGD)
class BiasRateOnWeights(Written):
    """bias_rate multiplies the weights' learning rate instead of the biases'."""

    def change(self, w, v, g, rate, decay):
        rate = self.learning_rate * (self.bias_rate if w.ndim == 2 else 1)
        super().change(w, v, g, rate, decay)


@planted("sgd-bias-rate-not-on-decay", at_step(1, "b"), given, right=SGD)
class BiasRateNotOnDecay(Written):
    """The biases' decay is multiplied by the learning rate without bias_rate."""

    def change(self, w, v, g, rate, decay):
        super().change(w, v, g, rate, decay * self.learning_rate / rate)


@planted("sgd-decay-of-first-layer", at_step(1, "fc2.w", "fc2.b", "fc3.w", "fc3.b"), given, right=SGD)
class DecayOfFirstLayer(Written):
    """Every layer has the decay of the first."""

    def decay_of(self, layer):
        return super().decay_of("fc1")


@planted("sgd-gradients-scaled-in-place", "step", given, right=SGD)
class ScaledInPlace(Written):
    """The gradients are multiplied by the rate in place, so that they are wrong for whoever reads them afterwards."""

    def change(self, w, v, g, rate, decay):
        g *= rate
        v[...] = self.momentum * v - decay * rate * w - g
        w += v
