"""The free photographs that come with tinynet; photographs/README.md names their authors and licenses."""
from pathlib import Path

from ..errors import ArgumentError

FOLDER = Path(__file__).parent / "photographs"


def sample_photograph(name: str) -> Path:
    """Return the path of a photograph to try a network on.

    Parameters
    ----------
    name : str
        "berlin_cathedral" (a church; Gary Todd, CC0), "spaniels" (two cocker spaniels; Aitzol Berasategi, CC BY 4.0) or
        "light_bulb" (Vitaium, CC0).

    Returns
    -------
    Path
        Of a JPEG, for `load_image`, `Preprocessing.load_image` or the command line.

    Raises
    ------
    ArgumentError
        For another name.
    """
    known = sorted(path.stem for path in FOLDER.glob("*.jpg"))
    if name not in known:
        raise ArgumentError(f"sample_photograph: name is {name!r}, expected {', '.join(map(repr, known))}")
    return FOLDER / f"{name}.jpg"
