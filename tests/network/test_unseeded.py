"""Layers without a seed: no two of a network start alike; what somebody has changed, and published models, stay."""
import copy
import pickle

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError
from tinynet.models import MODELS
from tinynet.network import unseeded
from tinynet.network.params import flat, single_layers
from tinynet.training.checkpoint import restore_network

KINDS = {
    "Linear": lambda **k: tn.Linear(6, 6, **k), "Conv2d": lambda **k: tn.Conv2d(6, 6, 3, padding=1, **k),
    "LocallyConnected2d": lambda **k: tn.LocallyConnected2d(6, 6, 3, 4, padding=1, **k),
}


class Residual(tn.Layer):
    """y = x + f(x), with a layer of tinynet's inside."""

    whole_batch = True

    def __init__(self, inner):
        super().__init__()
        self.inner, self.params = inner, inner.params

    def forward(self, x, train=False):
        y, saved = self.inner.forward(x, train)
        return x + y, saved


def chain(*layers, **options):
    return tn.Network([(f"layer{i}", layer) for i, layer in enumerate(layers)], **options)


def weights(net):
    """The weights of all layers, those in blocks too."""
    return [layer.params["w"] for _, layer in single_layers(net) if layer.params]


def all_different(arrays):
    return len({array.tobytes() for array in arrays}) == len(arrays)


def masks(net, x=None):
    """What each dropout multiplies a batch by."""
    x = np.ones((4, 30), np.float32) if x is None else x
    return [layer.forward(x, train=True)[1].mask for _, layer in single_layers(net) if isinstance(layer, tn.Dropout)]


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_layers_start_with_the_same_weights(kind):
    net = chain(*(KINDS[kind]() for _ in range(5)))
    assert all_different(weights(net))
    np.testing.assert_array_equal(weights(net)[0], KINDS[kind](seed=[0, 0]).params["w"])
    np.testing.assert_array_equal(weights(net)[3], KINDS[kind](seed=[0, 3]).params["w"])


def test_no_two_dropouts_drop_the_same_units():
    net = chain(tn.Dropout(), tn.Dropout(), tn.Dropout(0.5, seed=[0, 2]), tn.Dropout())
    first, again = masks(net), masks(chain(tn.Dropout(), tn.Dropout(), tn.Dropout(), tn.Dropout()))
    assert all_different(first)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_alone_is_as_from_seed_0_and_the_same_in_every_program(kind):
    alone, seeded = KINDS[kind](), KINDS[kind](seed=0)
    np.testing.assert_array_equal(alone.params["w"], seeded.params["w"])
    assert np.array_equal(*masks(chain(tn.Dropout(seed=0), tn.Dropout(seed=0))))


def test_the_networks_seed_decides():
    nets = [chain(tn.Linear(6, 6), tn.Linear(6, 6), seed=seed) for seed in (0, 1, [1, 2])]
    assert all_different([array for net in nets for array in weights(net)])
    for net, options in ((nets[0], {}), (nets[1], {"seed": 1})):
        for a, b in zip(weights(net), weights(chain(tn.Linear(6, 6), tn.Linear(6, 6), **options)), strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(ArgumentError, match="Network: seed is -1"):
        chain(tn.ReLU(), seed=-1)



def test_layers_with_a_seed_stay_as_they_are():
    net = chain(tn.ReLU(), tn.Linear(6, 6, seed=0), tn.Linear(6, 6, seed=0))
    np.testing.assert_array_equal(*weights(net))  # who asks for it gets it
    np.testing.assert_array_equal(weights(net)[0], tn.Linear(6, 6).params["w"])


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith(("alexnet-small", "lenet", "cifar"))])
def test_published_models_do_not_ask_the_network_for_a_seed(name):
    net = MODELS[name]()
    assert not net.unseeded and net.as_drawn is None


def replaced(layer):
    layer.params["w"] = layer.params["w"].copy()  # equal numbers, but somebody put them there


def edited(layer):
    layer.params["w"][0, 0] += 1


def edited_bias(layer):
    layer.params["b"][0] = 1


def one_step(layer):
    net = tn.Network([("fc", layer)], seed=0)
    y, saved = net.forward(np.ones((2, 6), np.float32))
    tn.SGD(net, 0.1).step(net.backward(y, saved)[1])


@pytest.mark.parametrize("touch", [replaced, edited, edited_bias, one_step])
def test_parameters_that_somebody_touched_stay(touch):
    layer = tn.Linear(6, 6)
    touch(layer)
    before = copy.deepcopy(layer.params)
    net = chain(tn.ReLU(), layer, tn.Linear(6, 6))
    for key, array in before.items():
        np.testing.assert_array_equal(net["layer1"].params[key], array)
    assert all_different(weights(net))


