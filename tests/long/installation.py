"""Install tinynet in fresh environments, from a wheel and from an sdist, and test it there, outside the repository.

    python tests/long/installation.py --folder ENVIRONMENTS [--pythons python3.11 python3.12 ...] [--tests FILE ...]

Each Python gets two environments: one with the newest of what tinynet needs, and one with the oldest that setup.cfg
allows, where they are to be had as wheels for this Python; the first Python a third one from the sdist. In each the
tests run, then the commands, with every use of the network refused, in the first also `demo`. Cut off at any time, the
same command goes on with the next environment; `results/reliability/installation.json` has what was installed and what
passed. Needs a package index.
"""
import argparse
import configparser
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

from record import FOLDER, load_record, write_record  # the tests' own helpers are found from here on

from support.no_network import commands, run_without_network  # isort: skip

ROOT = Path(__file__).parents[2]
EXTRAS = ("plots", "download")
# What needs neither PyTorch nor files of the repository beside the tests.
TESTS = [
    "layers/test_layers_by_hand.py", "layers/test_loss.py", "network/test_network.py", "ops/test_threads.py",
    "gradcheck/test_gradcheck.py", "training/test_checkpoint.py", "training/test_resume.py",
    "training/test_evaluation.py", "plots/test_pictures.py", "data/test_augment.py", "data/test_download.py",
    "data/test_images.py", "data/test_loader.py", "data/test_sets.py", "reliability/test_images.py",
    "reliability/test_data_files.py",
]
REPORT = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"


def build(folder: Path) -> dict[str, Path]:
    """Build wheel and sdist from a copy of what is committed."""
    source = folder / "source"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "x"], cwd=source, input=archive, check=True)
    for kind in ("wheel", "sdist"):
        program = f"import setuptools.build_meta as b, sys; b.build_{kind}(sys.argv[1])"
        subprocess.run([sys.executable, "-c", program, str(folder)], cwd=source, check=True, capture_output=True)
    found = {"wheel": next(folder.glob("*.whl")), "sdist": next(folder.glob("*.tar.gz"))}
    with zipfile.ZipFile(found["wheel"]) as wheel:
        there = set(wheel.namelist())
    files = [path.relative_to(source) for part in ("tinynet", "kernels") for path in (source / part).rglob("*.*")]
    wanted = {re.sub("^kernels/", "tinynet/kernels/", path.as_posix()) for path in files}
    missing = wanted - there - {"tinynet/kernels/README.md"}
    if missing:
        sys.exit(f"the wheel lacks {sorted(missing)}")
    return found


def oldest() -> dict[str, str]:
    """Return the least versions that setup.cfg allows."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    lines = [config["options"]["install_requires"], *(config["options.extras_require"][extra] for extra in EXTRAS)]
    return dict(re.findall(r"^(\w[\w-]*) >= ([\d.]+)", "\n".join(lines), re.MULTILINE))


def try_environment(
    place: Path, python: str, package: Path, old: bool, tests: list[str], demo: bool
) -> dict[str, Any]:
    """Make one environment, install, test; return what happened."""
    begin = time.monotonic()
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(place / "venv")], check=True)
    inside = str(place / "venv" / "bin" / "python")
    pip = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pins = [f"{each}=={version}" for each, version in oldest().items()] if old else []
    if pins and subprocess.run([*pip, "--only-binary", ":all:", *pins], capture_output=True).returncode != 0:
        outcome = "the oldest versions are not to be had as wheels for this Python"
        return {"python": Path(python).name, "outcome": outcome}
    install = subprocess.run([*pip, f"{package}[{','.join(EXTRAS)}]", *pins, "pytest", "hypothesis"],
                             capture_output=True, text=True)
    if install.returncode != 0:
        return {"python": Path(python).name, "outcome": "not installed", "failures": [install.stderr[-1500:]]}
    work = place / "work"
    shutil.copytree(place.parent / "source" / "tests", work / "tests")
    shutil.copy(place.parent / "source" / "setup.cfg", work)  # where pytest finds the tests' own helpers
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "TINYNET_DATA")}
    where = subprocess.run([inside, "-c", "import tinynet; print(tinynet.__file__)"], cwd=work, env=environment,
                           capture_output=True, text=True, check=True).stdout
    command = [inside, "-m", "pytest", "-q", "-rf", "-p", "no:cacheprovider", *(f"tests/{test}" for test in tests)]
    run = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
    failures = re.findall(r"^(?:FAILED|ERROR) .*", run.stdout, re.MULTILINE)
    if run.returncode != 0 and not failures:
        failures = [run.stdout[-1500:] + run.stderr[-1500:]]
    if str(place) not in where:
        failures.append(f"tinynet came from {where}")
    (work / "commands").mkdir()
    failures += without_network(work / "commands", inside, demo)
    versions = subprocess.run([inside, "-c", REPORT, *oldest()], capture_output=True, text=True, check=True).stdout
    number = subprocess.run([inside, "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "python": number.split()[1], "from": package.name, "versions": json.loads(versions),
        "tests": (run.stdout.strip().splitlines() or [""])[-1], "commands": len(commands(work)) + demo,
        "failures": failures, "outcome": "failed" if failures else "passed",
        "seconds": round(time.monotonic() - begin),
    }


def without_network(work: Path, python: str, demo: bool) -> list[str]:
    """Run all commands, perhaps with `demo`; return what went wrong."""
    ended, used, errors = run_without_network(work, python)
    expected = [f"{words[0]} {1 if words[-1] == '--check' else 0}" for words in commands(work)]
    if demo:
        more, also, said = run_without_network(work, python, words=[["demo"]], seconds=3600)
        ended, used, errors, expected = ended + more, used + also, errors + said, [*expected, "demo 0"]
    failures = [f"network: {line}" for line in used]
    if ended != expected:
        failures.append(f"commands ended as {ended}: {errors[-1500:]}")
    return failures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="for the environments")
    parser.add_argument("--pythons", nargs="+", default=[f"python3.{minor}" for minor in range(11, 15)])
    parser.add_argument("--tests", nargs="+", default=TESTS, help="of the folder tests/")
    options = parser.parse_args()
    # A shell that starts this in the background has it ignore Ctrl-C; the tests of Ctrl-C would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder, out = options.folder.absolute(), FOLDER / "installation.json"
    record = load_record(out, {"environments": {}})
    packages = build(folder)
    pythons = {python: shutil.which(python) for python in options.pythons}
    record["not at hand"] = [python for python, path in pythons.items() if path is None]
    at_hand = {Path(python).name: path for python, path in pythons.items() if path is not None}
    wanted = [(f"{name}-{age}", path, packages["wheel"], age == "oldest")
              for name, path in at_hand.items() for age in ("newest", "oldest")]
    first, path = next(iter(at_hand.items()))
    for name, python, package, old in [*wanted, (f"{first}-sdist", path, packages["sdist"], False)]:
        if name not in record["environments"]:
            record["environments"][name] = try_environment(
                folder / name, python, package, old, options.tests, demo=name == wanted[0][0])
            write_record(out, record)
        print(name, record["environments"][name], flush=True)
    failed = [name for name, found in record["environments"].items() if found.get("failures")]
    print(f"{len(record['environments'])} environments, failed: {failed}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
