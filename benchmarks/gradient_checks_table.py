"""GRADIENT_CHECKS.md from the results of `gradient_checks.py`."""
from collections.abc import Sequence
from typing import Any

INTRODUCTION = """# What the usual checks of a gradient catch

Made by `python benchmarks/gradient_checks.py` ({versions}).

{bugs} planted bugs (`tinynet/gradcheck/planted`), each the kind of mistake that people make, and {right} cases of right
code: {plain} that the bugs were made from, and {awkward} awkward ones (pixels of 0, ties, saturated units, numbers of
size 0.0001 or 255). Every usual method except the comparison with PyTorch gets the catalogue's cases, whose shapes and
settings were chosen so that each bug can show, and a fixed dropout mask. Code that fails while it is checked counts as
caught. The catalogue was written together with tinynet's check, whose tests require that it catches all of it and
raises no alarm at the right versions: its own column says no more than that.
"""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def caught(rows: list[dict[str, Any]], column: str) -> str:
    """Write 3 of 5, or a dash where the method does not apply."""
    applies = [row["found"][column]["alarm"] for row in rows if column in row["found"]]
    return f"{sum(applies)} of {len(applies)}" if applies else "-"


def false_alarms(results: dict[str, Any], column: str) -> str:
    if column == "PyTorch":
        agrees = results["torch_on_right"].values()
        return f"{len(agrees) - sum(agrees)} of {len(agrees)}"
    return f"{sum(found[column]['alarm'] for found in results['right'].values())} of {len(results['right'])}"


def markdown(results: dict[str, Any], columns: Sequence[str], families: Sequence[str]) -> str:
    """Return the whole text."""
    bugs, right = results["bugs"], results["right"]
    awkward = sum(", (" not in name for name in right)
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    parts = [INTRODUCTION.format(versions=versions, bugs=len(bugs), right=len(right), plain=len(right) - awkward,
                                 awkward=awkward)]
    rows = []
    for family in families:
        members = [row for row in bugs.values() if row["family"] == family]
        rows.append([family.replace("_", " "), *(caught(members, column) for column in columns)])
    everything = list(bugs.values())
    gradients = [row for row in everything if row["family"] not in ("optimizer", "adam")]
    rows.append(["**gradients, all**", *(f"**{caught(gradients, column)}**" for column in columns)])
    rows.append(["**false alarms**", *(f"**{false_alarms(results, column)}**" for column in columns)])
    parts.append("## Bugs caught\n\n" + table(["family", *columns], rows))
    parts.append("\n".join(method_lines(results)))
    best = [[name, f"{one['tolerance']:.0e}", str(one["caught"]), str(one["false_alarms"])]
            for name, one in results["best_tolerance"].items()]
    parts.append("## The same with the best tolerance\n\nNobody knows it beforehand: of 1, 0.1, 0.01 ... 1e-8 the one "
                 "with the largest number of bugs caught minus false alarms on these cases.\n\n"
                 + table(["method", "tolerance", "bugs caught", "false alarms"], best))
    others = [column for column in columns if column != "PyTorch"]
    alarms = [[name, *("alarm" if found[column]["alarm"] else "" for column in others)]
              for name, found in right.items() if any(found[column]["alarm"] for column in others)]
    parts.append("## Alarms at what is right\n\n" + table(["right code", *others], alarms))
    undecided = [f"{name} ({', '.join(found['tinynet']['undecided'])})" for name, found in right.items()
                 if found["tinynet"]["undecided"]]
    parts.append("With an upstream gradient of ones, the gradient of softmax and of batch normalization is 0, and "
                 "rounding is compared with rounding. Not decided by tinynet's check, because every probe met a kink: "
                 f"{'; '.join(undecided) or 'nothing'}.")
    every = []
    for name, row in bugs.items():
        said = ["-" if c not in row["found"] else "caught" if row["found"][c]["alarm"] else "" for c in columns]
        every.append([f"{name}: {row['sentence']}".replace("|", "\\|"), *said])
    parts.append("## Every bug\n\n" + table(["bug", *columns], every))
    return "\n\n".join(parts) + "\n"


def method_lines(results: dict[str, Any]) -> list[str]:
    """Return the lines that say what each column is."""
    draws = results["one_entry_other_draws"]
    return [
        *(f"- **{name}**: {method['text']}." for name, method in results["methods"].items()),
        f"  In {len(draws)} other draws of the entries, *one entry* caught {min(draws)} to {max(draws)}.",
        "- **PyTorch**: output and gradients compared with PyTorch's, both at PyTorch's default settings (no padding, "
        "no groups, pooling windows side by side, LRN with alpha 1e-4, weights of ones in batch normalization, no "
        "momentum in SGD; four images for a network); float32, random upstream gradient, torch.testing.assert_close "
        "with its defaults. Dropout in evaluation, because the two draw masks of their own. A dash, which does not "
        "count: PyTorch has no such layer.",
        "- **tinynet**: `check_gradients(f, x)` and `check_optimizer(make)` with their defaults.",
    ]
