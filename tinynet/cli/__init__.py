"""The command line: `tinynet COMMAND` or `python -m tinynet COMMAND`."""
from .main import main
from .parser import parser

__all__ = ["main", "parser"]
