"""What the long commands have in common: the file of results, and what it says of the machine and the program."""
import datetime
import hashlib
import importlib.metadata
import json
import os
import platform
import sys
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers

import tinynet  # noqa: E402
from tinynet.files import atomic_write  # noqa: E402

FOLDER = Path(__file__).parents[2] / "results" / "reliability"


@cache
def surroundings() -> dict[str, Any]:
    """Return the machine, the versions and the date; tinynet's is a digest of its text when the process started."""
    digest = hashlib.sha256()
    for path in sorted(Path(tinynet.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
               platform.machine()) if os.path.exists("/proc/cpuinfo") else platform.machine()
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "pillow")}
    return {"machine": f"{cpu}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
            "python": platform.python_version(), **versions, "tinynet": digest.hexdigest()[:12],
            "date": datetime.date.today().isoformat()}


def load_record(path: Path, new: dict[str, Any]) -> dict[str, Any]:
    """Return what the file has, to go on from, or `new` where there is none."""
    surroundings()
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else new


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write the file of results anew, with where and when: once for each time that something of it was different."""
    record.setdefault("surroundings", [])
    if surroundings() not in record["surroundings"]:
        record["surroundings"].append(surroundings())
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write((json.dumps(record, indent=1) + "\n").encode())
