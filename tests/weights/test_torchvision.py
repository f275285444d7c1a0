"""torchvision's own networks and transforms: they take our weights, we take theirs, and photographs come out alike."""
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tinynet as tn
from tinynet.data import Preprocessing, sample_photograph
from tinynet.layers.initializers import undrawn
from tinynet.network.params import flat
from tinynet.weights.layout import places, their_shape

torch: Any = pytest.importorskip("torch", reason="the reference is PyTorch, the extra `reference`")
for name in ("nms", "qnms"):  # torchvision's own operators were not compiled for every build of PyTorch: it asks for
    if not hasattr(torch.ops.torchvision, name):  # these while it is imported, and its networks need none of them
        torch.library.define(f"torchvision::{name}", "(Tensor boxes, Tensor scores, float threshold) -> Tensor")
torchvision: Any = pytest.importorskip("torchvision", reason="the reference is torchvision, the extra `reference`")


def test_torchvisions_squeezenet_takes_our_weights_and_we_take_them_back(tmp_path):
    net = tn.squeezenet("torchvision")
    tn.save_weights(net, tmp_path / "w.pth")
    with torch.device("meta"):  # without initial weights, which take longer than all of this test
        module = torchvision.models.squeezenet1_1()
    module.load_state_dict(torch.load(tmp_path / "w.pth", weights_only=True), strict=True, assign=True)
    x = np.random.default_rng(0).standard_normal((1, 224, 224, 3)).astype("f4")
    with torch.inference_mode():
        expected = module.eval()(torch.from_numpy(x.transpose(0, 3, 1, 2)).contiguous()).numpy()
    np.testing.assert_allclose(net.forward(x)[0], expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())

    torch.save(module.state_dict(), tmp_path / "theirs.pth")
    again = tn.load_weights(tn.squeezenet("torchvision", seed=1), tmp_path / "theirs.pth")
    for name, array in flat(net.params).items():
        assert np.array_equal(array, flat(again.params)[name])


def test_torchvisions_alexnet_has_our_arrays_under_its_names():
    """With numbers the two were compared once: the same scores to 1e-4 of the largest; it takes a minute."""
    with torch.device("meta"):
        expected = {name: tuple(array.shape) for name, array in torchvision.models.alexnet().state_dict().items()}
    with undrawn():
        net: Any = tn.alexnet("torchvision")
    found = {place.theirs: their_shape(place, net[place.layer]) for place in places(net)}
    assert found == expected and list(found) == list(expected)
    assert next(place for place in places(net) if place.layer == "fc6").before == (6, 6, 256)


@pytest.mark.parametrize("photograph", ["berlin_cathedral", "spaniels", "light_bulb"])
def test_a_photograph_is_prepared_as_by_torchvision(photograph):
    """To one grey level: torchvision scales the whole image and cuts out then, tinynet does both in one step."""
    file = sample_photograph(photograph)
    for weights in (torchvision.models.AlexNet_Weights, torchvision.models.SqueezeNet1_1_Weights):
        with Image.open(file) as image:
            expected = weights.IMAGENET1K_V1.transforms()(image.convert("RGB")).numpy().transpose(1, 2, 0)
        prepare = Preprocessing(**tn.squeezenet("torchvision").recipe["preprocessing"])
        found = prepare(prepare.load_image(file)[None])[0]                     # (H, W, C)
        levels = np.abs(found - expected) * prepare.deviation
        assert levels.max() < 1.01 and levels.mean() < 0.2
