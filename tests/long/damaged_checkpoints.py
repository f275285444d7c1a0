"""Damage checkpoints in many ways and load them, in a process whose memory is limited.

    python tests/long/damaged_checkpoints.py --count 3000

Each file has to be refused with a CheckpointError that names it and says why, or to give the very same contents: a bit
of a date in the zip format is nothing that is loaded. Nothing may be executed, and the process may not grow by more
than --megabytes (RLIMIT_AS). Files whose header was edited and written anew by the rules are told apart: they may load
as what they say. Their network is then evaluated and predicts, and their training is resumed for a batch, where no
other error is right than those that `evaluate` and `resume` name. Cut off at any time, the same command goes on;
`results/reliability/damaged-checkpoints.json` has the counts.
"""
import argparse
import io
import json
import pickle
import random
import re
import resource
import struct
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from record import FOLDER, load_record, write_record

import tinynet as tn
from tinynet.data import Dataset
from tinynet.errors import ArgumentError, CheckpointError, NotFiniteError, ShapeError
from tinynet.training.checkpoint import load_checkpoint, load_training_state, read
from tinynet.training.run_folder import RunFolder

Members = dict[str, bytes]
Damage = Callable[[bytes, random.Random], bytes]
ODD = (None, True, -1, 0, 3, 1 << 20, 1 << 40, 1 << 70, 0.5, 1e308, "", "w", "Linear", [], [1, 2], {}, {"$array": 1})


