"""Runs the Python in a page while it is built, so that every output that a reader sees was computed.

A block that begins with "```python run" is shown with what it prints; of "```python table" only what it prints is
shown, as Markdown. The blocks of a page share their names, as the cells of a notebook do.
"""
import ast
import contextlib
import io
import re
from typing import Any

BLOCK = re.compile(r"^```python (run|table)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def with_outputs(text: str, names: dict[str, Any] | None = None) -> str:
    """Return a page with the outputs of its blocks; `names` is what they find defined."""
    known = dict(names or {})

    def replaced(match: re.Match) -> str:
        kind, code = match.groups()
        output = output_of(code, known)
        if kind == "table":
            return output
        shown = f"\n\n```{{code-block}} text\n:class: output\n\n{output}\n```" if output else ""
        return f"```python\n{code}```{shown}"

    return BLOCK.sub(replaced, text)


def output_of(code: str, names: dict[str, Any]) -> str:
    """Return what a block prints, and the value of its last line as Python's prompt would show it."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<page>", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "<page>", "eval"), names)
            if value is not None:
                print(repr(value))
    return printed.getvalue().rstrip("\n")