def test_a_dropout_that_has_dropped_or_has_another_generator_stays():
    used, other, fresh = tn.Dropout(), tn.Dropout(), tn.Dropout()
    used.forward(np.ones((2, 3)), train=True)
    other.generator = np.random.default_rng(7)
    states = [layer.generator.bit_generator.state for layer in (used, other, fresh)]
    net = chain(tn.ReLU(), used, other, fresh)
    now = [net[f"layer{i}"].generator.bit_generator.state for i in (1, 2, 3)]
    assert now[:2] == states[:2] and now[2] != states[2]
    evaluated = tn.Dropout()
    evaluated.forward(np.ones((2, 3)))  # which draws nothing
    assert chain(tn.ReLU(), evaluated)["layer1"].generator.bit_generator.state != states[2]


def test_weights_are_drawn_into_the_arrays_that_are_there():
    layer = tn.Linear(6, 6)
    w = layer.params["w"]
    net = chain(tn.ReLU(), layer)
    assert net["layer1"].params["w"] is w and not np.array_equal(w, tn.Linear(6, 6).params["w"])


def test_another_dtype_stays_and_is_drawn_anew():
    net = chain(tn.ReLU(), tn.Linear(6, 6).astype("float64"))
    assert net.dtype == np.float64
    np.testing.assert_array_equal(weights(net)[0], tn.Linear(6, 6, seed=[0, 1]).params["w"].astype("float64"))


def test_on_the_gpu_too(gpu):
    net = chain(tn.ReLU(), tn.to_gpu(tn.Linear(6, 6)), tn.to_gpu(tn.Linear(6, 6)))
    on_cpu = chain(tn.ReLU(), tn.Linear(6, 6), tn.Linear(6, 6))
    for there, here in zip(weights(net), weights(on_cpu), strict=True):
        assert isinstance(there, gpu.ndarray)
        np.testing.assert_array_equal(tn.to_cpu(there), here)


def block():
    return chain(tn.Linear(6, 6), tn.Linear(6, 6), tn.Dropout())


def test_blocks_start_apart_and_so_do_blocks_in_blocks():
    net = chain(block(), block(), chain(block(), tn.Linear(6, 6), block()), tn.Linear(6, 6))
    assert len(weights(net)) == 10 and all_different(weights(net))
    assert all_different(masks(net))
    assert all(np.array_equal(a, b) for a, b in zip(weights(block()), weights(block()), strict=True)), "alone: from 0"


def test_a_block_with_a_seed_keeps_its_numbers():
    own = chain(tn.Linear(6, 6), tn.Linear(6, 6), seed=5)
    before = copy.deepcopy(weights(own))
    net = chain(block(), own)
    for a, b in zip(weights(net)[2:], before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_block_that_was_changed_anywhere_stays_whole():
    trained = block()
    trained["layer1"].params["b"][2] = 1
    before = copy.deepcopy(weights(trained))  # layer0 may be frozen, and belong to what layer1 has learnt
    net = chain(block(), trained)
    for a, b in zip(weights(net)[2:], before, strict=True):
        np.testing.assert_array_equal(a, b)
    dropped = block()
    dropped.forward(np.ones((2, 6), np.float32), train=True)
    before = copy.deepcopy(weights(dropped))
    np.testing.assert_array_equal(weights(chain(block(), dropped))[2], before[0])


def test_layers_inside_a_layer_of_ones_own_are_drawn_too():
    net = chain(Residual(tn.Linear(6, 6)), Residual(tn.Linear(6, 6)), Residual(block()), tn.Linear(6, 6))
    assert all_different([net["layer0"].params["w"], net["layer1"].params["w"], net["layer3"].params["w"],
                          *weights(net["layer2"].inner)])

    class Several(tn.Layer):
        """With a list, a dict, and a way back to itself."""

        def __init__(self):
            super().__init__()
            self.branches = [tn.Linear(6, 6), tn.Linear(6, 6)]
            self.by_name = {"a": tn.Linear(6, 6)}
            self.branches.append(self)

    several = Several()
    chain(tn.Linear(6, 6), several)
    assert all_different([layer.params["w"] for layer in (*several.branches[:2], several.by_name["a"])])


def test_a_layer_that_one_network_has_is_not_drawn_by_another():
    net = chain(tn.Linear(6, 6), tn.ReLU(), tn.Linear(6, 6))
    before = copy.deepcopy(weights(net))
    shifted = tn.Network([("first", tn.Linear(6, 6)), *net.layers.items()])  # the same objects at other indices
    for a, b, c in zip(weights(net), before, weights(shifted)[1:], strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda what: pickle.loads(pickle.dumps(what))])
