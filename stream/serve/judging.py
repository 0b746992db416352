"""Lines that somebody sends to be judged → the events that the daemon would publish about their blocks. Pure."""

import time
from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any, NamedTuple

from stream.lines import BadLine, LineReader, new_reader
from stream.lines.reader import MAX_LINE_BYTES
from stream.scoring import Scorer
from stream.windows.due import Due
from stream.windows.files import Counts, windows_of
from stream.windows.judge import judge
from stream.windows.settings import WindowSettings
from stream.windows.window import Reason, Window

MAX_LINES = 10_000
SOURCE = ("request", 0)
"""What stands for topic and partition in the evidence of windows that come from no topic; the offset is the line."""

_BATCH = 64


class Refused(ValueError):
    """What was sent cannot be judged; the text says why."""


class TooLate(Exception):
    """The time that there was for it is over."""


class Judgement(NamedTuple):
    """``blocks``: an event a window. ``no_block`` and ``unreadable`` (by reason) count lines that are in none."""

    checkpoint: str
    lines: int
    no_block: int
    unreadable: dict[str, int]
    blocks: list[dict[str, Any]]


def check_lines(lines: Sequence[bytes]) -> None:
    """Raise Refused, in one line, for lines that are too many, too long, or none."""
    if len(lines) > MAX_LINES:
        raise Refused(f"there are {len(lines):,} lines, more than {MAX_LINES:,}")
    for number, line in enumerate(lines):
        if len(line) > MAX_LINE_BYTES:
            raise Refused(f"line {number + 1} has {len(line):,} bytes, more than {MAX_LINE_BYTES:,}")
    if not any(line.strip() for line in lines):
        raise Refused("there is no log line in it")


def judge_lines(
    lines: Sequence[bytes],
    complete: bool,
    scorer: Scorer,
    settings: WindowSettings,
    zone: tzinfo,
    deadline: float,
    clock: Callable[[], float] = time.monotonic,
) -> Judgement:
    """Window the lines by block and judge each window; ``complete``: no more lines will come, else they may.

    Lines of which none has both a time and a block are taken for one window of a block without a name, as
    ``tinylogbert score --text`` does. Raises Refused, and TooLate once ``clock`` is past the deadline.
    """
    check_lines(lines)
    counts = Counts()
    windows = list(windows_of(lines, settings, zone, counts))
    named = bool(windows)
    if not named:
        windows = [_nameless(lines, new_reader(zone, settings.format, settings.block_pattern))]
        counts = Counts()
        counts.lines = len(lines)
    if not complete:
        windows = [w._replace(reason=Reason.QUIET) if w.reason is Reason.END else w for w in windows]
    blocks: list[dict[str, Any]] = []
    for at in range(0, len(windows), _BATCH):
        if clock() > deadline:
            raise TooLate
        due = [Due(window.block_id.encode(), window, None) for window in windows[at : at + _BATCH]]
        blocks += (judged.event for judged in judge(due, scorer, SOURCE))
    if not named:
        blocks = [_without_time(event) for event in blocks]
    return Judgement(scorer.checkpoint, counts.lines, counts.no_block, counts.bad, blocks)


def _nameless(lines: Sequence[bytes], reader: LineReader) -> Window:
    texts, offsets = [], []
    for number, line in enumerate(lines):
        if line.strip():
            try:
                texts.append(reader.text(line))
            except BadLine as bad:
                raise Refused(f"line {number + 1}: {bad}") from bad
            offsets.append(number)
    return Window("", 1, Reason.END, tuple(texts), (0,) * len(texts), tuple(offsets))


def _without_time(event: dict[str, Any]) -> dict[str, Any]:
    evidence = [{**entry, "time": None} for entry in event["evidence"]]
    return {**event, "block_id": None, "first_time": None, "last_time": None, "evidence": evidence}
