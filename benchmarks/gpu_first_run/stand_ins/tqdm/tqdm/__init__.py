"""In tqdm's place where it is missing: a bar that shows nothing."""
from typing import Any


class tqdm:  # noqa: N801, the package's own name
    """What tinynet asks of a bar."""

    def __init__(self, iterable: Any = (), **options: Any) -> None:
        self.iterable = iterable

    def __iter__(self) -> Any:
        return iter(self.iterable)

    def update(self, n: int = 1) -> None:
        """Show nothing."""

    def write(self, text: str) -> None:
        print(text)

    def close(self) -> None:
        """There is nothing to close."""