class SideEffect:
    """What a pickle runs when it is loaded: it makes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (self.path, "w")


def write_whole(path: Path) -> None:
    """Train for an epoch of one batch, so that there is a checkpoint with all kinds of contents."""
    train(path.parent, small(), epochs=1)


def small() -> tn.Network:
    return tn.Network([
        ("conv1", tn.Conv2d(3, 4, 3, seed=1)), ("norm1", tn.BatchNorm2d(4)), ("drop1", tn.Dropout(0.3, seed=4)),
        ("local2", tn.LocallyConnected2d(4, 2, 3, 6, seed=5)), ("flatten", tn.Flatten()), ("fc3", tn.Linear(32, 32)),
        ("fc4", tn.Linear(32, 32, seed=2)), ("fc5", tn.Linear(32, 3, seed=3)),
    ], name="small", input_shape=(8, 8, 3), recipe={"schedule": {"kind": "plateau", "patience": 1}})


def images() -> Dataset:
    generator = np.random.default_rng(0)
    return Dataset(generator.integers(0, 256, (5, 8, 8, 3), np.uint8), np.arange(5) % 3, ["a", "b", "c"], "noise")


def train(folder: Path, net: tn.Network, epochs: int, resume: bool = False) -> None:
    """Train in batches of all images; the loader gets no thread, which would take memory of its own."""
    with mock.patch.object(RunFolder, "draw_curve"), np.errstate(all="ignore"):
        tn.fit(net, images(), images(), epochs=epochs, run=folder, resume=resume, loader_threads=0, progress=False)


def flipped_bit(whole: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(whole))
    return whole[:place] + bytes([whole[place] ^ (1 << draw.randrange(8))]) + whole[place + 1 :]


def truncated(whole: bytes, draw: random.Random) -> bytes:
    return whole[: draw.randrange(len(whole))]


def zeroed(whole: bytes, draw: random.Random) -> bytes:
    start, length = draw.randrange(len(whole)), draw.choice([1, 16, 512, 4096])
    return whole[:start] + bytes(min(length, len(whole) - start)) + whole[start + length :]


def swapped_arrays(whole: bytes, draw: random.Random) -> bytes:
    header, members = taken_apart(whole)
    one, two = draw.sample(sorted(members), 2)
    members[one], members[two] = members[two], members[one]
    return put_together(header, members)


def renamed_array(whole: bytes, draw: random.Random) -> bytes:
    header, members = taken_apart(whole)
    name = draw.choice(sorted(members))
    other = draw.choice([f"{name}x", "params/fc9/w.npy", draw.choice(sorted(members))])
    if draw.random() < 0.5:  # in the header's table alone
        header["arrays"][other.removesuffix(".npy")] = header["arrays"].pop(name.removesuffix(".npy"))
    else:
        members[other] = members.pop(name)
    return put_together(header, members)


def terabytes(whole: bytes, draw: random.Random) -> bytes:
    """Claim sizes that no machine has: of an array, of a layer, or of an entry of the zip file."""
    header, members = taken_apart(whole)
    many = draw.choice([1 << 31, 1 << 34, 1 << 40, 1 << 62])
    where = draw.choice(["array", "layer", "entry"])
    if where == "array":
        name = draw.choice(sorted(members)).removesuffix(".npy")
        shape = draw.choice([(many,), (many, 2), (1, many)])
        if draw.random() < 0.5:
            header["arrays"][name]["shape"] = shape
        members[f"{name}.npy"] = npy(shape, members[f"{name}.npy"][128:])
    elif where == "layer":
        layer = draw.choice([layer for layer in header["network"]["layers"] if layer[1] not in ("Dropout", "Flatten")])
        setting = draw.choice([name for name in layer[2] if name.endswith(("channels", "features", "size"))])
        layer[2][setting] = many
    else:
        whole = put_together(header, members)
        at = whole.rfind(b"PK\1\2")
        return whole[: at + 20] + struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0) + whole[at + 28 :]
    return put_together(header, members)


def pickled(whole: bytes, draw: random.Random) -> bytes:
    """Put a pickle in place of the file, of an array, of the header, or beside them."""
    header, members = taken_apart(whole)
    effect = pickle.dumps(SideEffect(SIDE_EFFECT))
    where = draw.choice(["file", "array", "header", "more"])
    if where == "file":
        return effect
    file = io.BytesIO()
    np.save(file, np.array([SideEffect(SIDE_EFFECT)], object), allow_pickle=True)
    if where == "header":
        return put_together(header, members, file.getvalue())
    name = draw.choice(sorted(members)) if where == "array" else draw.choice(["more.npy", "more.pkl"])
    if draw.random() < 0.5:
        header["arrays"][name.removesuffix(".npy")] = {"dtype": "|O", "shape": [1], "sha256": ""}
    members[name] = effect if name.endswith(".pkl") else file.getvalue()
    return put_together(header, members)


def edited_header(whole: bytes, draw: random.Random) -> bytes:
    """Replace one value anywhere in the header by an odd one."""
    header, members = taken_apart(whole)
    at: Any = header
    while True:
        key = draw.choice(list(at) if isinstance(at, dict) else range(len(at)))
        if not isinstance(at[key], dict | list) or not at[key] or draw.random() < 0.1:
            at[key] = draw.choice(ODD)
            return put_together(header, members)
        at = at[key]


def nested_header(whole: bytes, draw: random.Random) -> bytes:
    """Replace a part of the header, or of how far the training has come, by hundreds of lists in each other."""
    header, members = taken_apart(whole)
    at = draw.choice([header, header["progress"]])
    at["progress" if at is header and draw.random() < 0.5 else draw.choice(list(at))] = {
        "nested": draw.choice([300, 900, 100_000])}
    return put_together(header, members)


def taken_apart(whole: bytes) -> tuple[dict[str, Any], Members]:
    """Return the header and the bytes of the arrays' entries."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(np.load(io.BytesIO(members.pop("header.npy"))).tobytes()), members


