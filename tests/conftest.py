"""What several test files share."""
import os
import sys
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from support import no_threads

from tinynet.network import fast

# Numbers drawn the same way in every run, so that a failure here is a failure everywhere.
settings.register_profile("tinynet", deadline=None, derandomize=True, max_examples=25)
# For mutation testing, which asks whether a test fails, not at which smallest numbers.
settings.register_profile("mutants", settings.get_profile("tinynet"), phases=[Phase.explicit, Phase.generate])
settings.load_profile("tinynet")
if no_threads.wanted():
    no_threads.take_away()
    collect_ignore = list(no_threads.NOT_COLLECTED)


# For whoever changes a layer: `pytest -m quick`, under 45 seconds.
QUICK = (
    "layers/test_layers.py", "layers/test_layers_by_hand.py", "layers/test_settings.py", "layers/test_loss.py",
    "layers/test_own_layers.py", "network/test_network.py", "network/test_fast.py", "network/test_fast_conv.py",
    "network/test_check_returned.py", "training/test_step.py", "training/test_loop.py", "training/test_optim.py",
    "training/test_adam.py", "cli/test_parser.py",
)
# Tests of time, memory and threads, which other tests beside them would disturb: `pytest -m alone`.
ALONE = (
    "ops/test_threads.py", "measure/test_profiling.py", "training/test_memory.py", "training/test_interrupt.py",
    "reliability/test_memory.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Give the tests of these files their marks, before the command line's -m chooses among them."""
    for item in items:
        file = item.path.relative_to(Path(__file__).parent).as_posix() if item.path.is_relative_to(
            Path(__file__).parent) else ""
        for mark, files in (("quick", QUICK), ("alone", ALONE)):
            if file in files:
                item.add_marker(mark)
        if no_threads.wanted() and getattr(item, "originalname", "") in no_threads.SKIPPED.get(file, ()):
            item.add_marker(pytest.mark.skip(reason="it starts a process itself"))


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with mnist/, imagenet-sample/ and the CIFAR-10 archive, from the environment."""
    folder = os.environ.get("TINYNET_DATA")
    if not folder:
        pytest.skip("TINYNET_DATA does not name a folder with the real data sets")
    return Path(folder)


@pytest.fixture(autouse=True)
def every_class_is_trusted_again():
    """A test in which a layer gives other numbers than its fast implementation leaves no mark on the next one."""
    yield
    fast._differ.clear()


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch):
    """A strict stand-in for CuPy, in CuPy's place; with TINYNET_GPU_TESTS=real CuPy, for `pytest -m gpu` on a GPU."""
    if os.environ.get("TINYNET_GPU_TESTS") == "real":
        return pytest.importorskip("cupy")
    from support import strict_cupy

    module = strict_cupy.make()
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module
