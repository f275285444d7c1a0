"""For test suites of one's own: a layer's gradients, a layer against another implementation, and drawn shapes."""
from importlib import import_module
from typing import Any

MODULES = {  # where each public name is; hypothesis is loaded when one of the strategies is asked for
    "assert_gradients": "assertions", "assert_matches": "assertions",
    "images": "strategies", "layers": "strategies", "windows": "strategies",
}
__all__ = list(MODULES)


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
