"""One of several processes is killed, stopped or in trouble: all end, and nothing is lost."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.faulty_runs import ended, position, start_command, trouble, wait_for, write_digits
from support.several_processes import mpirun, started_by

import tinynet as tn
from tinynet.distributed import team


def wait_for_checkpoint(process, run, after=None):
    end = time.monotonic() + 120
    while (position(run) or (0, 0)) <= (after or (0, 0)) and process.poll() is None and time.monotonic() < end:
        wait_for(process, time.monotonic() + 0.1)
    assert process.poll() is None, ended(process)
    return position(run)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in Linux's /proc")
def test_stopped_by_ctrl_c_then_killed_in_one_folder(tmp_path):
    """Two processes, a second run in their folder, Ctrl-C; then three go on, and one of them is killed."""
    two, three = mpirun(2), mpirun(3)
    data, run = tmp_path / "digits", tmp_path / "run"
    write_digits(data)

    process = start_command(data, run, before=two)
    wait_for_checkpoint(process, run)
    code, text = ended(start_command(data, run, before=two))
    assert code == 2 and text.count("is in use by another run") == 1
    process.send_signal(signal.SIGINT)
    code, text = ended(process)
    assert code == 130 and text.count("tinynet: stopped") == 1
    assert text.count("the same command with --resume continues the run") == 1
    assert not list(trouble(run))
    stopped = position(run)

    process = start_command(data, run, before=three)
    wait_for_checkpoint(process, run, stopped)
    at, victim = time.monotonic(), started_by(process)[1]
    os.kill(victim, signal.SIGKILL)
    code, text = ended(process)
    assert code != 0 and time.monotonic() - at < 10
    assert not list(trouble(run, stopped))


NAN_IN_ONE = """
import os, signal, sys
import numpy as np
import tinynet as tn
from mpi4py import MPI
from support import strict_cupy
from tinynet.distributed import take_own_card

second, after = MPI.COMM_WORLD.rank == 1, None
images = np.random.default_rng(0).standard_normal((40, 6), dtype=np.float32)
images[33] = np.nan
net = tn.Network([("fc1", tn.Linear(6, 5)), ("bn", tn.BatchNorm1d(5)), ("fc2", tn.Linear(5, 3))])
def planted(*args):
    raise RuntimeError("planted")
def stop(net, epoch):
    if epoch == 1 and second:
        sys.exit("enough")
def interrupt(net, epoch):
    if epoch == 1 and second:
        os.kill(os.getpid(), signal.SIGINT)
def other_last_bits(train, planted=tn.data.PCAColour.fit):
    found = planted(train)
    return tn.data.PCAColour(np.nextafter(found.eigenvalues, 1e9), found.eigenvectors)
if sys.argv[1] == "nan":
    tn.fit(net, (images, np.arange(40) % 3), batch_size=40, comm=MPI.COMM_WORLD)
elif sys.argv[1] == "recipe":
    if second:
        net.recipe["schedule"] = {"kind": "step", "epochs": [1]}
    tn.fit(net, (images[:30], np.arange(30) % 3), batch_size=30, epochs=1, comm=MPI.COMM_WORLD)
elif sys.argv[1] == "colour":
    if second:
        tn.data.PCAColour.fit = other_last_bits
    data = tn.data.draw_shapes(12, 16)
    net = tn.Network([("conv1", tn.Conv2d(3, 2, 5)), ("flatten", tn.Flatten()), ("fc2", tn.Linear(288, 10))],
                     input_shape=(16, 16, 3), recipe={"augmentation": {"colour": True}})
    tn.fit(net, data, batch_size=12, epochs=1, comm=MPI.COMM_WORLD, progress=False)
else:
    if sys.argv[1] == "device" and second:
        cupy = sys.modules["cupy"] = strict_cupy.make()
        sys.modules["cupy.cuda"] = cupy.cuda
    if sys.argv[1] == "device":
        take_own_card(MPI.COMM_WORLD)
        net = tn.to_gpu(net) if second else net
    if sys.argv[1] == "one" and second:
        tn.SGD.update = planted
    after = {"exit": stop, "ctrl-c": interrupt}.get(sys.argv[1])
    tn.fit(net, (images[:30], np.arange(30) % 3), batch_size=30, epochs=1, comm=MPI.COMM_WORLD, after_epoch=after)
print("went on")
"""


@pytest.mark.parametrize(("what", "code", "message"), [
    ("nan", 2, "tinynet: training stopped in epoch 1 after 0 batches: the loss is nan: the images themselves are not "
               "finite"),
    ("one", 1, "RuntimeError: planted"),
    ("exit", 1, "tinynet, process 1: enough"),                                 # which MPI's end would wait for
    ("recipe", 2, "tinynet: fit: process 1 has another network, other data or other settings than process 0: schedule"),
    ("device", 2, "tinynet: fit: process 1 has its network on a GPU and process 0 on the CPU; all "),
])
def test_a_process_that_raises_ends_all_with_its_message_once(what, code, message):
    done = in_two_processes(what)
    assert done.returncode == code, done.stderr
    assert done.stderr.count(message) == 1 and "went on" not in done.stdout


def in_two_processes(what):
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return subprocess.run([*mpirun(2), sys.executable, "-c", NAN_IN_ONE, what], capture_output=True, text=True,
                          timeout=300, env=os.environ | {"PYTHONPATH": paths})


def test_ctrl_c_after_the_last_batch_stops_all():
    done = in_two_processes("ctrl-c")
    assert done.returncode != 0 and "went on" not in done.stdout
    assert done.stderr.count("tinynet.distributed.team.AllStopped") == 2


def test_colours_of_another_processor_differ_in_their_last_bits_and_are_process_0s():
    done = in_two_processes("colour")
    assert done.returncode == 0 and done.stdout.count("went on") == 2, done.stderr


def test_without_mpi4py_a_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setenv("PMI_SIZE", "2")
    with pytest.raises(tn.errors.ArgumentError, match=r"mpirun has started 2 processes.* pip install 'tinynet\[mpi\]'"):
        team.started_by_mpirun()
    monkeypatch.setenv("PMI_RANK", "1")
    with pytest.raises(SystemExit):  # the first has said it
        team.started_by_mpirun()
    monkeypatch.delenv("PMI_SIZE")
    assert team.started_by_mpirun() is None


def test_an_mpirun_of_another_mpi_is_noticed(monkeypatch):
    class Alone:
        size = 1

    mpi4py = type(sys)("mpi4py")
    mpi4py.MPI = type(sys)("MPI")
    mpi4py.MPI.COMM_WORLD = Alone()
    monkeypatch.setitem(sys.modules, "mpi4py", mpi4py)
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "3")
    with pytest.raises(tn.errors.ArgumentError, match="started 3 processes, and mpi4py knows of 1: they belong to"):
        team.started_by_mpirun()
