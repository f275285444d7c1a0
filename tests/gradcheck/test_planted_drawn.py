"""The gradient check stays silent on what is right; `tests/long/drawn_gradient_checks.py` draws 10,000 cases."""
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.drawn_checks import KINDS, check_drawn

COMMAND = Path(__file__).parents[1] / "long" / "drawn_gradient_checks.py"


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_cases_of_what_is_right_raise_no_alarm(kind):
    results = check_drawn(kind, start=0, count=20)
    assert len(results) == 20
    alarms = [f"{result['what']}\n{result['report']}" for result in results if not result["passed"]]
    assert not alarms, "\n\n".join(alarms)
    assert not [result["what"] for result in results if result["undecided"]]


def test_the_long_command_goes_on_where_it_was_cut_off(tmp_path):
    out = tmp_path / "drawn.json"

    def run(*arguments):
        return subprocess.run([sys.executable, COMMAND, "--cases", "64", "--chunk", "2", "--out", out, *arguments],
                              capture_output=True, text=True, check=True)

    run("--seconds", "0")
    assert json.loads(out.read_text())["cases"] == 2  # a chunk is always finished
    run("--resume")
    found = json.loads(out.read_text())
    assert found["cases"] == 64 and found["alarms"] == [] and set(found["by_kind"]) == set(KINDS)
    assert "64 of 64 cases" in run("--resume").stdout
