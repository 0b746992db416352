"""One partition of the input, whole: read a line, window it, judge what is due, keep and restore the state.

This is the pipeline ``(lines, time) → events``. It is pure: a test drives it without a broker, the daemon is a thin
loop around it. A line that cannot be read raises ``BadLine``; what to do with its bytes is the caller's.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import orjson

from stream.errors import StateError
from stream.lines import LineReader
from stream.scoring import Scorer
from stream.windows.clock import EventClock
from stream.windows.due import Due
from stream.windows.judge import Judged, Source, judge
from stream.windows.known import Known
from stream.windows.records import opened, sealed
from stream.windows.settings import WindowSettings
from stream.windows.source import SourceClock
from stream.windows.store import WindowStore

Change = tuple[bytes, bytes | None]
"""Key and value of a changelog record; the value None deletes (a tombstone)."""

SLICE = 512
"""So many due windows are a good batch to judge: a second or so of the model's time, where the memo knows none."""

_AGAIN = 500
_WINDOW, _TEMPLATE, _PARTS, _CLOCK = b"w", b"t", b"p", b"c"
PARTITIONS = b"n"
"""Key of the first record of a state: how many partitions the input topic had when it was begun."""


class WindowTask:
    """Windows, clock and state of one input partition; ``source`` names it in the evidence.

    ``own_clock``: the lines themselves move the clock (input keyed by block, or a file); if not, ``report`` and
    ``witness`` are told how far every source has come. ``partitions`` is how many the input topic has, if it is one.
    """

    def __init__(
        self,
        settings: WindowSettings,
        scorer: Scorer,
        reader: LineReader,
        source: Source,
        *,
        own_clock: bool,
        partitions: int | None = None,
    ) -> None:
        self.clock = SourceClock(settings.max_jump) if own_clock else EventClock(settings.max_jump)
        self.store = WindowStore(settings)
        self._scorer = scorer
        self._reader = reader
        self._source = source
        self._known = Known()
        self._own = self.clock if isinstance(self.clock, SourceClock) else None
        self._saved_clock = self.clock.snapshot()
        self._again: Iterator[bytes] = iter(())
        self.judged = 0  # windows that the last call of events has judged
        self.due: list[Due] = []  # these windows
        self._partitions = partitions
        self._saved_partitions: int | None = None

    @property
    def waiting(self) -> bool:
        """Whether more windows may be due than the last call of ``events`` was to judge."""
        return self.store.waiting

    def line(self, block: bytes, raw: bytes, offset: int, more: bool = False) -> None:
        """Put a line into the window of ``block``; raise BadLine if it cannot be read. ``more``: the same line comes
        once more, for another block, so that it is one line to the clock.

        The line moves its own clock here and now, so that the place of a line among the others decides what is over
        when it comes, not the size of a batch; alarms ring once a batch, in ``events``.
        """
        time, text, _ = self._reader.parts(raw)
        self.add(block, time, text, offset, more)

    def add(self, block: bytes, time: int, text: str, offset: int, more: bool = False) -> None:
        """As ``line``, for one that is read already."""
        store, own = self.store, self._own
        store.add(block, time, text, offset)
        if own is not None and not more:
            own.observe(time)
            store.progress = own.progress

    def report(self, source: int, sources: int, time: int, at_end: bool, offset: int = -1) -> None:
        """A control record of the route stage: see ``EventClock.report``. As long as few windows are due, they are
        looked at here and now, so that a batch may hold provisional scores; what closes does not depend on it.
        """
        if isinstance(self.clock, EventClock):
            self.clock.report(source, sources, time, at_end, offset)
            self._advance(SLICE)

    def witness(self, sources: int, ends: Iterable[tuple[int, int]]) -> None:
        """A control record of a worker that reads other sources: see ``EventClock.witness``."""
        if isinstance(self.clock, EventClock):
            self.clock.witness(sources, ends)
            self._advance(SLICE)

    def settle(self) -> None:
        """The partition's own lines have ended, for now: see ``SourceClock.settle``."""
        if self._own is not None:
            self._own.settle()
            self.store.progress = self.clock.progress

    def idle(self, elapsed: int, most: int | None = None) -> None:
        """The partition has been at its end for ``elapsed`` ms of wall-clock time. After ``quiet_after`` of it every
        block is quiet, whatever its lines say of the time: an alarm does not wait until a clock is believed.
        """
        self.store.advance(self.clock.idle(elapsed), most)
        if elapsed >= self.store.settings.quiet_after and self.clock.resting:
            self.store.all_quiet(most)

    def events(self, most: int | None = None) -> list[Judged]:
        """Judge what is due by now. Of what only alarms make due, no more than ``most``, together with what ``idle``
        did: the rest stays open with its alarms set, and its turn comes at the next call; ``waiting`` says so.
        """
        self._advance(most)
        self.store.look_again(islice(self._again, _AGAIN))
        due = self.store.take_due()
        self.judged, self.due = len(due), due
        if not due:
            return []
        judged = judge(due, self._scorer, self._source, self._known)
        for key, event, published in judged:
            if event["status"] == "open":
                self.store.record(key, event["part"], published)
        return judged

    def look_again(self) -> None:
        """Another checkpoint scores from now on: what was published about open windows is judged anew, 500 windows at
        each call of ``events``.

        A window may stay open, and quiet, for hours, and a person should not look for so long at an alarm that would
        not be raised any more, or miss one. The new score is compared with the published one, whoever gave that, since
        it is what the world believes: a changed verdict or a materially different score is news, all else is not. This
        is best effort: after a crash or an aborted commit in its midst the rest waits for its next line or its end.
        """
        self._again = iter(self.store.scored())

    def finish(self) -> list[Judged]:
        """The input has ended: close and judge every window."""
        self.settle()
        self._advance()
        self.store.finish()
        return self.events()

    # ── state: every change since the last call, and back ──

    def changes(self) -> Iterator[Change]:
        """Changelog records that bring a restored task to this task's state; call once a commit, after ``events``.

        The first of all says how many partitions the input has: with another number, blocks go to other partitions.
        """
        for change in self._changes():
            if self._saved_partitions is None and self._partitions is not None:
                self._saved_partitions = self._partitions
                yield PARTITIONS, sealed(b"%d" % self._partitions)
            yield change

    def _changes(self) -> Iterator[Change]:
        for number, text in self.store.templates.take_new():
            yield _TEMPLATE + b"%d" % number, sealed(text.encode())
        for block, window in self.store.take_changes():
            yield _WINDOW + block, window
        for block, closed in self.store.take_part_changes():
            yield _PARTS + block, sealed(b"%d %d" % closed) if closed else None
        clock = self.clock.snapshot()
        if clock != self._saved_clock:
            self._saved_clock = clock
            yield _CLOCK, sealed(orjson.dumps(clock))

    def take(self, key: bytes, value: bytes | None) -> None:
        """Take over one record of a changelog, in the order in which they were written; ``restored`` has to follow.

        Nothing else may be asked of the task before. Raises StateError, with the key, for a record that is damaged.
        """
        try:
            if key[:1] == _WINDOW:
                self.store.restore(key[1:], value)
            elif value is not None:
                self._restore(key, opened(value))
            elif key[:1] == _PARTS:
                self.store.parts.forget(key[1:])
        except (StateError, ValueError) as error:
            raise StateError(f"record {key!r} cannot be read: {error}", key) from error

    def restored(self) -> None:
        """The changelog is at its end. Raises StateError for what is missing, or another number of partitions."""
        self._check_partitions()
        self.store.restored()
        self._advance(SLICE)

    def _check_partitions(self) -> None:
        was, now = self._saved_partitions, self._partitions
        if None not in (was, now) and was != now:
            topic = self._source[0]
            raise StateError(
                f"{topic} had {was} partitions when this state was begun and has {now} now: the lines of a block may "
                "go to another partition than its open window, which would be split"
            )

    def _advance(self, most: int | None = None) -> None:
        self.store.progress = self.clock.progress
        self.store.advance(self.clock.progress, most)

    def _restore(self, key: bytes, body: bytes) -> None:
        kind, name = key[:1], key[1:]
        if kind == _TEMPLATE:
            self.store.templates.restore(int(name), body.decode())
        elif kind == _PARTS:
            parts, forget_at = body.split()
            self.store.parts.restore(name, int(parts), int(forget_at))
        elif kind == PARTITIONS:
            self._saved_partitions = int(body)
        elif kind == _CLOCK:
            self.clock.restore(orjson.loads(body))
            self._saved_clock = self.clock.snapshot()
        else:
            raise StateError("it is of an unknown kind")
