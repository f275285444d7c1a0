"""How much memory the paper's network needs."""
import subprocess
import sys

import pytest

STEP = """
import resource
import numpy as np
import tinynet as tn

tn.set_threads()
net = tn.alexnet()
images = np.random.default_rng(0).standard_normal((128, 227, 227, 3), dtype=np.float32)
scores, saved = net.forward(images, train=True)
_, dscores = tn.softmax_cross_entropy(scores, np.arange(128))
_, grads = net.backward(dscores, saved, input_gradient=False)
tn.SGD(net).step(grads)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kB on Linux alone")
def test_a_training_step_of_the_papers_network_at_batch_128_fits_in_4_gb():
    done = subprocess.run([sys.executable, "-c", STEP], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 4e6
