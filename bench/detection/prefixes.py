"""What happens before a window is closed: false alarms on healthy blocks that are quiet, and how soon failures ring.

A *prefix* is what there is of a window at a moment when its block has been quiet for so long: every line so far, the
next one not before. It is judged as a window that may go on.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from bench.detection.log import bag_of
from stream.windows.window import Window
from training.bags import Bag

QUIET_S = (1, 10, 60, 3600)
LOOK_S = 30
"""The daemon's ``quiet_after``: when a prefix is scored in use."""


class Prefix(NamedTuple):
    """Lines of a window up to ``time`` (epoch ms), after which nothing came for ``silence`` ms."""

    bag: Bag
    time: int
    silence: int


def prefixes_of(window: Window, end: int, least_s: float = min(QUIET_S)) -> list[Prefix]:
    """Every prefix of a closed window with a silence of at least so many seconds behind it.

    After the last line the block is quiet until ``end``, the last moment that the log knows of.
    """
    found = []
    for i, (time, after) in enumerate(zip(window.times, (*window.times[1:], max(end, window.times[-1])), strict=True)):
        if after - time >= 1000 * least_s:
            found.append(Prefix(bag_of(window.texts[: i + 1]), time, after - time))
    return found


class Life(NamedTuple):
    """A judged window: whether its block failed, since when (epoch ms), its prefixes, and its verdict when closed."""

    failed: bool
    since: int
    prefixes: Sequence[Prefix]
    alarm: bool


def quiet_alarms(lives: Sequence[Life], verdicts: Mapping[Bag, bool]) -> list[dict[str, Any]]:
    """For each length of quiet, alarms on healthy windows: of all prefixes, and of all windows that have one."""
    rows = []
    for seconds in QUIET_S:
        alarms = [
            [verdicts[prefix.bag] for prefix in life.prefixes if prefix.silence >= 1000 * seconds]
            for life in lives
            if not life.failed
        ]
        rung = [each for each in alarms if each]
        rows.append(
            {
                "quiet_s": seconds,
                "prefixes": sum(map(len, rung)),
                "alarms": sum(map(sum, rung)),
                "windows": len(rung),
                "windows_with_alarm": sum(map(any, rung)),
                "share": _share(sum(map(sum, rung)), sum(map(len, rung))),
                "window_share": _share(sum(map(any, rung)), len(rung)),
            }
        )
    return rows


def ever_alarmed(lives: Iterable[Life], verdicts: Mapping[Bag, bool]) -> float | None:
    """Share of healthy windows that ring when they are closed or at any look before: what the budget is about."""
    rung = [life.alarm or any(verdicts[p.bag] for p in _looks(life)) for life in lives if not life.failed]
    return _share(sum(rung), len(rung))


def delays(lives: Iterable[Life], verdicts: Mapping[Bag, bool]) -> dict[str, Any]:
    """How long after the fault the first alarm comes, in s of event time, of failed windows that ring before they are
    closed; shares of those that ring only then, and of those that never do.
    """
    failed = [life for life in lives if life.failed]
    early: list[float] = []
    closed = 0
    for life in failed:
        moments = [prefix.time + 1000 * LOOK_S for prefix in _looks(life) if verdicts[prefix.bag]]
        after = [moment - life.since for moment in moments if moment >= life.since]
        early += [min(after) / 1000] if after else []
        closed += not after and life.alarm
    return {
        "failed": len(failed),
        "early": _share(len(early), len(failed)),
        "closed_only": _share(closed, len(failed)),
        "missed": _share(len(failed) - len(early) - closed, len(failed)),
        "median_s": float(np.median(early)) if early else None,
        "p90_s": float(np.quantile(early, 0.9)) if early else None,
    }


def _looks(life: Life) -> Iterable[Prefix]:
    return (prefix for prefix in life.prefixes if prefix.silence >= 1000 * LOOK_S)


def _share(part: int, of: int) -> float | None:
    return part / of if of else None
