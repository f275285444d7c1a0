"""What a student's code raised, in plain words and with its line."""
import linecache
import traceback

from ..exercises.loading import in_words

UNWRITTEN = "still to be written"


def told(error: BaseException) -> str:
    """Say what happened and in which line of the student's code; UNWRITTEN where a body was left as handed out."""
    if isinstance(error, NotImplementedError):
        return UNWRITTEN
    if isinstance(error, SyntaxError) and error.filename:
        lines = linecache.getlines(error.filename)
        return in_words(error, lines, error.filename)
    frames = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    theirs = [name for name in frames if is_students(name)]
    if not theirs:
        return in_words(error, [])
    text = in_words(error, linecache.getlines(theirs[-1]), theirs[-1])
    return text if theirs[-1] == theirs[0] else f"{theirs[-1].strip('<>')}, {text}"


def is_students(file_name: str) -> bool:
    """Whether a traceback's file is one of a step, or a notebook's cell."""
    return file_name.startswith(("<step_", "<ipython-input")) or "ipykernel_" in file_name
