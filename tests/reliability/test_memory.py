"""A training that does not fit into the memory that it may have says what it needs."""
import mmap
import re
import resource
import subprocess
import sys

import numpy as np
import pytest

import tinynet as tn
from tinynet import cli
from tinynet.errors import OutOfMemoryError
from tinynet.training import memory
from tinynet.training.memory import explain_memory, needed

LIMITED = """
import resource, sys
import numpy as np
import tinynet as tn
from tinynet.training import memory

megabytes, batch_size, foreseen = int(sys.argv[1]), int(sys.argv[2]), sys.argv[4] == "foreseen"
tn.set_threads(1)
net = tn.alexnet_small(size=64)
data = np.zeros((batch_size, 64, 64, 3), np.float32), np.arange(batch_size) % 10
size = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmSize:"))
if not foreseen:
    memory.allowed_memory = lambda: None  # as where it cannot be found out
limit = 1024 * size + megabytes * 1_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    tn.fit(net, data, epochs=1, batch_size=batch_size, run=sys.argv[3], progress=False, loader_threads=0)
except tn.errors.OutOfMemoryError as error:
    sys.exit(str(error))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited and measured as on Linux")
@pytest.mark.parametrize(("megabytes", "batch_size", "when", "start"), [
    (40, 256, "foreseen", r"out of memory: the process may have 0\.0\d+ GB more, and a step"),
    (250, 128, "met", r"out of memory with a batch of 128 images \(Unable to allocate "),  # 335 do
])
def test_a_run_under_a_limit_says_what_it_needs(megabytes, batch_size, when, start, tmp_path):
    command = [sys.executable, "-c", LIMITED, str(megabytes), str(batch_size), str(tmp_path), when]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and re.match(start, done.stderr), done.stderr
    assert "a step of alexnet-small needs about 0." in done.stderr and "2.76 MB for each image" in done.stderr
    assert not list(tmp_path.glob("*.partial"))


def test_what_a_step_of_the_papers_network_needs():
    net = tn.alexnet()
    assert needed(net, (227, 227, 3), 128)[1] == (
        "a step of alexnet needs about 1.7 GB beside the program and the data, 732 MB for parameters, gradients and "
        "what the optimizer keeps, and 7.74 MB for each image. A smaller batch (--batch-size, batch_size) needs less"
    )
    with_sgd, with_adam = (needed(net, (227, 227, 3), 128, kind(net)) for kind in (tn.SGD, tn.Adam))
    assert with_adam[0] - with_sgd[0] == 4 * net.parameter_count and ", 975 MB for parameters" in with_adam[1]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited and measured as on Linux")
def test_the_least_limit_counts(tmp_path, monkeypatch):
    for file, text in {"memory.max": "max", "slice/memory.max": "5000000000", "slice/job/memory.max": "max",
                       "memory/memory.limit_in_bytes": "9223372036854771712", "memory/job/memory.limit_in_bytes": "6e9",
                       "memory/other/memory.limit_in_bytes": "7000000000", "memory.limit_in_bytes": "1000"}.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(f"{text}\n")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY,) * 2)
    monkeypatch.setattr(memory, "GROUPS", tmp_path)
    monkeypatch.setattr(memory, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(memory, "machine_memory", lambda: None)
    assert memory.allowed_memory() is None
    for own, least, most in [("0::/", None, None), ("odd\n", None, None),
                             ("0::/slice/job", 3e9, 5e9), ("0::/slice/gone\n", 3e9, 5e9),
                             ("9:memory:/other\n4:cpu,cpuacct:/slice\n", 5e9, 7e9), ("4:cpu:/slice", None, None)]:
        (tmp_path / "own").write_text(own)
        found = memory.allowed_memory()
        assert found is None if least is None else least < found < most
    (tmp_path / "own").write_text("0::/slice")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (4_000_000_000,) * 2)
    assert memory.allowed_memory() < 4_000_000_000
    monkeypatch.setattr(memory, "machine_memory", lambda: 2_000_000_000)
    assert memory.allowed_memory() < 2_000_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="compares with /proc")
def test_the_machine_has_the_memory_that_the_system_says():
    total = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemTotal:"))
    assert memory.machine_memory() == pytest.approx(1024 * total, rel=0.05)
    size, resident = memory.taken_memory()
    with mmap.mmap(-1, 50_000_000) as pages:  # which no array before has left behind
        pages.write(bytes(1000) * 50_000)
        assert memory.taken_memory()[1] - resident == pytest.approx(len(pages), rel=0.2) and resident < size


@pytest.fixture
def no_limits(monkeypatch, tmp_path):
    """A system that limits no process."""
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY,) * 2)
    monkeypatch.setattr(memory, "OWN_GROUPS", tmp_path / "none")


def test_a_need_beyond_the_machines_memory_is_refused_without_any_limit(no_limits, monkeypatch):
    monkeypatch.setattr(memory, "machine_memory", lambda: 25_000_000_000)
    with pytest.raises(OutOfMemoryError, match=r"may have 2\d GB more, and a step of alexnet needs about 128 GB"), \
            explain_memory(tn.alexnet(), (227, 227, 3), 16_384):
        pass
    with explain_memory(tn.alexnet(), (227, 227, 3), 128):
        pass


def test_elsewhere_than_on_linux_the_machines_memory_counts_alone(no_limits, monkeypatch):
    monkeypatch.setattr(memory, "Path", lambda name: memory.OWN_GROUPS)  # there is no /proc
    monkeypatch.setattr("os.sysconf", {"SC_PHYS_PAGES": 2**20, "SC_PAGE_SIZE": 4096}.get)
    assert memory.taken_memory() == (0, 0) and memory.allowed_memory() == 2**32
    monkeypatch.setattr("os.sysconf", lambda name: -1)
    assert memory.allowed_memory() is None
    monkeypatch.delattr("os.sysconf")  # Windows
    assert memory.allowed_memory() is None


def test_memory_is_not_asked_for_images_that_a_small_data_set_does_not_have(monkeypatch):
    monkeypatch.setattr(memory, "allowed_memory", lambda: 10_000_000_000)
    net = tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(48, 2))], input_shape=(4, 4, 3))
    data = np.zeros((6, 4, 4, 3), np.float32), np.arange(6) % 2
    assert len(tn.fit(net, data, epochs=1, batch_size=10**9, progress=False)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited and measured as on Linux")
def test_a_limit_that_is_passed_already_leaves_nothing(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1000,) * 2)
    with pytest.raises(OutOfMemoryError, match="the process may have 0 GB more"), \
            explain_memory(tn.lenet5(), (32, 32, 1), 8):
        pass


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError), explain_memory(tn.lenet5(), (32, 32, 1), 8):
        raise ZeroDivisionError
    with pytest.raises(OutOfMemoryError, match=r"a batch of 8 images \(no room\): a step of lenet5 needs about"), \
            explain_memory(tn.lenet5(), (32, 32, 1), 8):
        raise MemoryError("no room")


def test_the_command_line_prints_a_line(monkeypatch, capsys):
    def too_large(*given):
        np.empty(1 << 60, np.uint8)

    monkeypatch.setattr("tinynet.cli.commands.load_data", too_large)
    assert cli.main(["train", "--model", "lenet5", "--data", "shapes"]) == 2
    assert capsys.readouterr().err.startswith("tinynet: out of memory: Unable to allocate 1.00 EiB for an array")
