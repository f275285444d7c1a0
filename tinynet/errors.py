"""The errors that a user's input can cause; each message names what was found and what was expected."""


class TinynetError(ValueError):
    """Base of them all; the command line prints its message without a traceback."""


class ArgumentError(TinynetError):
    """An argument whose value makes no sense."""


class ShapeError(TinynetError):
    """An array, or a window, whose size does not fit."""


class DtypeError(TinynetError, TypeError):
    """An array whose dtype is not that of its layer's parameters."""


class DataError(TinynetError):
    """A file, a folder or a data set that cannot be used."""


class CheckpointError(TinynetError):
    """A checkpoint that is missing, damaged or not ours."""


class WeightsError(TinynetError):
    """A file of another program's weights that cannot be read, or does not fit the network."""


class GpuMemoryError(TinynetError):
    """A batch that does not fit into the GPU's memory."""


class OutOfMemoryError(TinynetError):
    """A training that does not fit into the memory that the process may have."""


class NotFiniteError(TinynetError):
    """A loss that became infinite or not a number."""
