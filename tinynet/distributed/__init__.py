"""Training in several processes, on one machine or on many: MPI carries the numbers, through mpi4py."""
from typing import Any

from ..errors import ArgumentError
from .cards import take_own_card
from .data_parallel import DataParallel
from .team import Team
from .towers import TwoTowers

__all__ = ["SPLITS", "take_own_card", "team_of"]

SPLITS = {"batch": DataParallel, "towers": TwoTowers}


def team_of(comm: Any, split: str) -> Team:
    """Return the processes of a communicator, which share out each batch, or the towers of a network."""
    if split not in SPLITS:
        raise ArgumentError(f"fit: split is {split!r}, expected one of {', '.join(map(repr, SPLITS))}")
    return Team(comm) if comm is None and split == "batch" else SPLITS[split](comm)
