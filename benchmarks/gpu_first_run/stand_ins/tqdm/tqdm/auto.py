"""As tqdm.auto: the bar that fits."""
from . import tqdm

__all__ = ["tqdm"]
