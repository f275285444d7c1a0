"""The strict stand-in for a program of its own, which does `import cupy`: put this folder and tests/ on PYTHONPATH."""
import sys

half = sys.modules.get("support.strict_cupy")
if half is not None and not hasattr(half, "make"):
    raise ImportError("the stand-in itself is being loaded, and looks for a CuPy to compare its names with: none")
sys.modules[__name__] = None  # type: ignore[assignment]  # the same, where a program asks for CuPy first
from support import strict_cupy  # noqa: E402

sys.modules[__name__] = strict_cupy.make()
