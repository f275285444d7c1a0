"""Mutation testing of the layers, the loss, the optimizer and the operations: do the tests notice a changed program?

    python tests/long/mutation_testing.py --folder MUTANTS [--modules tinynet/layers/lrn.py ...] [--seconds 3600]

Cosmic Ray changes one operator or number at a time in a copy of the repository, and runs the tests that concern the
file. What is done stays in the folder's sessions, so that the same command goes on where it was cut off. Then it writes
`results/mutants.json`: for each file how many mutants the tests killed, and those that survived, as differences, each
with its reason from `surviving_mutants.py`; a survivor without one is an error. `--again` runs the survivors
once more, after tests were added.

Left out are mutants that no one makes by mistake and that fail at once (shifts, powers and remainders in place of other
operators, the "|" of type annotations), and of several that differ little all but one or two: a sum becomes a
difference, a product a quotient or a sum, a quotient a product, and no comparison of values becomes one of identity.
"""
import argparse
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from surviving_mutants import REASONS

ROOT = Path(__file__).parents[2]
LAYERS = ["tests/layers/test_layers_by_hand.py", "tests/layers/test_settings.py", "tests/layers/test_layers.py"]
GPU = ["tests/ops/test_kernels.py", "tests/network/test_fast_on_gpu.py", "tests/layers/test_gpu_layers.py",
       "tests/test_packaging.py", "tests/ops/test_arrays.py"]


def tests_of(path: Path) -> list[str]:
    """Return the tests of a layer's file: those of its class, and all of what layers have in common."""
    name = re.findall(r"class (\w+)\(Layer", path.read_text(encoding="utf-8"))[0]
    return [*LAYERS, "-k", f"hand or settings or {name}"]


LAYER_FILES = [path for path in sorted(ROOT.glob("tinynet/layers/[a-z]*.py"))
               if "(Layer):" in path.read_text(encoding="utf-8") and path.stem != "loss_layer"]
TESTS = {path.relative_to(ROOT).as_posix(): tests_of(path) for path in LAYER_FILES} | {
    "tinynet/layers/loss.py": ["tests/layers/test_loss.py"],
    **{f"tinynet/training/{name}.py": ["tests/training/test_optim.py", "tests/training/test_adam.py",
                                       "tests/training/test_step.py", "tests/layers/test_settings.py"]
       for name in ("optim", "optimizer")},
    "tinynet/ops/window.py": LAYERS,
    "tinynet/ops/numpy_ops.py": [*LAYERS, "tests/training/test_optim.py", "tests/training/test_adam.py",
                                 "tests/ops/test_threads.py", "tests/ops/test_arrays.py"],
    "tinynet/ops/matmul.py": ["tests/ops/test_threads.py", "tests/network/test_network.py"],
    "tinynet/network/winograd.py": ["tests/network/test_fast_conv.py"],
    "tinynet/network/fast_conv.py": ["tests/network/test_fast_conv.py", "tests/network/test_network.py"],
    "tinynet/ops/__init__.py": [*LAYERS, "tests/ops/test_arrays.py"],
    "tinynet/network/fast_on_gpu.py": [*GPU, "tests/network/test_fast_conv.py"],
    "tinynet/ops/cuda_ops.py": GPU,
}
EXCLUDED = [
    r"core/ReplaceBinaryOperator_\w+_(RShift|LShift|BitXor|BitOr|BitAnd|Pow|Mod)",
    r"core/ReplaceBinaryOperator_(BitOr_.*|(Add|Sub)_(Mul|Div|FloorDiv)|Mul_(Sub|FloorDiv)|(Div|FloorDiv|Mod)_(Add|Sub))",
    r"core/ReplaceUnaryOperator_USub_(UAdd|Not|Invert)",  # USub_UAdd is Delete_USub
    r"core/ReplaceComparisonOperator_(Eq|NotEq|Lt|LtE|Gt|GtE)_(Is|IsNot)",
]


