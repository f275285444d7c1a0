"""Before several processes train together: that they mean the same training, and begin with the same numbers."""
from collections.abc import Mapping
from typing import Any

from ..distributed.team import Team
from ..errors import ArgumentError
from ..network import Network
from ..network.params import library_of
from .checkpoint import contents_of, fill_network, packed, unpack
from .optimizer import Optimizer
from .run_folder import first_difference


def check_same_settings(team: Team, settings: Mapping[str, Any]) -> None:
    """Raise ArgumentError, in all processes, unless their networks, data and other settings are the same."""
    words = "is {given!r} there and {saved!r} in process 0"
    difference = first_difference(team.from_first(settings), settings, words=words)
    for number, found in enumerate(team.from_all(difference)):
        if found is not None:
            raise ArgumentError(f"fit: process {number} has another network, other data or other settings than process "
                                f"0: {found}")


def check_same_library(team: Team, net: Network) -> None:
    """Raise ArgumentError, in all processes, where some have their network on a GPU and some have not."""
    places = ["the CPU" if library == "numpy" else "a GPU" for library in team.from_all(library_of(net).__name__)]
    for number, place in enumerate(places):
        if place != places[0]:
            raise ArgumentError(f"fit: process {number} has its network on {place} and process 0 on {places[0]}; all "
                                "have to compute on the same kind, for instance on the CPU (--device cpu)")


def check_adds_up(team: Team, optimizer: Any) -> None:
    """Raise ArgumentError for an optimizer whose own `step` would not add the gradients of several processes up."""
    if team.size > 1 and getattr(type(optimizer), "step", None) is not Optimizer.step:
        raise ArgumentError(f"fit: {type(optimizer).__name__} has a step of its own, which does not add up what "
                            "several processes found: derive it from Optimizer (tinynet/training/optimizer.py), with "
                            "its formula in `update`, or train in one process")


def begin_alike(team: Team, net: Network, optimizer: Any, schedule: Any, progress: Any) -> Any:
    """Give all processes the first one's network, optimizer and schedule, and return its progress."""
    if team.size == 1:
        return progress
    header, arrays = team.from_first(packed(contents_of(net, optimizer, schedule, None)) if team.leads else None)
    if not team.leads:
        state = {name: unpack(value, arrays) for name, value in header.items()}
        fill_network("what process 0 sent", net, state)
        optimizer.load_state(state["optimizer"])
        if schedule is not None:
            schedule.load_state(state["schedule"])
    return team.from_first(progress)
