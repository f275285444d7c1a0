"""SqueezeNet 1.1: its size, and its scores beside the same network written out in PyTorch."""
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError
from tinynet.models import make_model, squeezenet
from tinynet.network.compare import compare
from tinynet.network.params import flat, is_bias

VARIANTS = {"caffe": (227, 14), "torchvision": (224, 13)}
SQUEEZES, EXPANDS = [16, 16, 32, 32, 48, 48, 64, 64], [64, 64, 128, 128, 192, 192, 256, 256]


def expected_shapes(variant: str) -> dict[str, tuple[int, ...]]:
    """By hand: convolution rounds down, (227 - 3) / 2 + 1 = 113, and pooling up."""
    sizes = {"caffe": (113, 56, 28, 14), "torchvision": (111, 55, 27, 13)}[variant]
    shapes = {"conv1": (sizes[0], sizes[0], 64), "pool1": (sizes[1], sizes[1], 64)}
    for number, expand in enumerate(EXPANDS, 2):
        size = sizes[1 if number < 4 else 2 if number < 6 else 3]
        shapes[f"fire{number}"] = size, size, 2 * expand
    return shapes | {"conv10": (sizes[3], sizes[3], 1000), "pool10": (1, 1, 1000), "flatten": (1000,)}


@pytest.mark.parametrize("variant", VARIANTS)
def test_sizes_and_parameters(variant):
    net: Any = squeezenet(variant)
    assert net.parameter_count == 1_235_496
    size, _ = VARIANTS[variant]
    assert net.input_shape == (size, size, 3)
    shapes, expected = net.shapes(net.input_shape), expected_shapes(variant)
    assert {name: shapes[name] for name in expected} == expected
    assert [net[f"fire{i}"].squeeze for i in range(2, 10)] == SQUEEZES
    assert squeezenet(variant, classes=10).parameter_count == 1_235_496 - 990 * (512 + 1)


def test_it_is_summarized_and_compared():
    net: Any = squeezenet()
    weighted = {name: shape for name, shape in expected_shapes("caffe").items() if name.startswith(("conv", "fire"))}
    inside = sum(h * w * net[name].squeeze for name, (h, w, _) in weighted.items() if name.startswith("fire"))
    outputs = sum(h * w * c for h, w, c in weighted.values())
    assert net.summary().neurons == inside + outputs
    found = {aspect: mine for aspect, mine, _ in compare(net, tn.lenet5()).aspects}
    assert found["layers with weights"] == "2 convolutional, 8 fire modules"
    assert found["filters"].startswith("64 of 3x3, 16 of 1x1 before 64 of 1x1 and 64 of 3x3, ")
    assert found["published"].startswith("2016, Iandola")


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_scores_are_pytorchs(variant, tmp_path):
    torch: Any = pytest.importorskip("torch", reason="the reference is PyTorch, the extra `reference`")
    nn = torch.nn

    class Fire(nn.Module):
        def __init__(self, channels: int, squeeze: int, expand: int) -> None:
            super().__init__()
            self.squeeze = nn.Conv2d(channels, squeeze, 1)
            self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
            self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

        def forward(self, x: Any) -> Any:
            x = torch.relu(self.squeeze(x))
            return torch.cat([torch.relu(self.expand1x1(x)), torch.relu(self.expand3x3(x))], dim=1)

    class SqueezeNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            inputs = [64, *(2 * expand for expand in EXPANDS)]
            fires = [Fire(*each) for each in zip(inputs, SQUEEZES, EXPANDS, strict=False)]
            pools = [nn.MaxPool2d(3, 2, ceil_mode=True) for _ in range(3)]
            self.features = nn.Sequential(
                nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(), pools[0], *fires[:2], pools[1], *fires[2:4], pools[2],
                *fires[4:])
            self.classifier = nn.Sequential(
                nn.Dropout(), nn.Conv2d(512, 1000, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

        def forward(self, x: Any) -> Any:
            return self.classifier(self.features(x)).flatten(1)

    net: Any = squeezenet(variant, seed=3)
    generator = np.random.default_rng(0)
    for own in net.params.values():
        for key in own:
            if is_bias(key):
                own[key] += generator.standard_normal(own[key].shape, dtype=np.float32)
    tn.save_weights(net, tmp_path / "w.pth")
    module = SqueezeNet().eval()
    module.load_state_dict(torch.load(tmp_path / "w.pth", weights_only=True), strict=True)
    size, _ = VARIANTS[variant]
    x = 60 * generator.standard_normal((2, size, size, 3), dtype=np.float32)
    with torch.no_grad():
        expected = module(torch.from_numpy(x.transpose(0, 3, 1, 2))).numpy()
    assert 0.2 < (expected > 0).mean() and np.abs(expected[0] - expected[1]).max() > 0.01 * expected.max()
    close = {"rtol": 1e-4, "atol": 1e-5 * expected.max()}
    np.testing.assert_allclose(net.forward(x)[0], expected, **close)
    with tn.plain():
        np.testing.assert_allclose(net.forward(x[:1])[0], expected[:1], **close)
    again: Any = tn.load_weights(make_model(net.name), tmp_path / "w.pth")
    assert all((array == flat(net.params)[path]).all() for path, array in flat(again.params).items())


def test_a_small_step_is_taken():
    net: Any = squeezenet(classes=4, seed=1)
    x = 60 * np.random.default_rng(0).standard_normal((1, 227, 227, 3), dtype=np.float32)
    scores, saved = net.forward(x, train=True)
    _, dscores = tn.softmax_cross_entropy(scores, np.array([2]))
    _, grads = net.backward(dscores, saved, input_gradient=False)
    found = flat(grads)
    assert len(found) == 2 * 2 + 8 * 6 and all(np.isfinite(grad).all() for grad in found.values())
    assert all(np.abs(grad).max() > 0 for grad in found.values())


def test_what_each_variants_weights_expect():
    caffe, other = (squeezenet(variant).recipe["preprocessing"] for variant in VARIANTS)
    assert caffe["channel_order"] == "BGR" and caffe["resize"] == "squash" and caffe["input_size"] == 227
    assert other["input_size"] == 224 and "channel_order" not in other
    assert squeezenet().name == "squeezenet" and squeezenet("torchvision").name == "squeezenet-torchvision"


@pytest.mark.parametrize("options, words", [
    ({"variant": "1.0"}, ["variant", "'1.0'", "'caffe'"]), ({"classes": 0}, ["classes", "0"]), ({"seed": -1}, ["seed"]),
])
def test_an_argument_that_makes_no_sense_is_named(options, words):
    with pytest.raises(ArgumentError) as caught:
        squeezenet(**options)
    assert all(word in str(caught.value) for word in ["squeezenet", *words]), str(caught.value)
