"""What blocks hold, window by window, each distinct window once: for figures over distinct contents and for the first
line that differs. Knows no score. Memory: some 100 bytes a block, and each distinct window's texts.
"""

from collections import Counter
from collections.abc import Mapping

from stream.windows.window import Window

Texts = tuple[str, ...]


class Contents:
    """Closed windows of blocks; parts of a block come in their order."""

    def __init__(self) -> None:
        self.of: dict[str, tuple[int, ...]] = {}  # block → numbers of its windows' contents, one a part
        self.texts: list[Texts] = []
        self._numbers: dict[Texts, int] = {}

    def add(self, window: Window) -> None:
        """Take in a closed window."""
        number = self._numbers.setdefault(window.texts, len(self.texts))
        if number == len(self.texts):
            self.texts.append(window.texts)
        self.of[window.block_id] = (*self.of.get(window.block_id, ()), number)

    def windows(self) -> dict[str, tuple[Texts, ...]]:
        """The texts of each block's windows, one tuple a part."""
        return {block: tuple(self.texts[number] for number in numbers) for block, numbers in self.of.items()}

    def bags(self, labels: Mapping[str, bool], anomalous: bool) -> list[Counter[str]]:
        """The distinct bags of lines of all windows of blocks with this label."""
        numbers = {number for block, parts in self.of.items() if labels.get(block) is anomalous for number in parts}
        found = {frozenset(Counter(self.texts[number]).items()) for number in numbers}
        return [Counter(dict(bag)) for bag in found]
