"""A training in a thread of the caller's own, which goes on when the main thread has ended."""
import csv
import subprocess
import sys

import numpy as np
import pytest
from support.small_network import batch, network

import tinynet as tn

PROGRAM = """
import sys, threading
sys.path.insert(0, {tests!r})
from support.small_network import batch, network
import tinynet as tn

tn.set_threads(2)
begun = threading.Event()

class Watched(tn.SGD):
    def step(self, grads):
        super().step(grads)
        begun.set()

def work():
    if {after_the_end}:
        threading.main_thread().join()  # pools are closed before
    net = network()
    tn.fit(net, batch(), batch(20), epochs=2, batch_size=8, optimizer=Watched(net, 0.01), run={run!r})
    tn.evaluate(net, batch())

threading.Thread(target=work).start()
{after_the_end} or begun.wait()
"""


@pytest.mark.parametrize("after_the_end", [True, False])
def test_a_training_goes_on_when_the_main_thread_ends(after_the_end, tmp_path, request):
    run, tests = str(tmp_path / "run"), str(request.config.rootpath / "tests")
    program = PROGRAM.format(tests=tests, after_the_end=after_the_end, run=run)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("main thread has ended, and Python has closed its thread pools") == 1, done.stderr
    assert "Error" not in done.stderr and done.stdout.count("epoch") == 2
    with open(tmp_path / "run" / "metrics.csv") as file:
        losses = [float(row["validation_loss"]) for row in csv.DictReader(file)]
    net = network()
    history = tn.fit(net, batch(), batch(20), epochs=2, batch_size=8, optimizer=tn.SGD(net, 0.01), progress=False)
    assert losses == [row["validation_loss"] for row in history]
    kept = tn.load_checkpoint(tmp_path / "run" / "last.npz")
    np.testing.assert_array_equal(kept["conv1"].params["w"], net["conv1"].params["w"])
