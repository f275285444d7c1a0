"""A system without what only Linux, or only a Unix, has: everything imports, and the usual paths work.

It is a stand-in: Python on this machine, from which modules and functions have been taken away.
"""
import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tinynet
from tinynet import files

ROOT = Path(tinynet.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))
UNIX_MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "posix", "syslog", "crypt", "spwd", "nis")
# Read by every Python that starts with its folder on PYTHONPATH, so by the process of an exercise's check too.
HIDE = """
import os, signal, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

for name in {hidden!r}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Hidden())
for name in {functions!r}:
    if hasattr(os, name):
        delattr(os, name)
for name in {signals!r}:
    if hasattr(signal, name):
        delattr(signal, name)
"""
SYSTEMS = {
    "win32": dict(
        hidden=("fcntl", "resource", "pwd", "grp", "termios"), signals=("SIGHUP", "SIGUSR1", "SIGALRM", "SIGPIPE"),
        functions=("sched_getaffinity", "register_at_fork", "fork", "setpgrp", "killpg", "getpgid", "confstr")),
    "darwin": dict(hidden=(), functions=("sched_getaffinity",), signals=()),
}
PROGRAM = """
import importlib, io, pathlib, pkgutil, platform, sys
import asyncio, hypothesis  # which tinynet.testing imports
import matplotlib.figure, multiprocessing.connection, numpy as np, PIL.Image, subprocess, tempfile, threadpoolctl, tqdm

system, folder = sys.argv[1], pathlib.Path(sys.argv[2])
sys.modules["cupy"] = None  # it is not installed
sys.platform = system  # from here on: what has been imported knows what it really runs on
if system == "win32":
    platform.libc_ver = None  # it would read Python's own file
pathlib_exists = pathlib.Path.exists
pathlib.Path.exists = lambda self: not str(self).startswith(("/proc", "/sys")) and pathlib_exists(self)
read_text = pathlib.Path.read_text

def without_proc(self, *args, **more):
    if str(self).startswith(("/proc", "/sys")):
        raise FileNotFoundError(2, "there is none here", str(self))
    return read_text(self, *args, **more)

pathlib.Path.read_text = without_proc
import tinynet as tn
from tinynet import cli

skipped = ("tinynet.__main__", "tinynet.exercises.child")  # programs
for module in pkgutil.walk_packages(tn.__path__, "tinynet."):
    if module.name not in skipped and ".broken." not in module.name:
        importlib.import_module(module.name)

from tinynet.lessons import pooling
from tinynet.ops.threads import available_cores, keep_memory
from tinynet.training.memory import allowed_memory

assert available_cores() >= 1 and not keep_memory() and (allowed_memory() or 1) > 0
for i, part in enumerate(("train/ant", "train/bee", "val/ant", "val/bee")):
    (folder / "data" / part).mkdir(parents=True)
    PIL.Image.new("RGB", (6, 6), (60 * i, 20, 30)).save(folder / "data" / part / "1.png")
run = ["train", "--model", "alexnet-small", "--data", str(folder / "data"), "--run", str(folder / "run"),
       "--image-size", "36"]
for words in (
    [*run, "--epochs", "1"], [*run, "--epochs", "2", "--resume"],
    ["evaluate", str(folder / "run"), "--data", str(folder / "data"), "--confusion", str(folder / "confusion.png")],
    ["predict", str(folder / "data"), "--checkpoint", str(folder / "run"), "--csv", str(folder / "table.csv"),
     "--sheet", str(folder / "sheet.png")],
    ["trace", "--checkpoint", str(folder / "run"), "--html", str(folder / "page.html")],
    ["profile", "lenet5", "--batch-size", "2"], ["summary", "lenet5", "alexnet-small"],
    ["exercise", "1", "--to", str(folder)],
):
    assert cli.main(words) == 0, words
assert cli.main(["exercise", "1", "--to", str(folder), "--check"]) == 1
pooling.run(quick=True, arms=["average 3/2"], epochs=1, images=20, seeds=2, rates=[0.01], folder=folder / "lesson",
            parallel=2)
print("all of it")
"""


@pytest.mark.parametrize("system", ["win32"])  # which lacks all that macOS lacks, and more
@pytest.mark.slow
def test_the_usual_paths_work_without_what_the_system_lacks(system, tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "sitecustomize.py").write_text(HIDE.format(**SYSTEMS[system]), encoding="utf-8")
    path = os.pathsep.join([str(tmp_path / "hidden"), str(ROOT.parent)])
    done = subprocess.run([sys.executable, "-c", PROGRAM, system, str(tmp_path)], capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": path}, cwd=tmp_path, timeout=600)
    assert done.returncode == 0 and done.stdout.endswith("all of it\n"), done.stderr[-3000:]
    assert "2 of 4 points are right" in done.stdout  # the check had its process


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_imports_at_its_top_what_other_systems_lack(source):
    for statement in ast.parse(source.read_text(encoding="utf-8")).body:
        names = [alias.name for alias in statement.names] if isinstance(statement, ast.Import) else []
        names += [statement.module or ""] if isinstance(statement, ast.ImportFrom) and not statement.level else []
        assert not {name.split(".")[0] for name in names} & set(UNIX_MODULES)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_text_file_is_opened_with_its_encoding(source):
    """Without one it would be the system's: Windows has another."""
    for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        given = {keyword.arg for keyword in call.keywords}
        constants = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
        shown = ast.unparse(call)
        if name == "open" and isinstance(call.func, ast.Name):
            assert "encoding" in given or any("b" in str(each) for each in constants) or "devnull" in shown, shown
        elif name in ("read_text", "write_text") and source.name != "memory.py":  # Linux's own files of ASCII
            assert "encoding" in given or "utf-8" in constants, shown


def test_a_file_that_is_open_elsewhere_is_replaced_when_it_is_closed(tmp_path, monkeypatch):
    path, usual, refused, waited = tmp_path / "last.npz", os.replace, [], []

    def replace(new, old):
        if len(refused) < times:
            refused.append(old)
            raise PermissionError(13, "it is being used by another process", str(old))
        usual(new, old)

    monkeypatch.setattr(files.os, "replace", replace)
    monkeypatch.setattr(files.time, "sleep", waited.append)
    for windows, times, replaced in ((True, 3, True), (True, len(files.PATIENCE), True), (True, 100, False),
                                     (False, 1, False)):
        path.write_bytes(b"old")
        refused.clear()
        waited.clear()
        monkeypatch.setattr(files, "WINDOWS", windows)
        try:
            with files.atomic_write(path) as file:
                file.write(b"new")
        except PermissionError as error:
            assert not replaced and error.filename == str(path)
        assert path.read_bytes() == (b"new" if replaced else b"old") and list(tmp_path.iterdir()) == [path]
        assert waited == list(files.PATIENCE[:times] if windows else ())
