"""In Pillow's place where it is missing: names that tinynet imports. What would need Pillow raises an ImportError."""
import sys
import types
from typing import Any


class Absent(types.ModuleType):
    """A module, or a class in it, of which everything has a name, and nothing can be called."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(f"{self.__name__}.{name}")

    def __call__(self, *args: Any, **options: Any) -> Any:
        raise ImportError(f"{self.__name__} was called, and Pillow is not installed: a stand-in is in its place")


for _name in ("Image", "ImageDraw", "ImageOps", "PngImagePlugin", "TiffImagePlugin"):
    globals()[_name] = sys.modules[f"PIL.{_name}"] = Absent(f"PIL.{_name}")
