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
        self._texts: list[str | None] = [OVERFLOW]
        self._numbers = {OVERFLOW: 0}
        self._unsaved: list[tuple[int, str]] = []

    def number(self, text: str) -> int:
        """The number of a text; a new one is numbered, and waits in ``take_new``."""
        found = self._numbers.get(text)
        return self._add(text) if found is None else found

    def text(self, number: int) -> str:
        """The text of a number; raise StateError if the table does not know it."""
        text = self._texts[number] if 0 <= number < len(self._texts) else None
        if text is None:
            raise StateError(f"template {number} is not in the changelog")
        return text

    def take_new(self) -> list[tuple[int, str]]:
        """Number and text of what was added since the last call."""
        new, self._unsaved = self._unsaved, []
        return new

    def restore(self, number: int, text: str) -> None:
        """Put a saved text back; numbers may come in any order. Raises StateError for a number that was never given."""
        if not 0 < number < self._limit:
            raise StateError(f"template {number} is not one of 1 to {self._limit - 1}")
        if number >= len(self._texts):
            self._texts.extend([None] * (number + 1 - len(self._texts)))
        self._texts[number] = text
        self._numbers[text] = number

    def check(self) -> None:
        """After everything is restored: raise StateError if a text is missing."""
        if None in self._texts:
            raise StateError(f"template {self._texts.index(None)} is missing, though later ones are there")

    def __len__(self) -> int:
        return len(self._texts)

    def _add(self, text: str) -> int:
        if len(self._texts) >= self._limit:
            return 0
        number = self._numbers[text] = len(self._texts)
        self._texts.append(text)
        self._unsaved.append((number, text))
        return number
