"""Students' files that would take a program down, and the command line around them."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinynet import cli
from tinynet.errors import DataError
from tinynet.exercises import sandbox
from tinynet.exercises.catalogue import EXERCISES, find_exercise

RELU = find_exercise(1)

NASTY = {
    "syntax": ("class ReLU(:\n", "line 1: Python cannot read the file: invalid syntax\n    class ReLU(:"),
    "endless": ("import tinynet as tn\nclass ReLU(tn.Layer):\n    def forward(self, x, train=False):\n"
                "        while True: pass\n", "line 4: it did not finish within 1 seconds"),
    "exit": ("import sys\nsys.exit(0)\n", "line 2: the file ends the program itself"),
    "os exit": ("import os\n\nos._exit(0)\n", "line 3: the file ends the program itself"),
    "abort": ("import os\nos.abort()\n", "line 2: Python itself crashed (Aborted)"),
    "exception": ("x = 1\n\n1 / 0  # here\n", "line 3: ZeroDivisionError: division by zero\n    1 / 0  # here"),
    "recursion": ("def f():\n    return f()\nf()\n", "line 2: infinite recursion: a function calls itself without end"),
    "input": ("input()\n", "line 1: the file waits for input"),
    "interrupt": ("raise KeyboardInterrupt\n", "line 1: KeyboardInterrupt"),
    "empty": ("", "the file defines no ReLU; it defines nothing"),
    "other name": ("class Relu: pass\n", "it defines Relu"),
    "no descriptors": ("import os\nos.closerange(0, 100)\n1 / 0\n", "line 3: ZeroDivisionError"),
    "left behind": ("import atexit, threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
                    "atexit.register(time.sleep, 60)\n1 / 0\n", "line 4: ZeroDivisionError"),
}


def check(tmp_path, text, **limits):
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    return sandbox.check_file(RELU, path, **({"seconds": 1} | limits))


@pytest.mark.parametrize("name", NASTY)
def test_nasty_files_are_told_with_their_line(tmp_path, name):
    text, told = NASTY[name]
    verdict = check(tmp_path, text)
    assert told in verdict.failure and not verdict.solved
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"], "nothing is left beside it"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems may not limit a process's memory")
def test_memory_is_limited(tmp_path):
    verdict = check(tmp_path, "import numpy as np\na = np.ones(10**9)\n")  # 8 GB, of which 2 are given
    assert "line 2: it needs more memory than a check may use" in verdict.failure


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_killed_check_is_told(tmp_path):
    verdict = check(tmp_path, "import os\nos.kill(os.getpid(), 9)\n")
    assert "killed by signal 9" in verdict.failure


def test_a_file_that_switches_the_clock_off_is_ended_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "START", 1.0)
    verdict = check(tmp_path, "import faulthandler\nfaulthandler.cancel_dump_traceback_later()\nwhile True: pass\n")
    assert "did not finish within 1 seconds" in verdict.failure


def test_what_a_file_prints_is_shown_cut_short_and_without_control_characters(tmp_path):
    verdict = check(tmp_path, RELU.solved + "\nprint('gr\u00fc\u00df', '\\x1b[31m')\nprint('x' * 10**7)\n", seconds=10)
    assert verdict.solved and verdict.printed.startswith("gr\u00fc\u00df ?[31m\nxxx")
    assert len(verdict.printed) < 2 * sandbox.PRINTED and verdict.printed.endswith("(and more)")


def test_a_folder_with_a_module_called_numpy_does_no_harm(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    assert check(tmp_path, RELU.solved, seconds=10).solved


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "mine.py"
    for content in (b"\xff\xfe\x00", b"x = '\xe9'\n"):
        path.write_bytes(content)
        assert "Python cannot read the file" in sandbox.check_file(RELU, path).failure


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match="the file .* does not exist; `tinynet exercise 1` writes it"):
        sandbox.check_file(RELU, tmp_path / RELU.file_name)
    with pytest.raises(DataError, match="is a folder, expected the file of exercise 1"):
        sandbox.check_file(RELU, tmp_path)


def run(capsys, *arguments):
    code = cli.main(["exercise", *(str(argument) for argument in arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_the_list_names_every_exercise(capsys):
    code, out, _ = run(capsys)
    assert code == 0 and all(exercise.title in out and exercise.wanted in out for exercise in EXERCISES)


def test_write_check_mend_check(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, 6)
    path = Path("exercise_06_linear_transpose.py")
    assert code == 0 and str(path) in out and path.read_text(encoding="utf-8") == find_exercise(6).broken
    code, out, _ = run(capsys, 6, "--check")
    assert code == 1 and "wrong  gradient of x, 5 rows" in out and "Linear: the gradient of x is wrong" in out
    path.write_text(find_exercise(6).solved, encoding="utf-8")
    code, out, _ = run(capsys, 6, "--check")
    assert code == 0 and "Solved: all " in out
    code, _, err = run(capsys, 6)
    assert code == 2 and "exists already and may contain your work" in err
    assert path.read_text(encoding="utf-8") == find_exercise(6).solved


def test_another_folder_with_letters_of_any_kind(capsys, tmp_path):
    folder = tmp_path / "\u00dcbung \u7df4\u7fd2" / "1"
    code, out, _ = run(capsys, 1, "--to", folder)
    assert code == 0 and (folder / RELU.file_name).exists() and f"--check '{folder / RELU.file_name}'" in out
    assert run(capsys, 1, "--to", folder, "--check")[0] == 1
    other = folder / "\u00e9.py"
    other.write_text("# \u2713\n" + RELU.solved, encoding="utf-8")
    assert run(capsys, 1, "--check", other)[0] == 0


def test_a_terminal_of_few_letters_shows_a_line_with_many(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("print('\u2713')\n1 / 0  # \u2713\n", encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "tinynet", "exercise", "1", "--check", str(path)],
                          capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1 and b"line 2: ZeroDivisionError" in done.stdout and b"1 / 0  # ?" in done.stdout
    assert not done.stderr


def test_hints_go_deeper(capsys):
    first, second = run(capsys, 21, "--hint")[1], run(capsys, 21, "--hint", 2)[1]
    assert first.startswith("hint 1 of 5: ") and "hint 2 of" not in first and "(--hint 2 says more)" in first
    assert "hint 1 of 5" in second and "hint 2 of 5" in second and "hint 3 of" not in second
    assert "--solution shows the lines" in run(capsys, 21, "--hint", 5)[1]


def test_the_solution_shows_lines_and_reason(capsys):
    code, out, _ = run(capsys, 1, "--solution")
    assert code == 0 and "line 32:\n-         return dy * (dy > 0)\n+         return dy * (saved.y > 0)\n" in out
    assert "The slope of max(x, 0) is 1 where x > 0" in out


@pytest.mark.parametrize(("arguments", "message"), [
    ([99], "exercise 99 does not exist; there are 1 to 21"),
    ([0], "exercise 0 does not exist"),
    ([1, "--hint", 9], "exercise 1 has hints 1 to 3"),
    ([1, "--hint", 0], "exercise 1 has hints 1 to 3"),
    (["--check", "mine.py"], "give its number first"),
    (["--solution"], "give its number first"),
    ([1, "--check", "nowhere.py"], "the file nowhere.py does not exist"),
    ([1, "--to", Path(__file__) / "folder"], "folder cannot be made a folder for the exercise: Not a directory"),
    ([1, "--to", Path(__file__)], "test_sandbox.py cannot be made a folder for the exercise: File exists"),
])
def test_what_cannot_be_done_ends_with_2_and_one_line(capsys, arguments, message):
    code, out, err = run(capsys, *arguments)
    assert code == 2 and message in err and err.count("\n") == 1 and not out


def test_a_folder_without_permission_is_named(capsys, tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tinynet.exercises.exercise.open", refuse, raising=False)  # root may write anywhere
    code, out, err = run(capsys, 1, "--to", tmp_path)
    assert code == 2 and not out
    assert f"{tmp_path / RELU.file_name} cannot be written: Permission denied; choose another folder" in err
