"""The gradient checker notices what a layer keeps or changes between calls, and what looks at other images."""
import numpy as np
import pytest

import tinynet as tn


def images(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


class SameArrayBack(tn.Tanh):
    """Every call of backward writes dx into the same array."""

    def input_gradient(self, dy, saved):
        if getattr(self, "kept", np.empty(0)).shape != dy.shape:
            self.kept = np.empty_like(dy)
        self.kept[...] = super().input_gradient(dy, saved)
        return self.kept


class SameArraysForParameters(tn.Linear):
    def param_gradients(self, dy, saved):
        grads = super().param_gradients(dy, saved)
        self.kept = getattr(self, "kept", grads)
        for name, gradient in grads.items():
            self.kept[name][...] = gradient
        return dict(self.kept)


class UpdatesInBackward(tn.BatchNorm2d):
    """Running statistics move on in backward too."""

    def input_gradient(self, dy, saved):
        self.buffers["running_mean"] = 0.9 * self.buffers["running_mean"]
        return super().input_gradient(dy, saved)


class KeepsTrain(tn.Dropout):
    """Whether it is training is kept on the layer: an evaluation in between changes backward."""

    def forward(self, x, train=False):
        self.training = train
        return super().forward(x, train)

    def input_gradient(self, dy, saved):
        return super().input_gradient(dy, saved) if self.training else dy


class OfTheBatch(tn.Layer):
    """The mean over the images, without saying that it needs the whole batch."""

    def forward(self, x, train=False):
        return x - x.mean(axis=0), None

    def backward(self, dy, saved, input_gradient=True):
        return dy - dy.mean(axis=0), {}


class OfTheImageBefore(tn.Layer):
    """Minus the image before it: the first one alone shows nothing."""

    def forward(self, x, train=False):
        y = x.copy()
        y[1:] -= x[:-1]
        return y, None

    def backward(self, dy, saved, input_gradient=True):
        dx = dy.copy()
        dx[:-1] -= dy[1:]
        return dx, {}


@pytest.mark.parametrize(("layer", "x", "wrong", "sentence"), [
    (SameArrayBack(), images(3, 4), "backward", "a second call writes into the gradient of x that the first returned"),
    (SameArraysForParameters(4, 3), images(3, 4), "backward", "into the gradient of w, b that the first returned"),
    (UpdatesInBackward(2), images(4, 3, 3, 2), "backward", "it changes the running statistic running_mean"),
    (KeepsTrain(0.5), images(3, 4), "backward", "a call of forward with train=False it gives a different gradient"),
    (OfTheBatch(), images(3, 4), "forward", "its output for the first image is different when that image comes alone"),
    (OfTheImageBefore(), images(3, 4), "forward", "its output for the last image is different when that image comes"),
], ids=lambda value: type(value).__name__ if isinstance(value, tn.Layer) else "")
def test_what_a_layer_keeps_is_named(layer, x, wrong, sentence):
    report = tn.check_gradients(layer, x)
    assert report.wrong == [wrong] and sentence in str(report), str(report)


def test_what_needs_the_whole_batch_and_says_so_is_right():
    class Says(OfTheBatch):
        whole_batch = True

    assert tn.check_gradients(Says(), images(3, 4)).passed
    assert tn.check_gradients(OfTheBatch(), images(1, 4)).passed  # of one image nothing is to be told


def test_a_layer_need_not_take_evaluation():
    class TrainsOnly(tn.Tanh):
        def forward(self, x, train=False):
            if not train:
                raise NotImplementedError("this layer is for training")
            return super().forward(x)

    assert tn.check_gradients(TrainsOnly(), images(3, 4)).passed


def test_a_layer_whose_output_is_one_number_has_no_images_to_look_at_alone():
    class Total(tn.Layer):
        def forward(self, x, train=False):
            return np.array((x**2).sum()), x

        def backward(self, dy, saved, input_gradient=True):
            return 2 * dy * saved, {}

    assert tn.check_gradients(Total(), images(3, 4)).passed
