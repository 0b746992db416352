"""Windows of lines that come from files, or from anywhere that ends: the same windows as the daemon's, no broker."""

from collections.abc import Iterable, Iterator
from datetime import UTC, tzinfo

from stream.lines import BadLine, new_reader
from stream.lines.log import Entry, Log
from stream.windows.settings import WindowSettings
from stream.windows.source import SourceClock
from stream.windows.store import WindowStore
from stream.windows.window import Window


class Counts:
    """What happened to the lines: ``lines`` read, ``no_block``, ``continued`` (they belong to the line before), ``bad``
    by reason, ``late``, and ``jumps``: those whose time was too far ahead to be followed. ``begun`` and ``reached`` are
    the event times (epoch ms) that were believed first and last, 0 before any is.
    """

    def __init__(self) -> None:
        self.lines = self.no_block = self.continued = self.late = self.jumps = 0
        self.begun = self.reached = 0
        self.bad: dict[str, int] = {}

    def believe(self, progress: int) -> None:
        """Event time has come so far."""
        self.begun = self.begun or progress
        self.reached = progress


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
    settings = settings or WindowSettings()
    store = WindowStore(settings)
    clock = SourceClock(settings.max_jump)
    log = Log(new_reader(zone, settings.format, settings.block_pattern))
    for number, entry in _entries(lines, log, counts):
        for block in entry.blocks:
            store.add(block, entry.time, entry.text, number)
        if not entry.chain:
            clock.observe(entry.time)
        store.progress = clock.progress
        store.advance(clock.progress)
        counts.late, counts.jumps = store.late, clock.jumps
        counts.believe(clock.progress)
        for due in store.take_due():
            yield due.window
    clock.settle()
    store.progress = clock.progress
    store.advance(clock.progress)
    store.finish()
    counts.jumps = clock.jumps
    counts.believe(clock.progress)
    for due in store.take_due():
        yield due.window


def _entries(lines: Iterable[bytes], log: Log, counts: Counts) -> Iterator[tuple[int, Entry]]:
    """What goes into windows, with the number of its line; the rest is counted."""
    for number, raw in enumerate(lines):
        counts.lines += 1
        of_blocks = 0
        try:
            before = log.continued
            for inner in log.messages(raw):
                if (entry := log.entry(inner)) is not None:
                    of_blocks += 1
                    yield number, entry
            counts.continued += log.continued - before
            counts.no_block += not of_blocks and log.continued == before
        except BadLine as bad:
            counts.bad[bad.reason] = counts.bad.get(bad.reason, 0) + 1
