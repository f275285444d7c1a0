"""Several processes that share batches out do what one process does."""
import json
import subprocess
import sys

import numpy as np
import pytest
from support import several_processes
from support.several_processes import mpirun
from support.skip import Skip

import tinynet as tn
from tinynet.data import Augmentation, Preprocessing
from tinynet.distributed import data_parallel
from tinynet.distributed.data_parallel import DataParallel, part_of
from tinynet.distributed.shared_loader import SharedLoader
from tinynet.distributed.team import Team
from tinynet.errors import ArgumentError, DataError
from tinynet.layers.base import Layer
from tinynet.network.params import flat
from tinynet.training.alike import check_same_settings


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What the trainings of `several_processes` came to."""
    out = tmp_path_factory.mktemp("trained") / "numbers.json"
    done = subprocess.run([*mpirun(4), sys.executable, several_processes.__file__, str(out)], capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


def assert_same(one, two):
    assert one.keys() == two.keys()
    for name in one:
        found, expected = np.array(two[name]), np.array(one[name])
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("name", [
    "sgd 1", "sgd 2", "sgd 3", "sgd 4",
    "towers 2",       # two towers
    "towers-adam 2",  # two towers that went on with a run of one process
    "towers-adam 1",  # one process that went on with a run of two towers
])
def test_parameters_statistics_and_history_are_those_of_one_process(trained, name):
    kind, _ = name.split()
    assert_same(trained[f"{kind} 0"], trained[name])


def test_a_file_that_one_process_cannot_read_is_left_out_of_the_batch_as_in_one(trained):
    one, two = trained["folder 0"], trained["folder 2"]
    (problem,) = one.pop("bad")
    assert two.pop("bad") == [problem] and "77.png" in problem  # told to the first process, whoever met it
    assert_same(one, two)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_parts_make_the_batch(size):
    for count in range(size, 20):
        parts = [part_of(count, number, size) for number in range(size)]
        assert [i for part in parts for i in range(count)[part]] == list(range(count))
        lengths = {part.stop - part.start for part in parts}
        assert max(lengths) - min(lengths) <= 1
    assert all(part_of(size - 1, number, size) == slice(0, size - 1) for number in range(size))


def test_augmentation_of_a_part_draws_what_the_whole_batch_has():
    images = several_processes.noise(9, 0)
    ready = Preprocessing.fit(images, (17, 17), "colour")
    augmentation = Augmentation(pad=1, stretch=1 / 3, colour=tn.data.PCAColour.fit(images))
    whole = augmentation(images.images, ready, np.random.default_rng(5))
    part = augmentation(images.images[4:7], ready, np.random.default_rng(5), 4, 9)
    assert np.array_equal(part, whole[4:7])


class Answers(DataParallel):
    """One of two processes, with what the other one would have answered."""

    def __init__(self, other):
        super().__init__()
        self.size, self.other = 2, other

    def from_first(self, value):
        return self.other

    def from_all(self, value):
        return [None, value]


class OwnNoise(Layer):
    whole_batch = True

    def __init__(self):
        super().__init__()
        self.generator = np.random.default_rng(0)


def test_what_cannot_be_shared_out_is_refused():
    two = Answers(None)
    with pytest.raises(ArgumentError, match="batch_size is 1, expected at least one image for each of the 2 processes"):
        two.check_network(several_processes.network(0), 1)
    own = tn.Network([("noise", OwnNoise()), ("fc", tn.Linear(3, 2))])
    with pytest.raises(ArgumentError, match=r"layer noise \(OwnNoise\) looks at the whole batch, or draws random"):
        two.check_network(own, 8)
    Team().check_network(own, 8)
    with pytest.raises(ArgumentError, match=r"layer skip \(Skip\) looks at the whole batch, or draws random"):
        two.check_network(tn.Network([("skip", Skip(tn.Dropout()))]), 8)
    two.check_network(several_processes.network(0), 8)


def test_a_data_folder_that_differs_between_processes_is_refused():
    with pytest.raises(ArgumentError, match="process 1 has .* other data .*: data.count is 9 there and 8 in process 0"):
        check_same_settings(Answers({"data": {"count": 8}}), {"data": {"count": 9}})
    check_same_settings(Answers({"data": {"count": 8}}), {"data": {"count": 8}})


def test_what_is_no_communicator_is_refused():
    net = several_processes.network(0)
    with pytest.raises(ArgumentError, match="comm is 2, expected a communicator of mpi4py"):
        tn.fit(net, several_processes.noise(8, 0), comm=2)


def test_gradients_go_in_pieces_and_small_ones_together(monkeypatch):
    generator = np.random.default_rng(0)
    grads = {"a": {"w": generator.random((5, 7)), "b": generator.random(3, np.float32)}, "net": {
        "c": {"w": generator.random((4, 30)).T, "b": generator.random(()), "v": generator.random(6, np.float32)}}}
    monkeypatch.setattr(data_parallel, "SMALL", 500)  # bytes: all but the largest, which is no memory in a row
    monkeypatch.setattr(data_parallel, "PIECE", 400)
    sizes = []

    def twice(own, total):
        sizes.append(own.nbytes)
        total[...] = 2 * own

    found = data_parallel.exchanged(grads, twice)
    assert sizes == [8 * 36, 4 * 9, 400, 400, 160]
    for path, array in flat(grads).items():
        assert np.array_equal(flat(found)[path], 2 * array) and flat(found)[path].dtype == array.dtype


class Tells(Answers):
    """One of two processes, of which the other one tells of files that it could not read."""

    def agree(self, count):
        return count + len(self.other)

    def from_all(self, value):
        return [value, self.other]


def test_files_that_are_too_many_together_end_the_training_in_all_processes(tmp_path):
    several_processes.folder_of_images(tmp_path)  # 120
    bad = {47: "77.png is no image"}  # in the other one's half of the first batch
    for told, too_many in ((bad, False), (bad | {5: "5.png is cut off"}, True)):
        images, _ = tn.data.load_image_folder(tmp_path, (19, 19))
        loader = SharedLoader(Tells(told), images, None, 60, threads=0)
        if too_many:
            with pytest.raises(DataError, match=r"2 of 120 files .* cannot be read, more than 1%: .*5.png is cut off"):
                list(loader.batches())
        else:
            assert [len(labels) for _, labels in loader.batches()] == [29, 30]  # half of 59, half of 60
