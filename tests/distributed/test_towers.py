"""A network is cut in two towers as figure 2 of the paper has them; what cannot be cut is refused."""
import numpy as np
import pytest
from support.several_processes import two_towers

import tinynet as tn
from tinynet.distributed import team_of
from tinynet.distributed.data_parallel import DataParallel
from tinynet.distributed.team import Team
from tinynet.distributed.towers import crossing_table, crossings, cut
from tinynet.errors import ArgumentError
from tinynet.layers import conv, linear
from tinynet.network.params import flat
from tinynet.training.alike import check_adds_up


class Second(Team):
    """The second of two processes, which says nothing."""

    def __init__(self):
        super().__init__()
        self.number, self.size = 1, 2


@pytest.fixture
def paper(monkeypatch):
    """The paper's network with weights of 0: drawing 61 million takes longer than the tests."""
    for module in (conv, linear):
        monkeypatch.setattr(module, "random_weights", lambda shape, *others: np.zeros(shape, np.float32))
    return tn.alexnet()


def test_the_paper_s_towers_have_the_shapes_of_figure_2(paper):
    tower = cut(paper, Team())
    shapes = tower.shapes((227, 227, 3))
    expected = {
        "conv1": (55, 55, 48), "pool1": (27, 27, 48), "conv2": (27, 27, 128), "pool2": (13, 13, 128),
        "conv3": (13, 13, 192), "conv4": (13, 13, 192), "conv5": (13, 13, 128), "fc6": (2048,), "fc7": (2048,),
        "fc8": (1000,),
    }
    assert {name: shapes[name] for name in expected} == expected
    weights = {name: tower[name].params["w"].shape for name in ("conv2", "conv3", "conv4", "fc6", "fc7", "fc8")}
    assert weights == {"conv2": (5, 5, 48, 128), "conv3": (3, 3, 256, 192), "conv4": (3, 3, 192, 192),
                       "fc6": (9216, 2048), "fc7": (4096, 2048), "fc8": (2048, 1000)}
    assert [name for name in tower.layers if name not in paper.layers] == ["both_conv3", "both_fc6", "both_fc7"]


def test_what_crosses_in_front_of_each_layer(paper):
    assert {each.layer: (each.forward, each.back) for each in crossings(paper)} == {
        "conv3": (13 * 13 * 128,) * 2, "fc6": (6 * 6 * 128,) * 2, "fc7": (2048,) * 2, "fc8": (1000, 0),
    }
    lines = crossing_table(paper, batch_size=128).splitlines()
    assert lines[-1].split()[-1] == f"{4 * paper.parameter_count / 1e6:.2f}"
    assert lines[-2].split() == ["sum", "29.48"]


def test_the_two_towers_have_all_parameters_between_them():
    net = two_towers()
    one, two = flat(cut(net, Team()).params), flat(cut(net, Second()).params)
    for path, whole in flat(net.params).items():
        if path == ("fc7", "b"):
            parts = one[path]
        else:
            parts = np.concatenate([one[path], two[path]], axis=0 if path == ("fc7", "w") else -1)
        assert np.array_equal(parts, whole), path
    assert not any(np.shares_memory(one[path], whole) for path, whole in flat(net.params).items())


class Own(tn.ReLU):
    """Of a user's own, perhaps with other mathematics."""


def test_what_cannot_be_cut_is_refused():
    first = [("conv1", tn.Conv2d(3, 4, 3)), ("conv2", tn.Conv2d(4, 4, 3, groups=2))]
    last = [("flatten", tn.Flatten()), ("fc3", tn.Linear(16, 2))]
    for layers, message in (
        ([("conv1", tn.Conv2d(3, 4, 3)), *last], "has no two towers: expected convolutions in two groups"),
        ([*first, ("own", Own()), *last], r"layer own \(Own\) cannot be cut in two towers: expected one of ReLU"),
        ([*first, ("norm", tn.LocalResponseNorm()), *last], "layer norm .* cannot be cut .* response normalization in"),
        ([("conv1", tn.Conv2d(4, 4, 3, groups=2)), *last], "layer conv1 .* cannot be cut"),
        ([*first, *last], "layer fc3 .* cannot be cut"),
    ):
        with pytest.raises(ArgumentError, match=message):
            cut(tn.Network(layers), Team())
    with pytest.raises(ArgumentError, match=r"two towers need two processes, not 1: mpirun -n 2 .*tinynet\[mpi\]"):
        team_of(None, "towers")
    with pytest.raises(ArgumentError, match="split is 'layers', expected one of 'batch', 'towers'"):
        team_of(None, "layers")


class OwnStep(tn.SGD):
    def step(self, grads):
        self.update(flat(self.net.params), flat(grads))


def test_an_optimizer_that_would_not_add_gradients_up_is_refused():
    net = two_towers()
    with pytest.raises(ArgumentError, match="OwnStep has a step of its own, which does not add up"):
        check_adds_up(Second(), OwnStep(net))
    check_adds_up(Team(), OwnStep(net))
    check_adds_up(Second(), tn.Adam(net))
    assert DataParallel.part(Second(), 5) == slice(2, 5)
