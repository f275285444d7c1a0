"""Batch normalization whose gradient is wrong."""
import numpy as np

from ...layers import BatchNorm1d, BatchNorm2d
from ...layers.batch_norm import Saved
from .catalogue import planted

SHAPE = (3, 3, 2, 3)
ROWS = (5, 3)
EACH_CHANNEL = (0, 1, 2)


def plain(kind):
    return kind(3)


def large_eps(kind):
    return kind(3, eps=0.1)


@planted("batch-norm-statistics-constant", "x", plain, SHAPE)
class StatisticsConstant(BatchNorm2d):
    """Mean and variance are treated as constants, as they are in evaluation."""

    def input_gradient(self, dy, saved):
        return super().input_gradient(dy, saved._replace(from_batch=False))


@planted("batch-norm-no-path-through-variance", "x", plain, SHAPE)
class NoPathThroughVariance(BatchNorm2d):
    """The path through the batch's variance is missing."""

    def input_gradient(self, dy, saved):
        return self.params["w"] / saved.deviation * (dy - dy.mean(axis=EACH_CHANNEL))


@planted("batch-norm-no-path-through-mean", "x", plain, SHAPE)
class NoPathThroughMean(BatchNorm2d):
    """The path through the batch's mean is missing."""

    def input_gradient(self, dy, saved):
        through_variance = saved.normalized * (dy * saved.normalized).mean(axis=EACH_CHANNEL)
        return self.params["w"] / saved.deviation * (dy - through_variance)


@planted("batch-norm-gamma-forgotten", "x", plain, SHAPE)
class GammaForgotten(BatchNorm2d):
    """The input's gradient is not multiplied by w, whose initial ones hide it."""

    def input_gradient(self, dy, saved):
        return super().input_gradient(dy, saved) / self.params["w"]


@planted("batch-norm-running-statistics", "backward, x, w", plain, SHAPE)
class RunningStatistics(BatchNorm2d):
    """Backward uses the running mean and variance, which every forward changes, where forward used the batch's."""

    def backward(self, dy, saved, input_gradient=True):
        mean, variance = self.buffers["running_mean"], self.buffers["running_variance"]
        deviation = np.sqrt(variance + self.eps)
        return super().backward(dy, Saved((saved.normalized - mean) / deviation, deviation, True), input_gradient)


@planted("batch-norm-unbiased-backward", "x", plain, SHAPE)
class UnbiasedBackward(BatchNorm2d):
    """The path through the variance divides by N - 1, forward by N."""

    def input_gradient(self, dy, saved):
        count = dy[..., 0].size
        through_variance = saved.normalized * (dy * saved.normalized).sum(axis=EACH_CHANNEL) / (count - 1)
        return self.params["w"] / saved.deviation * (dy - dy.mean(axis=EACH_CHANNEL) - through_variance)


@planted("batch-norm-statistics-over-images-only", "x", plain, SHAPE)
class OverImagesOnly(BatchNorm2d):
    """The means in backward are taken over the images alone, for each position by itself."""

    def input_gradient(self, dy, saved):
        through_variance = saved.normalized * (dy * saved.normalized).mean(axis=0)
        return self.params["w"] / saved.deviation * (dy - dy.mean(axis=0) - through_variance)


@planted("batch-norm-variance-for-deviation", "x", plain, SHAPE)
class VarianceForDeviation(BatchNorm2d):
    """The input's gradient is divided by the variance instead of its square root."""

    def input_gradient(self, dy, saved):
        return super().input_gradient(dy, saved) / saved.deviation


@planted("batch-norm-eps-forgotten", "x", large_eps, SHAPE)
class EpsForgotten(BatchNorm2d):
    """The deviation in backward is without eps."""

    def input_gradient(self, dy, saved):
        return super().input_gradient(dy, saved._replace(deviation=np.sqrt(saved.deviation**2 - self.eps)))


@planted("batch-norm-beta-mean", "b", plain, SHAPE)
class BetaMean(BatchNorm2d):
    """The gradient of b is a mean instead of a sum."""

    def param_gradients(self, dy, saved):
        return super().param_gradients(dy, saved) | {"b": dy.mean(axis=EACH_CHANNEL)}


@planted("batch-norm-beta-one-image", "b", plain, SHAPE)
class BetaOneImage(BatchNorm2d):
    """The gradient of b is summed over the positions of one image only."""

    def param_gradients(self, dy, saved):
        return super().param_gradients(dy, saved) | {"b": dy[0].sum(axis=(0, 1))}


@planted("batch-norm-gamma-from-output", "w", plain, SHAPE)
class GammaFromOutput(BatchNorm2d):
    """The gradient of w is computed from the output instead of the normalized input."""

    def param_gradients(self, dy, saved):
        y = self.params["w"] * saved.normalized + self.params["b"]
        return super().param_gradients(dy, saved) | {"w": (dy * y).sum(axis=EACH_CHANNEL)}


@planted("batch-norm-gamma-not-normalised", "w", plain, SHAPE)
class GammaNotNormalized(BatchNorm2d):
    """The gradient of w is computed from x - mean, which is not divided by the deviation."""

    def param_gradients(self, dy, saved):
        centred = saved.normalized * saved.deviation
        return super().param_gradients(dy, saved) | {"w": (dy * centred).sum(axis=EACH_CHANNEL)}


@planted("batch-norm-1d-statistics-constant", "x", plain, ROWS)
class RowStatisticsConstant(BatchNorm1d):
    """Mean and variance of the features are treated as constants, as they are in evaluation."""

    def input_gradient(self, dy, saved):
        return super().input_gradient(dy, saved._replace(from_batch=False))


@planted("batch-norm-1d-statistics-over-features", "x", plain, ROWS)
class OverFeatures(BatchNorm1d):
    """The means in backward are taken over the features of each image, as in layer normalization."""

    def input_gradient(self, dy, saved):
        through_mean = dy.mean(axis=1, keepdims=True)
        through_variance = saved.normalized * (dy * saved.normalized).mean(axis=1, keepdims=True)
        return self.params["w"] / saved.deviation * (dy - through_mean - through_variance)


@planted("batch-norm-1d-unbiased-backward", "x", plain, ROWS)
class RowsUnbiasedBackward(BatchNorm1d):
    """The path through a feature's variance divides by N - 1, forward by N."""

    def input_gradient(self, dy, saved):
        through_variance = saved.normalized * (dy * saved.normalized).sum(axis=0) / (len(dy) - 1)
        return self.params["w"] / saved.deviation * (dy - dy.mean(axis=0) - through_variance)


@planted("batch-norm-1d-gamma-forgotten", "x", plain, ROWS)
class RowsGammaForgotten(BatchNorm1d):
    """The gradient of a row is not multiplied by w, whose initial ones hide it."""

    def input_gradient(self, dy, saved):
        return super().input_gradient(dy, saved) / self.params["w"]


@planted("batch-norm-1d-beta-mean", "b", plain, ROWS)
class RowsBetaMean(BatchNorm1d):
    """The gradient of b is a mean over the images instead of a sum."""

    def param_gradients(self, dy, saved):
        return super().param_gradients(dy, saved) | {"b": dy.mean(axis=0)}


@planted("batch-norm-1d-gamma-from-output", "w", plain, ROWS)
class RowsGammaFromOutput(BatchNorm1d):
    """The gradient of w is computed from the output rows instead of the normalized ones."""

    def param_gradients(self, dy, saved):
        y = self.params["w"] * saved.normalized + self.params["b"]
        return super().param_gradients(dy, saved) | {"w": (dy * y).sum(axis=0)}
