"""Look for bytes that a parser of data files gets wrong, guided by the lines that they reach (atheris, libFuzzer).

    python tests/long/fuzz_parsers.py --folder FUZZ --seconds 3600 [--parsers idx cifar10 image]

Needs the extra `fuzz`. The parsers take turns. What reached new lines is kept in the folder, so that the same command
goes on from there; `results/reliability/fuzz-parsers.json` adds up the runs of all commands. Bytes that a parser got
wrong, or over which it took more than a second or 300 MB, are in the folder's `found-...`.
"""
import argparse
import importlib
import inspect
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers

# The modules whose lines guide the search: those that take the bytes apart.
MODULES = {
    "idx": ["gzip", "_compression", "tinynet.data.mnist"],
    "cifar10": ["tinynet.data.cifar10", "tinynet.data.dataset"],
    "image": ["tinynet.data.image_file", "PIL.ImageFile", "PIL.PngImagePlugin", "PIL.JpegImagePlugin"],
}
NAMES = list(MODULES)
MEMORY = 300  # MB at most
SECOND = 1.0  # of the processor's time for a file at most
TURN = 300.0  # seconds


def fuzz(name: str, folder: Path, seconds: float) -> None:
    """Run one parser on bytes that libFuzzer thinks of; it ends the process."""
    import atheris
    from support.parser_oracles import PARSERS

    attempt, seeds = PARSERS[name]
    # All of a package's imports (instrument_imports) would take minutes, under Python 3.11.
    for module in MODULES[name]:
        for function in functions_of(importlib.import_module(module)):
            atheris.instrument_func(function)

    def one(content: bytes) -> None:
        begin = time.process_time()
        attempt(content, Path(work))
        assert time.process_time() - begin < SECOND, f"{time.process_time() - begin:.1f} s"

    corpus = folder / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(content)
    shared_memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared_memory if shared_memory.is_dir() else None) as work:
        atheris.Setup(
            [sys.argv[0], f"-max_total_time={seconds:.0f}", "-timeout=60", f"-rss_limit_mb={MEMORY}", "-verbosity=0",
             "-print_final_stats=1", "-max_len=8192", f"-artifact_prefix={folder}/found-{name}-", str(corpus)],
            one,
        )
        atheris.Fuzz()


def functions_of(module: ModuleType) -> Iterator[FunctionType]:
    """Yield a module's own functions, and those of its classes."""
    for thing in vars(module).values():
        for each in vars(thing).values() if inspect.isclass(thing) else [thing]:
            function = each.fget if isinstance(each, property) else getattr(each, "__func__", each)
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                yield function


def take_turn(name: str, folder: Path, seconds: float) -> tuple[int, str]:
    """Run `fuzz` in a process of its own; return how many inputs it tried, and what it printed if it found one."""
    command = [sys.executable, __file__, "--folder", str(folder), "--seconds", str(seconds), "--child", name]
    run = subprocess.run(command, capture_output=True, text=True)
    tried = re.search(r"stat::number_of_executed_units:\s*(\d+)", run.stderr)
    return int(tried.group(1)) if tried else 0, "" if run.returncode == 0 else run.stderr[-3000:]


def cpu_seconds() -> float:
    """Return the processor's time that the turns so far have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="keeps what was found")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--parsers", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--child", choices=NAMES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = options.folder.absolute()
    if options.child:
        return fuzz(options.child, folder, options.seconds)
    from record import FOLDER, load_record, write_record

    out = FOLDER / "fuzz-parsers.json"
    new = {"seconds": 0.0, "cpu_seconds": 0.0, "inputs": 0, "failures": 0, "kept_inputs": 0}
    record = load_record(out, {name: dict(new) for name in NAMES})
    end, failed = time.monotonic() + options.seconds, False
    while (left := end - time.monotonic()) > 1:
        for name in options.parsers:
            begin, before = time.monotonic(), cpu_seconds()
            inputs, failure = take_turn(name, folder, max(1, min(TURN, left / len(options.parsers))))
            found = record[name]
            found["seconds"] = round(found["seconds"] + time.monotonic() - begin, 1)
            found["cpu_seconds"] = round(found["cpu_seconds"] + cpu_seconds() - before, 1)
            found["inputs"] += inputs
            found["failures"] += bool(failure)
            found["kept_inputs"] = sum(1 for _ in (folder / name).iterdir())
            failed |= bool(failure)
            write_record(out, record)
            print(f"{name}: {found}", failure, flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
