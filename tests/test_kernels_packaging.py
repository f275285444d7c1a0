"""The kernels come along: in a wheel, in an editable install, in a clone."""
import configparser
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from kernel_checks import FILES

from tinynet.primitives import on_gpu

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def packages() -> list[str]:
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    return config["options"]["packages"].split()


def test_every_folder_of_modules_is_named(packages):
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "tinynet").rglob("__init__.py")}
    assert found | {"tinynet.kernels"} == set(packages), "[options] packages of setup.cfg"


def test_a_wheel_has_the_kernels_and_finds_them(tmp_path):
    build = "import setuptools.build_meta as b, sys; b.build_wheel(sys.argv[1], {}, None)"
    copy = tmp_path / "source"  # a build leaves folders where it runs
    copy.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "tinynet", "kernels"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(copy)], check=True)
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=copy, check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    where = "from tinynet.primitives import on_gpu; print(on_gpu.folder(), len(on_gpu.source('im2col', 'float')))"
    run = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path / "installed", check=True, capture_output=True, text=True
    )
    folder, length = run.stdout.split()
    assert Path(folder) == tmp_path / "installed" / "tinynet" / "kernels"
    assert int(length) == len(on_gpu.source("im2col", "float"))
    assert {path.stem for path in Path(folder).glob("*.cu")} == set(FILES)
