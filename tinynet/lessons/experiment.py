"""An experiment as plain data: its question, its arms, what every arm gets, and how its result is reported."""
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..network import Network


@dataclass(frozen=True)
class Arm:
    """One way to make and train the network.

    Parameters
    ----------
    name : str
    switches : mapping
        Arguments of the lesson's model: {"normalization": "batch"}.
    change : function of (Network, seed), optional
        Returns the network to train instead of the one that the model made, with other layers for instance.
    training : mapping
        What its recipe has instead: {"augmentation": {}, "weight_decay": 0}.
    rates : tuple of float, optional
        Learning rates to choose from, instead of the budget's.
    epochs, seeds : int, optional
        At most so many of the budget's.
    """

    name: str
    switches: Mapping[str, Any] = field(default_factory=dict)
    change: Callable[[Network, int], Network] | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    rates: tuple[float, ...] | None = None
    epochs: int | None = None
    seeds: int | None = None


@dataclass(frozen=True)
class Budget:
    """What every arm gets.

    Parameters
    ----------
    epochs, images, batch_size : int
        Of each training; `images` is the number of training images.
    seeds : int
        How many trainings of each arm are reported. Seed k fixes the initial weights, the order of the images and
        their random crops, the same for all arms.
    rates : tuple of float
        Learning rates to choose from. With more than one each arm is first trained with seed 0 at each; its
        best, by the error on images held out of training, is the one that the seeds are run with.
    search_epochs : int, optional
        Of each training of this search; None: all of `epochs`, since a few favour the rate that is fast at first.
    test_images : int
        Images in the test set at most, and where rates are searched as many held out; 0: neither.
    until : float, optional
        A training error at which a training stops.
    drops : tuple of float
        The rate is divided by 10 after these parts of the epochs.
    """

    epochs: int
    images: int
    seeds: int
    rates: tuple[float, ...]
    search_epochs: int | None = None
    batch_size: int = 128
    test_images: int = 2000
    until: float | None = None
    drops: tuple[float, ...] = (0.7, 0.9)


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What a lesson tries and how its result is reported.

    Parameters
    ----------
    name, question : str
    arms : tuple of Arm
        The first is the one that the others are compared with.
    quick, full : Budget
    quick_arms : tuple of Arm
        Those of the quick form, if they are not the same.
    published : mapping of str to str
        By arm, or "all": what the paper and its authors' program report.
    scale : str
        How the experiment differs from theirs.
    model, switches, training
        The network that the arms vary: a name on the command line or a function, arguments for it, changes of its
        recipe.
    stages : function of a Plan
        Trains; returns the records.
    measure : function of (network, Plan), optional
        More numbers of a trained network, a dict for JSON.
    watch : function of (network, Plan), optional
        Numbers of a network before training and after each epoch of a training that is reported, a dict for JSON. They
        are in the record under "watched"; each that is one number also in its epoch's row, and so a column of the CSV.
    columns : mapping of str to function of (Result, Arm)
        More columns of the table; each gives an arm's cell. {first} in a name stands for the first arm's.
    findings : function of a Result
        Sentences under the table.
    draw : function of a Result
        The plot.
    """

    name: str
    question: str
    arms: tuple[Arm, ...]
    quick: Budget
    full: Budget
    published: Mapping[str, str]
    scale: str
    model: str | Callable[..., Network] = "alexnet-small"
    quick_arms: tuple[Arm, ...] = ()
    switches: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    stages: Callable[[Any], list[dict[str, Any]]]
    measure: Callable[[Network, Any], dict[str, Any]] | None = None
    watch: Callable[[Network, Any], dict[str, Any]] | None = None
    columns: Mapping[str, Callable[[Any, Arm], str]] = field(default_factory=dict)
    findings: Callable[[Any], list[str]] = lambda result: []
    draw: Callable[[Any], Any]
