"""`tinynet course` from the command line: the folder, the check, hints, and files that would do harm."""
from pathlib import Path

import pytest

from tinynet import cli
from tinynet.course import folder as course_folder
from tinynet.course.check import Limits, check_course
from tinynet.course.running import check_source, sources_for, uses_of
from tinynet.course.show import beginning, verdict_text
from tinynet.course.steps import STEPS, find_step
from tinynet.errors import ArgumentError, DataError


def run(capsys, *arguments):
    code = cli.main(["course", *(str(argument) for argument in arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def write(folder: Path, number: int, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / find_step(number).file_name).write_text(text, encoding="utf-8")


def test_the_folder_is_made_once_and_nothing_in_it_is_overwritten(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys)
    folder = Path("tinynet-course")
    assert code == 0 and all(step.title in out and step.file_name in out for step in STEPS)
    assert {path.name for path in folder.iterdir()} == {"README.txt", *(step.file_name for step in STEPS)}
    assert max(len(line) for line in (folder / "README.txt").read_text().splitlines()) <= 120
    write(folder, 2, "mine = 1\n")
    (folder / STEPS[4].file_name).unlink()
    code, out, _ = run(capsys)
    assert code == 0 and f"{STEPS[4].file_name} written; the 17 files that were there stay" in out
    assert (folder / STEPS[1].file_name).read_text() == "mine = 1\n"
    assert "nothing was changed" in run(capsys)[1]
    monkeypatch.chdir(folder)  # where a student may well be
    code, out, _ = run(capsys, "check", 1)
    assert code == 1 and "step_01_activations.py\nthe file is as it was handed out" in out


def test_a_folder_that_cannot_be_made_is_an_error(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run(capsys, "--to", tmp_path / "file")
    assert code == 2 and "choose another with --to" in err


def test_check_of_what_is_right_wrong_and_open(capsys, tmp_path):
    folder = tmp_path / "\u00fcbung"
    course_folder.make(folder)
    write(folder, 6, find_step(6).solution.replace("total[:, u :", "total[:, 0 * u + v :"))  # col2im is wrong
    write(folder, 7, find_step(7).solution)
    text = find_step(1).handed_out.replace(
        'raise NotImplementedError("to be written")', "return np.maximum(x, 0), x", 1).replace(
        'raise NotImplementedError("to be written")', "return dy * (dy > 0), {}", 1)
    write(folder, 1, text + "print('hello')\n")
    code, out, _ = run(capsys, "check", "--folder", folder)
    assert code == 1 and "1 of 17 steps are right" in out
    code, _, err = run(capsys, "--to", folder, "check")
    assert code == 2 and "--to is for making a folder; check, train and trace take --folder DIR" in err
    assert "For step 6, not right yet in this folder, tinynet's file was taken" in out
    rows = {line.split()[0]: line for line in out.splitlines() if line.startswith("  ") and line.strip()[:1].isdigit()}
    assert "wrong" in rows["1"] and rows["2"].endswith("to be written") and rows["7"].count("right") == 3
    assert "fast enough" in rows["7"] or "slow" in rows["7"]
    assert "wrong   ReLU" in out and "open    Tanh is still to be written" in out and "hello" in out
    assert "contract: nothing that was given is written into" in out
    assert "dx: " in out and f"tinynet course check 1 --folder {folder} --hint" in out


def test_hints_and_a_warning_before_the_solution(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, out, _ = run(capsys, "check", 9, "--hint")
    assert out.startswith("hint 1 of 3") and "--hint 2 says more" in out
    assert run(capsys, "check", 9, "--hint", 3)[1].count("hint ") == 3
    assert "step 9 has hints 1 to 3" in run(capsys, "check", 9, "--hint", 4)[2]
    _, out, _ = run(capsys, "check", 9, "--solution")
    assert "class MaxPool2d" not in out and "--solution sure" in out
    _, out, _ = run(capsys, "check", 9, "--solution", "sure")
    assert "free &= ~wins" in out and "Your file was not changed" in out
    for arguments, told in (
            (("check", "--hint"), "give the number of a step first"), (("check", 99), "step 99 does not exist"),
            (("check",), "there is no folder"), (("check", 1, "--solution", "yes"), "--solution sure"),
            (("check", "--folder", "."), "none of the course's files")):
        code, _, err = run(capsys, *arguments)
        assert code == 2 and told in err


# Files of several steps; tests/exercises/test_sandbox.py has more that would do harm, in the same sandbox.
HARM = {
    3: ("import time\ntime.sleep(600)\n", "line 2: it did not finish within 3 seconds"),
    4: ("import os\nos._exit(0)\n", "line 2: the file ends the program itself"),
    6: (find_step(6).solution.replace("rows = rows.reshape", "while True:\n        pass\n    rows = rows.reshape"),
        "it did not finish within 3 seconds: is there an infinite loop?"),
    7: ("import numpy as np\na = np.ones(10**8)\n", "line 2: it needs more memory than a check may use"),  # 0.8 GB
    12: ("print('x' * 10**7)\n" + find_step(12).solution, ""),
}


def test_what_a_file_does_harms_nothing_and_is_told_with_its_line(tmp_path):
    for number, (text, _) in HARM.items():
        write(tmp_path, number, text)
    outcomes = check_course(tmp_path, list(HARM), limits=Limits(seconds=3, memory=700_000_000, timing=False))
    for outcome in outcomes:
        told = HARM[outcome.step.number][1]
        faults = "\n".join(f"{point.what}: {point.fault}" for point in outcome.checked.points if point.fault)
        assert told in faults and outcome.right == (not told), faults
        if outcome.step.number == 6:
            text = verdict_text(outcome.step, outcome.checked)
            assert "right   im2col" in text and "wrong   col2im" in text
        if outcome.step.number == 3:
            assert "softmax_cross_entropy was not looked at" in verdict_text(outcome.step, outcome.checked)
    printed = {outcome.step.number: outcome.printed for outcome in outcomes}
    assert printed[12].startswith("xxx") and printed[12].endswith("(and more)")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(find_step(n).file_name for n in HARM)


def test_a_step_may_import_every_earlier_one_and_no_other_file(tmp_path, monkeypatch):
    own = {2: find_step(2).solution, 7: find_step(7).solution + "\nimport step_02_linear\n",
           8: find_step(8).solution + "\nfrom step_02_linear import Linear\n"}
    sources = sources_for(find_step(8), {number: text.encode() for number, text in own.items()})
    assert list(sources) == [find_step(number).module for number in (2, 6, 7, 8)]
    assert check_source(find_step(8), sources).right
    assert uses_of(find_step(8), {8: b"import step_05_training_step", 5: b"import step_04_sgd"}) == (3, 4, 5, 6, 7)
    checked = check_source(find_step(2), {find_step(2).module: b"import mine\n"})
    assert "line 1: ModuleNotFoundError: No module named 'mine'" in checked.points[0].fault


def test_a_file_that_cannot_be_read_is_told_in_the_table_and_a_long_output_is_cut():
    checked = check_source(find_step(1), {find_step(1).module: b"class ReLU(:\n"})
    assert checked.verdict("numbers") == "cannot be read" and "line 1" in checked.points[0].fault
    assert beginning("x\n" * 10) == "x\n" * 9 + "x"
    assert beginning("x\n" * 12) == "x\n" * 10 + "(2 more lines)"


def test_what_is_no_file_is_not_read(tmp_path):
    write(tmp_path, 1, "x = 1\n")
    write(tmp_path, 2, "#" * (course_folder.LARGEST + 1))
    with pytest.raises(DataError, match="expected a file of at most 1,000,000"):
        check_course(tmp_path, [1])
    (tmp_path / find_step(2).file_name).unlink()
    (tmp_path / find_step(2).file_name).mkdir()
    with pytest.raises(DataError, match="is no file"):
        check_course(tmp_path, [1])


def test_a_missing_step_or_folder_is_an_error(tmp_path):
    with pytest.raises(ArgumentError, match="step 0 does not exist"):
        write(tmp_path, 1, "x = 1\n")
        check_course(tmp_path, [0])
    with pytest.raises(DataError, match="there is no folder"):
        check_course(tmp_path / "nowhere")