def test_copies_of_a_layer_or_a_block_start_apart(copied):
    layer, net = tn.Linear(6, 6), block()
    assert all_different(weights(chain(layer, copied(layer), net, copied(net), tn.Linear(6, 6))))


def test_a_derived_class_that_changes_its_weights_keeps_them():
    class Small(tn.Linear):
        def __init__(self):
            super().__init__(6, 6)
            self.params["w"] *= 0.01

    class WithoutBias(tn.Linear):
        def __init__(self):
            super().__init__(6, 6)
            del self.params["b"]
            self.params["scale"] = np.ones(6, np.float32)

    net = chain(tn.ReLU(), Small())
    np.testing.assert_array_equal(weights(net)[0], Small().params["w"])
    net = chain(WithoutBias(), WithoutBias())
    assert all_different(weights(net)) and set(net["layer0"].params) == {"w", "scale"}


def test_a_layer_of_ones_own_may_have_a_draw_of_its_own():
    class Signs(tn.Linear):
        def draw_from(self, seed):
            super().draw_from(seed)
            self.params["w"] = np.sign(self.params["w"])

    net = chain(Signs(6, 6), Signs(6, 6))
    assert all_different(weights(net)) and set(np.unique(weights(net))) == {-1, 1}


def test_checkpoints_bring_back_what_was_saved(tmp_path):
    net = chain(tn.Linear(6, 6), tn.Dropout(), block(), tn.Linear(6, 3), seed=3)
    masks(net)  # moves the generators on
    tn.save_checkpoint(tmp_path / "net.npz", net)
    other = chain(tn.Linear(6, 6), tn.Dropout(), block(), tn.Linear(6, 3), seed=4)
    restore_network(tmp_path / "net.npz", other)
    loaded = tn.load_checkpoint(tmp_path / "net.npz")
    expected = copy.deepcopy(net)
    for found in (loaded, other):
        around = chain(tn.Linear(6, 6), copy.deepcopy(found))  # and a network around it leaves it alone
        for each in (found, around["layer1"]):
            for path, array in flat(expected.params).items():
                np.testing.assert_array_equal(flat(each.params)[path], array)
        assert all(np.array_equal(a, b) for a, b in zip(masks(found), masks(copy.deepcopy(expected)), strict=True))


def test_a_loaded_network_that_nobody_has_trained_stays_too(tmp_path):
    net = block()
    tn.save_checkpoint(tmp_path / "net.npz", net)
    loaded = tn.load_checkpoint(tmp_path / "net.npz")
    before = copy.deepcopy(weights(loaded))
    np.testing.assert_array_equal(weights(chain(tn.ReLU(), loaded))[0], before[0])
    restored = block()
    restore_network(tmp_path / "net.npz", restored)
    np.testing.assert_array_equal(weights(chain(tn.ReLU(), restored))[0], before[0])


def test_settings_build_a_network_whose_layers_start_apart():
    net = chain(tn.Linear(6, 6), block(), tn.Linear(6, 6), tn.Dropout())
    made = tn.Network.from_settings(net.settings)
    assert all_different(weights(made)) and all_different(masks(made))
    for a, b in zip(weights(made), weights(net), strict=True):
        np.testing.assert_array_equal(a, b)  # both from the seed 0
    assert all_different(weights(made) + weights(tn.Network.from_settings(net.settings, seed=1)))
    assert "seed" not in str(net.settings)


def test_training_is_the_same_each_time_and_no_longer_that_of_equal_layers():
    x, labels = np.random.default_rng(0).standard_normal((20, 6)).astype("float32"), np.arange(20) % 3

    def trained():
        net = chain(tn.Linear(6, 6), tn.ReLU(), tn.Linear(6, 6), tn.ReLU(), tn.Dropout(), tn.Linear(6, 3))
        tn.fit(net, (x, labels), epochs=2, progress=False)
        return weights(net)

    for a, b in zip(trained(), trained(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_looking_for_layers_ends_where_they_know_each_other():
    one, two = Residual(tn.ReLU()), Residual(tn.ReLU())
    one.other, two.other = two, one
    assert list(unseeded.unseeded(one)) == []


def test_the_weights_of_a_file_stay_though_they_are_those_that_were_drawn(tmp_path):
    net = tn.Network([("fc1", tn.Linear(3, 4)), ("fc2", tn.Linear(4, 2))])
    tn.save_weights(net, tmp_path / "net.pth")
    loaded = tn.load_weights(tn.Network([("fc1", tn.Linear(3, 4)), ("fc2", tn.Linear(4, 2))]), tmp_path / "net.pth")
    tn.Network([("relu", tn.ReLU()), ("net", loaded)])
    np.testing.assert_array_equal(loaded["fc1"].params["w"], net["fc1"].params["w"])
