"""Print what to put before PYTHONPATH: the stand-ins for packages that tinynet imports and this machine lacks.

TINYNET_STAND_INS names packages to stand in for though they are installed, so that the stand-ins can be tried.
"""
import importlib.util
import os
import sys
from pathlib import Path

PACKAGES = {"PIL": "pillow", "threadpoolctl": "threadpoolctl", "tqdm": "tqdm", "hypothesis": "hypothesis"}


def main() -> None:
    forced = os.environ.get("TINYNET_STAND_INS", "").split()
    folder = Path(__file__).parent / "stand_ins"
    for module, package in PACKAGES.items():
        if module in forced or importlib.util.find_spec(module) is None:
            print(f"gpu_first_run: {package} is missing, a stand-in takes its place", file=sys.stderr)
            print(folder / package, end=":")


if __name__ == "__main__":
    main()
