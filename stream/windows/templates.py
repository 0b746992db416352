"""The masked texts that a partition has seen, numbered in the order in which it met them.

The number stands in the packed windows, the text in the changelog once. The table is bounded, so that hostile lines
cannot fill the memory: beyond it, new texts share number 0.
"""

from stream.errors import StateError

OVERFLOW = "<other>"
MAX_TEMPLATES = 65_536


class TemplateTable:
    """Text ↔ number, both ways, for one partition."""

    def __init__(self, limit: int = MAX_TEMPLATES) -> None:
        self._limit = limit
        self._texts = [OVERFLOW]
        self._numbers = {OVERFLOW: 0}
        self._unsaved: list[int] = []

    def number(self, text: str) -> int:
        """The number of a text; a new one is numbered, and waits in ``take_new``."""
        found = self._numbers.get(text)
        return self._add(text) if found is None else found

    def text(self, number: int) -> str:
        """The text of a number; raise StateError if the table does not know it."""
        try:
            return self._texts[number]
        except IndexError:
            raise StateError(f"template {number} is not in the changelog") from None

    def take_new(self) -> list[tuple[int, str]]:
        """Number and text of what was added since the last call."""
        new, self._unsaved = self._unsaved, []
        return [(number, self._texts[number]) for number in new]

    def restore(self, number: int, text: str) -> None:
        """Put a saved text back; numbers may come in any order."""
        if number >= len(self._texts):
            self._texts.extend([OVERFLOW] * (number + 1 - len(self._texts)))
        self._texts[number] = text
        self._numbers[text] = number

    def __len__(self) -> int:
        return len(self._texts)

    def _add(self, text: str) -> int:
        if len(self._texts) >= self._limit:
            return 0
        number = self._numbers[text] = len(self._texts)
        self._texts.append(text)
        self._unsaved.append(number)
        return number
