"""Due windows → events: scores them in one batch, decides which deserve an event, and adds the evidence of alarms.

Pure but for the scorer that it is given. The event is the interface to everybody downstream (README, *Events*).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from stream.scoring import Score, Scorer
from stream.windows.due import Due
from stream.windows.known import Known
from stream.windows.openwindow import Published
from stream.windows.window import Window, name_of

SCHEMA = 1
MAX_EVIDENCE = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 24 * 3_600_000

Source = tuple[str, int]
"""Topic (or file) and partition that a window's offsets belong to."""


class Judged(NamedTuple):
    """An event to publish, under the key of its block; ``published`` is what to remember of it."""

    key: bytes
    event: dict[str, Any]
    published: Published


def judge(due: Sequence[Due], scorer: Scorer, source: Source, known: Known | None = None) -> list[Judged]:
    """Score the windows together and return their events in order; open windows with nothing new have none.

    ``known`` remembers scores from one call to the next, of windows of one partition.
    """
    scores = (known or Known()).scores(due, scorer)
    judged: list[Judged] = []
    latest: dict[tuple[bytes, int], Published] = {}
    material = scorer.material
    for d, score in zip(due, scores, strict=True):
        place = d.key, d.head.part
        before = latest.get(place, d.published)
        if d.complete or _is_news(before, score, material):
            now = Published(before.revision + 1 if before else 1, score.value, score.anomalous)
            latest[place] = now
            judged.append(Judged(d.key, _event(d, score, now.revision, scorer, source), now))
    return judged


def _is_news(before: Published | None, score: Score, material: float) -> bool:
    """Whether the world has to hear it: compared with what it was told last, even if another checkpoint said that."""
    return before is None or before.anomalous != score.anomalous or abs(score.value - before.score) >= material


def _event(due: Due, score: Score, revision: int, scorer: Scorer, source: Source) -> dict[str, Any]:
    head = due.head
    return {
        "schema": SCHEMA,
        "block_id": name_of(due.key),
        "part": head.part,
        "revision": revision,
        "status": "closed" if due.complete else "open",
        "reason": head.reason.value,
        "score": score.value,
        "p_value": score.p_value,
        "anomalous": score.anomalous,
        "severity": score.severity,
        "grades": score.grades,
        "lines": head.lines,
        "first_time": time_text(head.first),
        "last_time": time_text(head.last),
        "checkpoint": scorer.checkpoint,
        "evidence": _evidence(due.window, scorer, source) if score.anomalous else [],
    }


def _evidence(window: Window, scorer: Scorer, source: Source) -> list[dict[str, Any]]:
    surprises = scorer.explain(window.texts, window.complete)[:MAX_EVIDENCE]
    return [
        {
            "time": time_text(window.times[s.line]),
            "text": window.texts[s.line],
            "surprise": s.value,
            "expected": list(s.expected),
            "source": [*source, window.offsets[s.line]],
        }
        for s in surprises
    ]


def time_text(ms: int) -> str:
    """Epoch milliseconds as ISO 8601 in UTC; the milliseconds only where there are any.

    >>> time_text(1226262975000)
    '2008-11-09T20:36:15Z'
    """
    day, of_day = divmod(ms, _DAY)
    second, rest = divmod(of_day, 1000)
    return f"{_date(day)}T{_clock(second)}.{rest:03}Z" if rest else f"{_date(day)}T{_clock(second)}Z"


@lru_cache(1024)
def _date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).date().isoformat()


@lru_cache(24 * 3600)
def _clock(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).time().isoformat()