def put_together(header: dict[str, Any], members: Members, first: bytes | None = None) -> bytes:
    """Write the file anew, with right sums of the zip format's own; {"nested": n} becomes n lists in each other."""
    written = re.sub(r'{"nested": (\d+)}', lambda found: "[" * int(found[1]) + "]" * int(found[1]), json.dumps(header))
    text = np.frombuffer(written.encode(), np.uint8)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("header.npy", npy(text.shape, text.tobytes(), "|u1") if first is None else first)
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def npy(shape: tuple[int, ...], data: bytes, dtype: str = "<f4") -> bytes:
    """Return the bytes of an .npy file."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue() + data


KINDS: list[Damage] = [
    flipped_bit, truncated, zeroed, swapped_arrays, renamed_array, terabytes, pickled, edited_header, nested_header,
]
EDITED = (edited_header, nested_header)


def outcome(path: Path, expected: str) -> str:
    """Load a damaged file; return "refused", "the same contents", "other contents", or the wrong error."""
    try:
        load_checkpoint(path)
        load_training_state(path)
    except CheckpointError as error:
        text = str(error)
        return "refused" if str(path) in text and len(text) > len(str(path)) + 10 else f"does not say why: {text}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "the same contents" if described(path) == expected else "other contents"


def evaluate(path: Path) -> None:
    """Use the network of a file; classes, or a size of images, that are not those of the data may be named."""
    with suppress(CheckpointError, ArgumentError, ShapeError):
        net = load_checkpoint(path)
        tn.evaluate(net, images())
        tn.predict(net, images().images)


def resume(path: Path) -> None:
    """Go on with the training of a file; a setting that differs, and numbers that end the training, may be named."""
    try:
        train(path.parent, small(), epochs=2, resume=True)
    except NotFiniteError:
        pass
    except (CheckpointError, ArgumentError) as error:
        if str(path.parent) not in str(error):
            raise


def used(path: Path) -> str | None:
    """Evaluate, and resume; return what went wrong."""
    for use in (evaluate, resume):
        try:
            use(path)
        except BaseException as error:
            return f"{use.__name__}: {type(error).__name__}: {error}"
    return None


def described(path: Path) -> str:
    """Return all contents as text."""
    return repr(jsonable(read(path)))


def jsonable(value: Any) -> Any:
    """Replace arrays by their bytes."""
    if isinstance(value, dict):
        return {key: jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [jsonable(inner) for inner in value]
    return (value.dtype.str, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value


def status(name: str) -> int:
    """Return a number of kB of /proc/self/status."""
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(f"{name}:"))


def main() -> None:
    global SIDE_EFFECT
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--megabytes", type=int, default=100, help="that the process may grow by")
    parser.add_argument("--out", type=Path, default=FOLDER / "damaged-checkpoints.json")
    options = parser.parse_args()
    record = load_record(options.out, {
        "files": 0, "seconds": 0.0, "slowest_seconds": 0.0, "most_growth_mb": 0.0, "megabytes": options.megabytes,
        "executed": 0, "by_kind": {}, "wrong": []})
    with tempfile.TemporaryDirectory() as folder:
        SIDE_EFFECT = str(Path(folder, "side-effect"))
        path = Path(folder, "run", "last.npz")
        write_whole(path)
        whole, expected = path.read_bytes(), described(path)
        assert outcome(path, expected) == "the same contents" and used(path) is None
        assert load_training_state(path)["progress"]["position"]["epoch"] == 2  # it was resumed
        before = status("VmRSS")
        limit = status("VmSize") * 1024 + options.megabytes * 1_000_000
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        while record["files"] < options.count:
            number = record["files"]
            kind = KINDS[number % len(KINDS)]
            path.write_bytes(kind(whole, random.Random(number)))
            begin = time.perf_counter()
            found = outcome(path, expected)
            if kind in EDITED:
                found = used(path) or found
            seconds = time.perf_counter() - begin
            executed = Path(SIDE_EFFECT).exists()
            counts = record["by_kind"].setdefault(kind.__name__, {})
            if executed or found not in ("refused", "the same contents") and (
                found != "other contents" or kind not in EDITED
            ):
                record["wrong"].append({"number": number, "kind": kind.__name__, "found": found[:300]})
                found = "wrong"
            counts[found] = counts.get(found, 0) + 1
            record["executed"] += executed
            record["files"] += 1
            record["seconds"] = round(record["seconds"] + seconds, 3)
            record["slowest_seconds"] = max(record["slowest_seconds"], round(seconds, 3))
            record["most_growth_mb"] = max(record["most_growth_mb"], round((status("VmHWM") - before) / 1e3, 1))
            if record["files"] % 100 == 0 or record["files"] == options.count:
                write_record(options.out, record)
    print(f"{record['files']} files, {len(record['wrong'])} wrong, {record['by_kind']}")
    sys.exit(1 if record["wrong"] else 0)


if __name__ == "__main__":
    main()
