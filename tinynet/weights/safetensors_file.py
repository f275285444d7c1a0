"""Files in the form of safetensors, through its library (the extra `weights`)."""
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError
from ..files import atomic_write


def read_safetensors(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Return the arrays of a .safetensors file by their names; WeightsError for one that cannot be read."""
    library = safetensors(path)
    try:
        return library.load(Path(path).read_bytes())
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    except MemoryError:  # says nothing about the file
        raise
    except KeyError as error:
        raise WeightsError(f"{path} has numbers of the kind {error.args[0]}, which NumPy lacks: save it in float32"
                           ) from error
    except Exception as error:  # the library's own
        raise WeightsError(f"{path} is damaged, or not a .safetensors file ({type(error).__name__}: {error})"
                           ) from error


def write_safetensors(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a .safetensors file; one of that name is replaced when the new one is whole."""
    content = safetensors(path).save({name: np.asarray(array, order="C") for name, array in arrays.items()})
    try:
        with atomic_write(Path(path)) as file:
            file.write(content)
    except OSError as error:
        raise WeightsError(f"{path} cannot be written: {error.strerror or error}") from error


def safetensors(path: str | os.PathLike) -> Any:
    """Return the library's functions for NumPy."""
    try:
        from safetensors import numpy
    except ImportError:
        raise WeightsError(f"{path}: .safetensors files need the extra 'weights': pip install 'tinynet[weights]'"
                           ) from None
    return numpy
