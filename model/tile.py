"""Windows laid out one behind the other in a tile: a fixed number of rows, no padding but at its end.

Equal lengths lie side by side, as runs, so that attention sees each run as one block that needs no mask. Knows token
ids and nothing of layers.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch

Ids = tuple[int, ...]

ROWS_PER_WINDOW = 8
"""A tile of so many times n rows holds at most n windows."""


class Run(NamedTuple):
    """``number`` windows of ``length`` tokens; the first is the ``window``-th and begins in row ``row``."""

    row: int
    window: int
    number: int
    length: int

    @property
    def rows(self) -> slice:
        """The rows of its tokens."""
        return slice(self.row, self.row + self.number * self.length)

    @property
    def starts(self) -> slice:
        """The rows of its [CLS] tokens."""
        return slice(self.row, self.row + self.number * self.length, self.length)

    @property
    def windows(self) -> slice:
        """The places of its windows."""
        return slice(self.window, self.window + self.number)


class Tile:
    """Windows in ascending order of length: ``ids`` and ``positions`` are ``(rows,)``; a row of nobody is 0 in both."""

    def __init__(self, windows: Sequence[Ids], rows: int, device: torch.device) -> None:
        tokens = [token for ids in windows for token in ids]
        places = [place for ids in windows for place in range(len(ids))]
        nobody = [0] * (rows - len(tokens))
        both = torch.tensor([tokens + nobody, places + nobody])
        if device.type == "cuda":  # copied while the processor goes on
            both = both.pin_memory().to(device, non_blocking=True)
        self.ids, self.positions = both
        self.runs = list(_runs(windows))
        self.windows = rows // ROWS_PER_WINDOW


def cut(windows: Sequence[Ids], sizes: Sequence[int]) -> Iterator[tuple[list[Ids], int]]:
    """Windows, in ascending order of length, in groups that fit tiles, each with the rows of the smallest that it fits.

    ``sizes`` are ascending; no window may be longer than the last.
    """
    most = sizes[-1]
    group: list[Ids] = []
    tokens = 0
    for ids in windows:
        if tokens + len(ids) > most or len(group) * ROWS_PER_WINDOW == most:
            yield group, _rows(group, tokens, sizes)
            group, tokens = [], 0
        group.append(ids)
        tokens += len(ids)
    if group:
        yield group, _rows(group, tokens, sizes)


def _rows(group: list[Ids], tokens: int, sizes: Sequence[int]) -> int:
    return next(size for size in sizes if size >= max(tokens, len(group) * ROWS_PER_WINDOW))


def _runs(windows: Sequence[Ids]) -> Iterator[Run]:
    row = first = 0
    for i, ids in enumerate(windows):
        if i + 1 == len(windows) or len(windows[i + 1]) != len(ids):
            yield Run(row, first, i + 1 - first, len(ids))
            row += (i + 1 - first) * len(ids)
            first = i + 1
