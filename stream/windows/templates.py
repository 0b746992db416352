"""The masked texts that a partition has seen, numbered in the order in which it met them.

The number stands in the packed windows, the text in the changelog once. The table is bounded, so that hostile lines
cannot fill the memory: beyond it, new texts share number 0.
"""

from collections.abc import Callable

from stream.errors import StateError
from stream.lines.continued import JOINT
from stream.windows.packed import template

OVERFLOW = "<other>"
MAX_TEMPLATES = 65_536


class _Numbers(dict[str, int]):
    """Asks ``add`` for the number of a text that it does not know, and keeps none by itself."""

    def __init__(self, add: Callable[[str], int]) -> None:
        super().__init__({OVERFLOW: 0})
        self._add = add

    def __missing__(self, text: str) -> int:
        return self._add(text)


class TemplateTable:
    """Text ↔ number, both ways, for one partition.

    ``number(text)`` is the number of a text; a new one is numbered, and waits in ``take_new``. ``texts`` has them by
    their numbers, and is to be read only. ``chains``: the packed numbers of those that are chains (see
    ``stream.lines.continued``).
    """

    def __init__(self, limit: int = MAX_TEMPLATES) -> None:
        self._limit = limit
        self.texts = [OVERFLOW]
        self.chains: set[bytes] = set()
        self._holes: set[int] = set()  # numbers that are not restored yet
        self._numbers = _Numbers(self._add)
        self.number: Callable[[str], int] = self._numbers.__getitem__  # every line asks: no frame of Python for it
        self._unsaved: list[tuple[int, str]] = []

    def text(self, number: int) -> str:
        """The text of a number; raise StateError if the table does not know it."""
        if not 0 <= number < len(self.texts) or number in self._holes:
            raise StateError(f"template {number} is not in the changelog")
        return self.texts[number]

    def take_new(self) -> list[tuple[int, str]]:
        """Number and text of what was added since the last call."""
        new, self._unsaved = self._unsaved, []
        return new

    def restore(self, number: int, text: str) -> None:
        """Put a saved text back; numbers may come in any order. Raises StateError for a number that was never given."""
        if not 0 < number < self._limit:
            raise StateError(f"template {number} is not one of 1 to {self._limit - 1}")
        if (missing := number + 1 - len(self.texts)) > 0:
            self._holes.update(range(len(self.texts), number))
            self.texts.extend([""] * missing)
        self._holes.discard(number)
        self.texts[number] = text
        self._numbers[text] = number
        self._note(number, text)

    def check(self) -> None:
        """After everything is restored: raise StateError if a text is missing."""
        if self._holes:
            raise StateError(f"template {min(self._holes)} is missing, though later ones are there")

    def __len__(self) -> int:
        return len(self.texts)

    def _add(self, text: str) -> int:
        if len(self.texts) >= self._limit:
            return 0
        number = self._numbers[text] = len(self.texts)
        self.texts.append(text)
        self._note(number, text)
        self._unsaved.append((number, text))
        return number

    def _note(self, number: int, text: str) -> None:
        if JOINT in text:
            self.chains.add(template(number))
