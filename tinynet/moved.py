"""Modules that moved in version 0.2: `import tinynet.threads` still gives `tinynet.ops.threads`.

Here are the old names that the README, a notebook, an error message or an exercise file told people to import.
"""
import sys
from functools import partial
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MOVED = {
    "tinynet.attribution": "tinynet.plots.attribution",
    "tinynet.checkpoint": "tinynet.training.checkpoint",
    "tinynet.device": "tinynet.ops.arrays",
    "tinynet.gpu_prediction": "tinynet.measure.gpu_prediction",
    "tinynet.pictures": "tinynet.plots.pictures",
    "tinynet.planted": "tinynet.gradcheck.planted",
    "tinynet.primitives": "tinynet.ops",
    "tinynet.primitives.on_cpu": "tinynet.ops.numpy_ops",
    "tinynet.primitives.on_gpu": "tinynet.ops.cuda_ops",
    "tinynet.primitives.twins": "tinynet.network.fast",
    "tinynet.primitives.winograd": "tinynet.network.winograd",
    "tinynet.profiling": "tinynet.measure.profiling",
    "tinynet.threads": "tinynet.ops.threads",
    "tinynet.trace_pictures": "tinynet.tracing.pictures",
}

RENAMED = {
    "tinynet.primitives": {"spread": "window_sum_back", "to_winner": "window_max_back"},
    "tinynet.primitives.twins": {"twin": "fast_or_own"},
}


class _OldNames(MetaPathFinder, Loader):
    """Makes a module of the old name, whose contents are looked up in the new one."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None  # an empty one

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__getattr__"] = partial(_look_up, module.__name__)


def _look_up(old: str, name: str) -> Any:
    new = import_module(MOVED[old])
    return getattr(new, RENAMED.get(old, {}).get(name, name))


def keep_old_names() -> None:
    """Let the old names be imported from now on."""
    if not any(isinstance(finder, _OldNames) for finder in sys.meta_path):
        sys.meta_path.append(_OldNames())
