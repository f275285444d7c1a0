"""Every name of CuPy's that the source uses, and every keyword it gives, is one that the real CuPy has."""
import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cupy_names import MISSING, REAL, look_up, signature_of

import tinynet

PACKAGE = Path(tinynet.__file__).parent
FIRST_RUN = Path(__file__).parents[2] / "benchmarks/gpu_first_run"
LIBRARIES = ("array_module", "library_of")  # what returns NumPy or CuPy
METHODS = ("all", "any", "argmax", "argmin", "astype", "clip", "cumsum", "dot", "max", "mean", "min", "prod", "ravel",
           "repeat", "reshape", "round", "std", "sum", "take", "transpose", "var")  # an array's, by their names alone
HEART = ("layers", "ops")  # see CuPy's arrays even in files that do not ask for their library

pytestmark = pytest.mark.skipif(REAL is None, reason=MISSING)


def problems(source: str, heart: bool = False) -> Iterator[str]:
    """Yield what CuPy lacks of the names and keywords that a module's source uses.

    Methods of arrays are looked at in modules that deal with both libraries, and in the `heart`.
    """
    tree = ast.parse(source)
    libraries = {"cupy", "xp"} | set(names_of_libraries(tree))
    heart = heart or any(isinstance(node, ast.Name) and node.id in LIBRARIES for node in ast.walk(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Store):
            path = path_in_library(node, libraries)
            if path:
                try:
                    look_up(path)
                except AttributeError as error:
                    yield f"line {node.lineno}: {error}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            path = path_in_library(node.func, libraries)
            if heart and path is None and node.func.attr in METHODS and not is_numpy(node.func.value):
                path = f"ndarray.{node.func.attr}"
            if path:
                yield from wrong_call(node, path)


def names_of_libraries(tree: ast.AST) -> Iterator[str]:
    """Yield the names of variables that NumPy or CuPy is assigned to, alone or among others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                both = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                pairs = zip(target.elts, node.value.elts, strict=False) if both else [(target, node.value)]
                yield from (name.id for name, value in pairs if isinstance(name, ast.Name) and is_library(value, ()))


def is_library(node: ast.AST, names: tuple | set) -> bool:
    """Tell whether an expression is NumPy or CuPy, whichever an array belongs to."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in LIBRARIES
    return isinstance(node, ast.Name) and node.id in names


def is_numpy(node: ast.AST) -> bool:
    """Tell whether an expression is NumPy, or comes from a function of its: np.abs(x)."""
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return isinstance(node, ast.Name) and node.id == "np"


def path_in_library(node: ast.AST, libraries: set[str]) -> str | None:
    """Return "lib.stride_tricks.as_strided" for array_module(x).lib.stride_tricks.as_strided; None for others."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    special = any(name.startswith("__") for name in names)
    return ".".join(names) if names and not special and is_library(node, libraries) else None


def wrong_call(node: ast.Call, path: str) -> Iterator[str]:
    """Yield why a call with so many arguments and these keywords is none that CuPy takes."""
    try:
        signature = signature_of(look_up(path))
    except AttributeError:
        return  # told already
    starred = any(isinstance(arg, ast.Starred) for arg in node.args) or any(key.arg is None for key in node.keywords)
    if signature is not None:
        given = [None] * (len(node.args) + path.startswith("ndarray."))
        bind = signature.bind_partial if starred else signature.bind
        try:
            bind(*([] if starred else given), **{key.arg: None for key in node.keywords if key.arg is not None})
        except TypeError as error:
            yield f"line {node.lineno}: cupy.{path}: {error}"


def test_cupy_has_all_that_the_source_uses():
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        text = file.read_text(encoding="utf-8")
        found += [f"tinynet/{name}, {problem}" for problem in problems(text, name.startswith(HEART))]
    assert not found, "\n".join(found)


def test_cupy_has_all_that_the_first_run_on_a_gpu_uses():
    """Of CuPy's private names too: nobody has time to look for another one on a card."""
    found = [f"{file.name}, {problem}" for file in sorted(FIRST_RUN.glob("*.py"))
             for problem in problems(file.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)
    assert "cupy._core._routines_linalg.COMPUTE_TYPE_TF32" in (FIRST_RUN / "steps.py").read_text(encoding="utf-8")


def test_the_source_uses_names_that_it_looks_at():
    """The check must not pass because it finds nothing to look at."""
    seen = set()
    for file in PACKAGE.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        libraries = {"cupy", "xp"} | set(names_of_libraries(tree))
        seen |= {path_in_library(node, libraries) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert {"maximum", "exp", "RawModule", "concatenate", "cuda.memory.OutOfMemoryError", "asarray"} <= seen


@pytest.mark.parametrize(("mistake", "told"), [
    ("xp = array_module(x)\ny = xp.nditer(x)", "line 2: CuPy has no nditer"),
    ("n, xp = len(x), array_module(x)\ny = xp.cuda.memory.Full", "CuPy has no cuda.memory.Full"),
    ("y = array_module(x).lib.stride_tricks.sliding_windows(x)", "CuPy has no lib.stride_tricks.sliding_windows"),
    ("library = library_of(net)\ny = library.max(x, initial=0)", "unexpected keyword argument 'initial'"),
    ("y = array_module(x).add(x, x, where=mask)", "unexpected keyword argument 'where'"),
    ("y = x.max(axis=1, initial=0)", "cupy.ndarray.max: got an unexpected keyword argument 'initial'"),
    ("y = (x * x).sum(where=mask)", "cupy.ndarray.sum"),
    ("y = layer.params['w'].mean(axis=0, where=mask)", "cupy.ndarray.mean"),
    ("import cupy\ncupy.asarray(x, like=y)", "unexpected keyword argument 'like'"),
    ("def f(xp):\n    return xp.full(3)", "missing a required argument"),
    ("xp.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)", "unexpected keyword argument 'writeable'"),
    ("generator = xp.random.default_rng(0)\nxp.random.Generator.permutation(x)", "no random.Generator.permutation"),
])
def test_what_cupy_lacks_is_found(mistake, told):
    found = list(problems(mistake, heart=True))
    assert len(found) == 1 and told in found[0], found


def test_what_cupy_has_is_not_reported():
    right = """
xp, half = array_module(x), 3
y = xp.maximum(x, 0, out=x) + xp.zeros(shape, dtype=x.dtype) + xp.concatenate(parts, axis=1)
z = y.sum(axis=(0, 1), keepdims=True).reshape(len(y), -1).astype(dtype, copy=False) + np.max(x, initial=0)
v = np.abs(x).max(initial=0)
y.transpose(0, 2, 1).max(*axes)
found = max(numbers, default=0)
"""
    assert list(problems(right)) == []
