"""A wheel has all that belongs to tinynet: modules, kernels, the page's files; in a clone the kernels are found too."""
import configparser
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.kernel_checks import FILES

from tinynet.ops import cuda_ops

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def packages() -> list[str]:
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    return config["options"]["packages"].split()


def test_every_folder_of_modules_is_named(packages):
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "tinynet").rglob("__init__.py")}
    assert found | {"tinynet.kernels"} == set(packages), "[options] packages of setup.cfg"


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """What is in a wheel, unpacked, as an installation does it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = "import setuptools.build_meta as b, sys; b.build_wheel(sys.argv[1], {}, None)"
    copy = folder / "source"  # a build leaves folders where it runs
    copy.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "tinynet", "kernels"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(copy)], check=True)
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=copy, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def test_a_wheel_has_every_file(installed):
    here = {path.relative_to(ROOT) for path in (ROOT / "tinynet").rglob("*.*") if "__pycache__" not in path.parts}
    here |= {Path("tinynet", path.relative_to(ROOT)) for path in (ROOT / "kernels").glob("*.*")}
    there = {path.relative_to(installed) for path in installed.rglob("*.*")}
    assert here - there == {Path("tinynet/kernels/README.md")}


def test_a_wheel_has_the_kernels_and_finds_them(installed):
    where = "from tinynet.ops import cuda_ops; print(cuda_ops.folder(), len(cuda_ops.source('im2col', 'float')))"
    run = subprocess.run([sys.executable, "-c", where], cwd=installed, check=True, capture_output=True, text=True)
    folder, length = run.stdout.split()
    assert Path(folder) == installed / "tinynet" / "kernels"
    assert int(length) == len(cuda_ops.source("im2col", "float"))
    assert {path.stem for path in Path(folder).glob("*.cu")} == set(FILES)
