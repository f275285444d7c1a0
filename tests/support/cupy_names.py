"""What the real CuPy has: its names, and what its functions can be called with. Needs its wheel, but no GPU."""
import inspect
import re
from typing import Any

try:
    import cupy as REAL
except ImportError:
    REAL = None  # then names and keywords go unchecked, and the tests about them are skipped

MISSING = "CuPy is not installed (extra: gpu-test), so there are no names to compare with"
UFUNC = inspect.signature(lambda *args, out=None, casting="same_kind", dtype=None: None)  # says each ufunc's own text


def look_up(path: str) -> Any:
    """Return CuPy's own `path`, "lib.stride_tricks.as_strided"; AttributeError where it has no such name."""
    found = REAL
    for i, name in enumerate(path.split(".")):
        if REAL is not None and not hasattr(found, name):
            raise AttributeError(f"CuPy has no {'.'.join(path.split('.')[: i + 1])}")
        found = getattr(found, name, None)
    return found


def check_call(path: str, args: tuple, keywords: dict[str, Any]) -> None:
    """Raise TypeError where CuPy's own `path` cannot be called so; a method's first argument is its array."""
    signature = signature_of(look_up(path))
    if signature is not None:
        try:
            signature.bind(*args, **keywords)
        except TypeError as error:
            raise TypeError(f"cupy.{path}: {error}") from None


def signature_of(function: Any) -> inspect.Signature | None:
    """Return a function's parameters, from its docstring where it is compiled; None where nothing tells them."""
    if REAL is None or not callable(function):
        return None
    if isinstance(function, REAL.ufunc):
        return UFUNC
    try:
        return inspect.signature(function)
    except ValueError:
        text = re.match(r"[\w.]+\((.*?)\)( ->.*)?$", (function.__doc__ or "").strip().split("\n")[0])
        return None if text is None else inspect.Signature(list(parameters(text[1])))


def parameters(text: str) -> Any:
    r"""Yield the parameters of "self, Py_ssize_t axis1, *shape, order='C'", as compiled code writes them."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, default = part.partition("=")
        name = name.split()[-1]
        if part == "/":
            continue
        if name.startswith("*"):
            if name.strip("*"):
                star = inspect.Parameter.VAR_KEYWORD if name.startswith("**") else inspect.Parameter.VAR_POSITIONAL
                yield inspect.Parameter(name.strip("*"), star)
            kind = inspect.Parameter.KEYWORD_ONLY
        else:
            yield inspect.Parameter(name, kind, default=default or inspect.Parameter.empty)
