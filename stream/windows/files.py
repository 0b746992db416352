"""Windows of lines that come from files, or from anywhere that ends: the same windows as the daemon's, no broker."""

from collections.abc import Iterable, Iterator
from datetime import UTC, tzinfo

from stream.lines import BadLine, LineReader, block_ids
from stream.windows.settings import WindowSettings
from stream.windows.store import WindowStore
from stream.windows.window import Window


class Counts:
    """What happened to the lines: ``lines`` read, ``no_block``, ``bad`` by reason, ``late``."""

    def __init__(self) -> None:
        self.lines = self.no_block = self.late = 0
        self.bad: dict[str, int] = {}


def windows_of(
    lines: Iterable[bytes],
    settings: WindowSettings | None = None,
    zone: tzinfo = UTC,
    counts: Counts | None = None,
) -> Iterator[Window]:
    """Yield the closed windows of raw lines, in the order in which event time closes them; offsets are line numbers
    from 0. Unreadable lines and lines without a block are counted, not scored.
    """
    for window in looked_at(lines, settings, zone, counts):
        if window.complete:
            yield window


def looked_at(
    lines: Iterable[bytes],
    settings: WindowSettings | None = None,
    zone: tzinfo = UTC,
    counts: Counts | None = None,
) -> Iterator[Window]:
    """Yield closed windows and, each time a block is quiet, its window so far (``complete`` tells them apart)."""
    counts = counts or Counts()
    store = WindowStore(settings or WindowSettings())
    reader = LineReader(zone)
    for number, raw in enumerate(lines):
        counts.lines += 1
        try:
            blocks = block_ids(raw)
            if not blocks:
                counts.no_block += 1
                continue
            time, text = reader.read(raw)
        except BadLine as bad:
            counts.bad[bad.reason] = counts.bad.get(bad.reason, 0) + 1
            continue
        for block in blocks:
            store.add(block, time, text, number)
        store.progress = max(store.progress, time)
        store.advance(store.progress)
        counts.late = store.late
        for due in store.take_due():
            yield due.window
    store.finish()
    for due in store.take_due():
        yield due.window
