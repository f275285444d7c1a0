"""What several test files share."""
import os
import sys
from pathlib import Path

import pytest
from hypothesis import Phase, settings

# Numbers drawn the same way in every run, so that a failure here is a failure everywhere.
settings.register_profile("tinynet", deadline=None, derandomize=True, max_examples=25)
# For mutation testing, which asks whether a test fails, not at which smallest numbers.
settings.register_profile("mutants", settings.get_profile("tinynet"), phases=[Phase.explicit, Phase.generate])
settings.load_profile("tinynet")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with mnist/, imagenet-sample/ and the CIFAR-10 archive, from the environment."""
    folder = os.environ.get("TINYNET_DATA")
    if not folder:
        pytest.skip("TINYNET_DATA does not name a folder with the real data sets")
    return Path(folder)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch):
    """A strict stand-in for CuPy, in CuPy's place."""
    from support import strict_cupy

    module = strict_cupy.make()
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module
