"""The command line's parser: the version, the help, and what each argument says of itself."""
import re
from importlib import metadata

import pytest

from tinynet import cli

COMMAND_PARSERS = next(action.choices for action in cli.parser()._actions if isinstance(action.choices, dict))


def test_the_version_is_the_installed_ones(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0 and capsys.readouterr().out == f"tinynet {metadata.version('tinynet')}\n"


def test_a_copy_that_is_not_installed_has_no_version(monkeypatch, capsys):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == "tinynet (not installed)\n"


def test_help_lists_every_command_in_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = cli.parser().format_help()
    assert max(map(len, text.splitlines())) <= 80
    assert re.findall(r"^  (\S+?) +\S", text, re.MULTILINE) == [*COMMAND_PARSERS, "-h,", "--version"]


@pytest.mark.parametrize("arguments", [
    ["lesson", "relu", "--seed", "5"], ["train", "--model", "lenet5", "--data", "shapes", "--rate", "3"],
    ["course", "grade", "--se", "3"],
])
def test_a_part_of_an_option_is_not_taken_for_it(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2 and "unrecognized arguments" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMAND_PARSERS)
def test_every_argument_of_a_command_has_its_help(name):
    command = COMMAND_PARSERS[name]
    assert command.description and callable(command.get_default("command"))
    for action in command._actions:
        assert action.help, action.dest
        if action.default not in (None, False, []) and action.dest not in ("help", "command"):
            assert "default: " in action.help, action.dest


@pytest.mark.parametrize(("arguments", "name", "value"), [
    (["train", "--model", "lenet5", "--data", "shapes", "--epochs", "3"], "epochs", 3),
    (["train", "--model", "lenet5", "--data", "shapes", "--set", "activation=relu", "--set", "a=b"], "set",
     ["activation=relu", "a=b"]),
    (["train", "--model", "lenet5", "--data", "d", "--validation", "0.1"], "validation", 0.1),
    (["train", "--model", "lenet5", "--data", "d", "--resize", "squash"], "resize", "squash"),
    (["evaluate", "runs/a", "--data", "d", "--resize", "crop"], "resize", "crop"),
    (["evaluate", "runs/a", "--data", "d"], "resize", None),
    (["evaluate", "runs/a", "--data", "shapes", "--ten-crop"], "ten_crop", True),
    (["predict", "a.jpg", "b.jpg", "--checkpoint", "c.npz"], "images", ["a.jpg", "b.jpg"]),
    (["exercise", "7", "--check"], "check", ""),
    (["lesson", "relu", "--quick", "--rates", "0.1", "0.2"], "rates", [0.1, 0.2]),
])
def test_arguments_are_read(arguments, name, value):
    assert getattr(cli.parser().parse_args(arguments), name) == value


@pytest.mark.parametrize("arguments", [[], ["learn"], ["train"], ["lesson", "nothing"], ["train", "--epochs", "many"],
                                       ["evaluate", "a", "--data", "d", "--resize", "fill"]])
def test_what_is_not_understood_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.parser().parse_args(arguments)
    assert ended.value.code == 2 and "usage: tinynet" in capsys.readouterr().err
