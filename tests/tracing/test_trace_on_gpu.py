"""Traces and explanations of a network on the GPU: arrays stay there, and the numbers are those of NumPy."""
import numpy as np
from support import strict_cupy
from support.small_network import batch, network

import tinynet as tn


def test_a_trace_on_the_gpu_keeps_its_arrays_there_and_explains_them(gpu):
    for batch_norm in (False, True):
        x, labels = batch(3)
        net = network(batch_norm=batch_norm)
        here = tn.trace(net, x, labels)
        there = tn.trace(tn.to_gpu(net), gpu.asarray(x), gpu.asarray(labels))
        assert abs(there.loss - here.loss) < 1e-5
        for step, same in zip(there.steps, here.steps, strict=True):
            arrays = {"x": (step.input_gradient, same.input_gradient)}
            arrays |= {name: (step.gradients[name], same.gradients[name]) for name in same.gradients}
            assert type(step.output) is type(step.upstream) is strict_cupy.ndarray
            np.testing.assert_allclose(step.output.get(), same.output, rtol=1e-4, atol=1e-4)
            at = tuple(length // 2 for length in step.output.shape)
            explanations = [step.explain(output=at)]
            for name, (found, expected) in arrays.items():
                np.testing.assert_allclose(found.get(), expected, rtol=1e-3, atol=1e-4)
                explanations.append(step.explain(grad=name, at=tuple(length // 2 for length in found.shape)))
            for explanation in explanations:
                assert explanation.agrees and explanation._repr_html_()
        conv = there["conv1"], here["conv1"]
        assert len({step.forward_bytes for step in conv}) == len({step.backward_bytes for step in conv}) == 1
        assert there._repr_html_() and str(there) and str(there["conv1"])


def test_a_layer_of_ones_own_is_explained_on_the_gpu(gpu):
    class Square(tn.Layer):
        """y = x * x."""

        def forward(self, x, train=False):
            return x * x, (x,)

        def input_gradient(self, dy, saved):
            return 2 * saved[0] * dy

    x = np.random.default_rng(1).standard_normal((2, 3))
    step = tn.trace(Square(), gpu.asarray(x), upstream=gpu.asarray(np.ones((2, 3))))["Square"]
    assert step.explain(grad="x", at=(1, 2)).total == 2 * x[1, 2]
    assert step.explain(output=(1, 2)).agrees
