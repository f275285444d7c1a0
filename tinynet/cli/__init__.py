"""The commands: `tinynet COMMAND`."""
from .main import main, parser

__all__ = ["main", "parser"]