def prepare(folder: Path, module: str) -> tuple[Path, Path]:
    """Return the module's configuration and session, made where they are missing."""
    name = module.removeprefix("tinynet/").removesuffix(".py").replace("/", "-")
    config, session = folder / f"{name}.toml", folder / f"{name}.sqlite"
    options = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=mutants"]
    command = shlex.join([sys.executable, "-m", "pytest", *options, *TESTS[module]])
    config.write_text(
        f'[cosmic-ray]\nmodule-path = "{module}"\ntimeout = 60.0\nexcluded-modules = []\n'
        f"test-command = {json.dumps(command)}\n"
        f'[cosmic-ray.distributor]\nname = "local"\n[cosmic-ray.filters.operators-filter]\nexclude-operators = '
        f"{json.dumps(EXCLUDED)}\n"
    )
    if not session.exists():
        tree = fresh_tree(folder)
        for program in (["cosmic-ray", "init", config, session], ["cr-filter-operators", session, config]):
            run(program, tree).check_returncode()
    return config, session


def fresh_tree(folder: Path) -> Path:
    """Return a copy of the package and its tests, without what the last one was cut off at."""
    tree = folder / "tree"
    for name in ("tinynet", "tests", "kernels"):
        shutil.rmtree(tree / name, ignore_errors=True)
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    return tree


def run(program: list, tree: Path, seconds: float | None = None) -> subprocess.CompletedProcess:
    """Run a program of Cosmic Ray's in the copy, whose modules come first, for so long at most."""
    # Without bytecode files: a mutant of the same size and second would be taken for what was compiled before.
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [Path(sys.executable).with_name(program[0]), *program[1:]]
    return subprocess.run(command, cwd=tree, env=environment, timeout=seconds)


def outcome(module: str, session: Path) -> dict:
    """Count the session's mutants; list those that survived."""
    with sqlite3.connect(session) as database:
        rows = database.execute(
            "select m.operator_name, m.start_pos_row, r.worker_outcome, r.test_outcome, r.diff from mutation_specs m "
            "left join work_results r on r.job_id = m.job_id order by m.start_pos_row"
        ).fetchall()
    done = [row for row in rows if row[2] and row[2].upper().endswith("NORMAL")]
    survived = [row for row in done if row[3].upper().endswith("SURVIVED")]
    return {
        "module": module, "mutants": sum(not (row[2] or "").upper().endswith("SKIPPED") for row in rows),
        "run": len(done), "killed": len(done) - len(survived),
        "survived": [
            {"line": line, "operator": operator.removeprefix("core/"), "change": changes(diff),
             "reason": reason(module, changes(diff))}
            for operator, line, _, _, diff in survived
        ],
    }


def forget_survivors(session: Path) -> None:
    """Take the survivors' results out of the session, so that they are run again."""
    with sqlite3.connect(session) as database:
        database.execute("delete from work_results where upper(test_outcome) like '%SURVIVED'")


def reason(module: str, change: list[str]) -> str | None:
    """Return why no test kills the mutant; None when nobody has said it."""
    made = "\n".join(change)
    return next((why for place, pattern, why in REASONS if re.search(place, module) and re.search(pattern, made)), None)


def changes(diff: str) -> list[str]:
    """Return the lines that a difference takes away and adds."""
    return [line for line in (diff or "").splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--modules", nargs="*", default=list(TESTS))
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--again", action="store_true", help="run the survivors once more")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "mutants.json")
    options = parser.parse_args()
    folder = options.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    end, unexplained = time.monotonic() + options.seconds, []
    for module in options.modules:
        config, session = prepare(folder, module)
        tree = fresh_tree(folder)
        if options.again:
            forget_survivors(session)
        left = end - time.monotonic()
        if left > 0:
            run(["cosmic-ray", "baseline", config], tree).check_returncode()  # the unchanged file passes its tests
            try:
                run(["cosmic-ray", "exec", config, session], tree, None if left == float("inf") else left)
            except subprocess.TimeoutExpired:
                print("the time is over; the same command goes on")
        found = outcome(module, session)
        print(f"{module}: {found['killed']} of {found['run']} killed, {found['mutants']} in all", flush=True)
        before = json.loads(options.out.read_text()) if options.out.exists() else []
        every = {each["module"]: each for each in before} | {module: found}
        options.out.write_text(json.dumps([every[name] for name in TESTS if name in every], indent=1) + "\n")
        unexplained += [change for each in found["survived"] if not each["reason"] for change in each["change"]]
    if unexplained:
        sys.exit("\n".join(["survivors without a reason in surviving_mutants.py:", *unexplained]))


if __name__ == "__main__":
    main()
