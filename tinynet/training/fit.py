"""Training a network: `fit` puts data, optimizer, schedule and run folder together and lets the loop run."""
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Literal

import numpy as np

from ..data import Augmentation, Loader, Preprocessing
from ..data.dataset import as_data
from ..distributed import team_of
from ..distributed.shared_loader import loader_for
from ..errors import ArgumentError, CheckpointError
from ..network import Network
from ..network.params import library_of
from ..ops.checks import check_between, check_count
from .alike import begin_alike, check_adds_up, check_same_library, check_same_settings
from .checkpoint import check_buffers, check_network, reason, restore_network
from .frozen import features_of, mirror_alone, split_for_training
from .history import History
from .loop import Position, Training
from .memory import explain_memory
from .optimizer import Optimizer
from .preparation import (
    check_belongs,
    check_classes,
    check_first_image,
    check_recipe,
    check_validation,
    choose_augmentation,
    choose_preprocessing,
    describe_run,
    optimizer_from,
)
from .progress import say
from .run_folder import RunFolder, run_difference
from .schedules import ReduceOnPlateau, StepSchedule, schedule_from


def fit(
    net: Network, train: Any, validation: Any = None, *, epochs: int | None = None, batch_size: int | None = None,
    optimizer: Optimizer | None = None, schedule: ReduceOnPlateau | StepSchedule | None = None,
    augmentation: Augmentation | Literal[False] | None = None, preprocessing: Preprocessing | None = None,
    seed: int = 0, run: str | os.PathLike | None = None, resume: bool = False, loader_threads: int = 1,
    progress: bool = True, checkpoint_seconds: float = 30, until: float | None = None, freeze: str | None = None,
    after_epoch: Callable[[Network, int], None] | None = None, comm: Any = None, split: str = "batch",
) -> History:
    """Train a network.

    What is not given comes from the network's `recipe`, then from the defaults of SGD (of Adam, where the recipe's
    "optimizer" is "adam"), 10 epochs, batches of 128, a constant learning rate and no augmentation.

    Parameters
    ----------
    net : Network
        Trained in place, on the GPU if `to_gpu` brought it there. Gets `preprocessing` and `class_names`.
    train, validation : Dataset, ImageFolder, or a pair (images, labels)
        A pair's images, float (N, H, W, C) or (N, features), go into the network as they are. The validation error
        decides what the best checkpoint is, and when a `ReduceOnPlateau` acts; without a validation set the training
        error does. Before the first step the network evaluates a batch of it, and its files are read once (of more than
        10,000 only their headers).
    epochs, batch_size : int
    optimizer : SGD or Adam
        Of this network.
    schedule : ReduceOnPlateau or StepSchedule
        Of this optimizer. Default: the recipe's, which begins with the rate that the optimizer has: after a training
        with such a schedule that is a lower one. A run that is resumed with the optimizer that has trained it goes on.
    augmentation : Augmentation or False
        False: none, whatever the recipe says.
    preprocessing : Preprocessing
        Default: the network's own if it has one, else the mean of `train` and a crop to the network's input; images
        that are a little smaller, as digits of 28 x 28 for LeNet-5, get a border of 0. The mean is an image, or with
        "colour" as the recipe's "mean" one colour for all places.
    seed : int
        Of the order of the images and of crops, mirror images and colours. (Weights and dropout have their own.)
    run : path-like, optional
        A folder for settings.json, metrics.csv, log.txt, curve.png and the checkpoints last.npz (at the start, after
        every epoch, every `checkpoint_seconds`, and when Ctrl-C stops the training) and best.npz.
    resume : bool
        Go on where the run in the folder stopped, as if it had not: the same bits, or on another device or with another
        number of processes the same to rounding. Network, data and all settings must be those of the run; only
        `epochs`, `until`, `loader_threads`, `progress`, `checkpoint_seconds`, `after_epoch`, `comm` and `split` may
        differ.
    loader_threads : int
        Threads that read and augment training images ahead, with `freeze` all images once; they change no number. 0:
        none.
    progress : bool
        A bar on a terminal and in a notebook, and a line for each epoch.
    checkpoint_seconds : float
    until : float, optional
        The training is over after an epoch with a training error (that of the history, from 0 to 1) of this or less,
        if one comes before the last.
    freeze : str, optional
        The name of a layer: only what comes after it is trained. All up to it stays as it is, and runs as in
        evaluation; its outputs for the training and validation images are computed once, before the first epoch, and
        kept in memory (how much, is said). Therefore only mirror images are left of the augmentation, and no crops or
        colours: each epoch has every training image and its mirror image. Checkpoints have the whole network.
        `optimizer`, if given, is one of the layers to train, ``SGD(tn.split_network(net, freeze)[1])``.
    after_epoch : function of (Network, int), optional
        Looks at the network before the first step, with the number 0, and after each epoch, with the epoch's; it
        changes nothing in it. It is called before the checkpoint is written: a run that is stopped in between does
        this epoch, and the call, once more. Of several processes each calls it.
    comm : mpi4py.MPI.Comm, optional
        Of processes that have all called `fit` with the same arguments, `MPI.COMM_WORLD`: together they do what one
        process does (docs/processes.md). All begin with what the first one has, which alone has `run` and prints. An
        error, other than Ctrl-C, is printed and ends all processes.
    split : str
        What several processes share out: "batch", each has some of its images; or "towers", each of two processes has
        one of the network's two towers.

    Returns
    -------
    History
        A list with a dict for each epoch, those before a resumption too.

    Raises
    ------
    ArgumentError
        For arguments that do not go together, a network that ends in Softmax (the loss has it), a run that is there
        already (unless it took no step) or under way, or one that differs in a setting; and for a key of the
        network's recipe that means nothing.
    CheckpointError
        When the last checkpoint of a run to resume is damaged.
    ShapeError, DtypeError
        When the network does not take the images; no run has begun then.
    DataError
        When more than 1% of a folder's image files cannot be read. Fewer are named, on standard error and in log.txt,
        and left out.
    GpuMemoryError
        When a batch does not fit into the GPU's memory; names one that would.
    OutOfMemoryError
        When the training does not fit into the memory that the process may have; says what it needs.
    NotFiniteError
        When loss, gradients or parameters become infinite or nan; names the first layer where they did.
    KeyboardInterrupt
        After Ctrl-C, when the batch under way is done and a checkpoint written.
    """
    team = team_of(comm, split)
    with team.end_together():
        check_network("fit", net)
        check_recipe(net)
        if run is not None:
            check_buffers("fit", net)
        recipe = net.recipe
        epochs = check_count("fit", "epochs", recipe.get("epochs", 10) if epochs is None else epochs)
        batch_size = check_count(
            "fit", "batch_size", recipe.get("batch_size", 128) if batch_size is None else batch_size)
        check_between("fit", "checkpoint_seconds", checkpoint_seconds, 0, float("inf"), infinite=True)
        if until is not None:
            until = check_between("fit", "until", until, 0, 1)
        train, validation = as_data(train, "train"), None if validation is None else as_data(validation, "validation")
        check_classes(net, train, validation)
        check_same_library(team, net)
        team.check_network(net, batch_size)
        if resume and run is None:
            raise ArgumentError("fit: resume needs `run`, the folder of the run to resume")
        if freeze is not None and team.size > 1:
            raise ArgumentError(f"fit: freeze is for a training in one process, and there are {team.size}")
        frozen, trained = (None, net) if freeze is None else split_for_training(net, freeze, optimizer)
        optimizer = optimizer_from(trained) if optimizer is None else optimizer
        planned = recipe.get("schedule") if schedule is None else None
        if planned is not None:
            schedule = schedule_from(planned, optimizer)  # an error in it before anything else
        check_belongs(trained, optimizer, schedule)
        check_adds_up(team, optimizer)
        progress = progress and team.leads
        folder = None
        if run is not None and team.leads:
            folder = RunFolder(run, resume, say if progress else lambda text: None)
        on_gpu = library_of(net) is not np
        shape, most = net.input_shape or train.image_shape, -(-min(batch_size, len(train)) // team.size)
        if frozen is not None:
            recipe, shape = mirror_alone(augmentation, recipe), frozen.output_shape(shape)
        with nullcontext() if folder is None else folder.in_use(), \
                nullcontext() if on_gpu else explain_memory(trained, shape, most, optimizer):
            state = folder.training_state() if folder is not None and resume else None
            saved = team.from_first(None if state is None else state["progress"]["settings"])
            now = team.from_first(rate_in(state))
            if team.size > 1 and saved is None:  # another processor would find other last bits
                first = choose_augmentation(augmentation, recipe, train, None) if team.leads else None
                saved = team.from_first({"augmentation": None if first is None else first.settings})
            augmentation = choose_augmentation(augmentation, recipe, train, saved)
            # The recipe's schedule, made anew, begins where the run did, if the optimizer is as the run left it.
            with at_rate(optimizer, rate_in(saved) if planned is not None and optimizer.learning_rate == now else None):
                if planned is not None:
                    schedule = schedule_from(planned, optimizer)
                settings = {} if run is None and team.size == 1 else describe_run(
                    net, train, validation, batch_size, seed, optimizer, schedule, augmentation, freeze, resume)
            check_same_settings(team, settings)
            position, history = Position(), History()
            if folder is not None and state is not None:
                position, history = go_on(folder, state, settings, net, optimizer, schedule)
            position, history = begin_alike(team, net, optimizer, schedule, (position, history))
            pad = 0 if augmentation is None else augmentation.pad
            ready = choose_preprocessing(net, train, preprocessing, resume, pad)
            loader = loader_for(team)(
                train, ready, batch_size, augmentation, shuffle=True, seed=seed, threads=loader_threads)
            check_first_image(net, loader, augmented_alone=resume)
            if frozen is not None:
                mirror = augmentation is not None and augmentation.mirror
                features, validation = features_of(
                    net, frozen, train, validation, batch_size, mirror, progress, loader_threads)
                loader = Loader(features, None, batch_size, shuffle=True, seed=seed, threads=loader_threads)
            if position.batch > len(loader):
                raise CheckpointError(f"{run} cannot be resumed: its last checkpoint comes after batch "
                                      f"{position.batch} of an epoch of {len(loader)}")
            if validation is not None and not resume:
                check_validation(trained, validation, batch_size, progress)
            if folder is not None:
                folder.write_settings({"data_name": train.name, **settings, "epochs": epochs, "until": until})
            with team.hold_interrupts(), team.own_network(trained, optimizer) as own:
                training = Training(own, loader, validation, optimizer, schedule, epochs, until, settings, folder,
                                    checkpoint_seconds, progress, position, history, team, after_epoch,
                                    None if frozen is None else net)
                history = training.run()
                if team.size > 1:
                    team.agree(0)  # Ctrl-C may have come since the last batch
                return history


@contextmanager
def at_rate(optimizer: Optimizer, rate: float | None) -> Iterator[None]:
    """Give the optimizer another learning rate inside the block; None: its own."""
    own = optimizer.learning_rate
    optimizer.learning_rate = own if rate is None else rate
    try:
        yield
    finally:
        optimizer.learning_rate = own


def rate_in(state: Mapping[str, Any] | None) -> float | None:
    """Return the learning rate of the optimizer in a checkpoint, or in a run's settings; None where there is none."""
    own = {} if state is None else state.get("optimizer")
    rate = own.get("learning_rate") if isinstance(own, dict) else None
    return rate if isinstance(rate, float) else None


def go_on(
    folder: RunFolder, state: Mapping[str, Any], settings: Mapping[str, Any], net: Network, optimizer: Optimizer,
    schedule: ReduceOnPlateau | StepSchedule | None,
) -> tuple[Position, History]:
    """Bring network, optimizer and schedule to where the run in the folder stopped; return how far it had come."""
    progress = state["progress"]
    difference = run_difference(progress["settings"], settings)
    if difference is not None:
        raise ArgumentError(f"{folder.path} cannot be resumed: {difference}")
    restore_network(folder.last, net)
    try:
        optimizer.load_state(state["optimizer"])
        if schedule is not None:
            schedule.load_state(state["schedule"])
        position, history = Position(**progress["position"]), History.of(progress["history"])
    except MemoryError:  # says nothing about the file
        raise
    except Exception as error:  # of any kind: what was tampered with is met by what each does with its own
        raise CheckpointError(f"{folder.last} cannot be resumed: {reason(error)}") from error
    if not folder.has_best(position.best, settings):
        position.best = None
    return position, history
