"""What the documents name exists: links, paths, moved modules and new names; and the examples do what they say."""
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ["CONTRIBUTING.md", "docs/design.md", "docs/platforms.md", "docs/browser.md", "docs/processes.md",
         "docs/teachers.md", "docs/reliability.md", "docs/lessons.md", "docs/gpu.md", "docs/networks.md",
         "docs/weights.md", "docs/using.md", "CHANGELOG.md", "README.md", "examples/README.md",
         "tinynet/data/photographs/README.md"]
FOLDERS = "tinynet|tests|docs|examples|benchmarks|kernels|results|notebooks"
CHANGES = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
MOVED = re.findall(r"^\| `(tinynet\.[\w.]+)` \| (`.+?`) \| (yes|package|) ?\|$", CHANGES, re.MULTILINE)
NEW_NAMES = re.findall(r"`(tinynet\.[\w.]+)`", CHANGES.split("with a new name")[1].split("## 0.1")[0])


def paths_in(text):
    """Paths in links, from the page's folder, and those in backticks that begin with one of our folders."""
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
    quoted = [path for code in re.findall(r"`([^`\n]+)`", text)
              for path in re.findall(rf"(?<![\w./])(?:{FOLDERS})/[\w./-]*", code)]
    return links, quoted


@pytest.mark.parametrize("page", PAGES)
def test_every_link_and_every_path_of_ours_is_there(page):
    links, quoted = paths_in((ROOT / page).read_text(encoding="utf-8"))
    assert links
    missing = [path for path in links if not (ROOT / page).parent.joinpath(path).exists()]
    assert missing + [path for path in quoted if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("drawing", ["path_of_a_step", "path_of_an_explanation"])
def test_every_file_in_a_drawing_is_there(drawing):
    boxes = re.findall(r'class="file"[^>]*>([^<]+)<', (ROOT / "docs" / f"{drawing}.svg").read_text(encoding="utf-8"))
    names = [name.replace("...", "tracing/explain") for box in boxes for name in re.findall(r"[\w./*]+\.\w+", box)]
    assert len(names) > 8
    assert [name for name in names if not (any(ROOT.glob(name)) or (ROOT / "tinynet" / name).exists())] == []


@pytest.mark.parametrize(("old", "new", "mark"), MOVED, ids=[row[0] for row in MOVED])
def test_a_moved_module_is_where_the_table_says(old, new, mark):
    if re.search(r"plots|pictures", new):
        pytest.importorskip("matplotlib")
    for name in re.findall(r"`(.+?)`", new):
        importlib.import_module(name)
    if mark:
        importlib.import_module(old)


def test_the_table_has_every_old_name_that_still_imports():
    from tinynet.moved import MOVED as KEPT

    assert {old: new.split("`")[1] for old, new, mark in MOVED if mark == "yes"} == KEPT


@pytest.mark.parametrize("name", NEW_NAMES)
def test_a_new_name_is_there(name):
    parts = name.split(".")
    for end in range(len(parts), 0, -1):  # the longest part that is a module; below it attributes and fields
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            assert hasattr(found, part) or part in getattr(found, "__annotations__", {}), name
            found = getattr(found, part, None)
        return


def run_example(name):
    done = subprocess.run([sys.executable, ROOT / "examples" / name], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_a_gradient_check_finds_the_planted_mistake_alone():
    assert run_example("gradient_check.py").count("WRONG") == 1


@pytest.mark.slow
def test_the_example_of_a_test_suite_passes_and_fails_for_a_wrong_gradient(tmp_path):
    suite = (ROOT / "examples" / "test_my_layer.py").read_text(encoding="utf-8")
    wrong = suite.replace("dx[window] += won", "dx[window] = won")  # = instead of +=
    for text, result in ((suite, "3 passed"), (wrong, "1 failed, 2 passed")):
        (tmp_path / "test_my_layer.py").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=tmp_path)
        assert result in done.stdout, done.stdout
    assert "MyMaxPool: the gradient of x is wrong" in done.stdout


@pytest.mark.slow
def test_the_example_of_a_training_runs_and_its_loss_falls(tmp_path):
    """With a quarter of its images; .ci/run runs it whole."""
    text = (ROOT / "examples" / "training_loop.py").read_text(encoding="utf-8")
    (tmp_path / "short.py").write_text(text.replace("2400", "600").replace("1000", "200"), encoding="utf-8")
    *epochs, last = run_example(tmp_path / "short.py").splitlines()
    losses = [float(re.search(r"loss (\d\.\d+)", line)[1]) for line in epochs]
    assert len(losses) == 5 and losses[-1] < losses[0] - 0.05, epochs
    assert re.match(r"on the test set: top-1 error \d+\.\d+%", last), last
