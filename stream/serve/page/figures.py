"""The row of figures: how fast, how far behind, how much is open, whether the logs have changed, how right it is."""

import math
from typing import NamedTuple

from stream.serve.page.words import short
from stream.serve.parts import Parts

_UNKNOWN = "–"
_MUCH = 10_000


class Figure(NamedTuple):
    """A name, a value in words, what it means, and whether somebody should look."""

    name: str
    value: str
    title: str
    odd: bool = False


def figures_of(parts: Parts) -> list[Figure]:
    """The figures in order."""
    pulse, store = parts.pulse.now, parts.store
    waiting = sum(pulse.waiting.values()) if pulse.waiting else None
    open_windows = parts.daemon.open_windows
    how = "of the daemon" if parts.daemon.asked else "say where the daemon shows its metrics: --daemon-metrics"
    drift = store.drift.found
    figures = [
        Figure("Lines a second", _shown(pulse.lines_per_s), "that the daemon reads, over ten seconds"),
        Figure("Waiting", _shown(waiting), "messages that the daemon has yet to read", (waiting or 0) > _MUCH),
        Figure("Windows a second", _shown(parts.rate.per_second), "scored, over ten seconds"),
        Figure("Open windows", _shown(open_windows), how),
        Figure("Drift", "none" if not drift else f"{drift}×", _drift_title(drift), drift > 0),
    ]
    if parts.grading.begun:
        auc = parts.grading.roc_auc()
        value = _UNKNOWN if math.isnan(auc) else f"{auc:.4f}"
        still = parts.grading.open
        name = f"Streaming AUC ({short(still)} open)" if still else "Streaming AUC"
        title = f"of {parts.grading.judged:,} labelled blocks that are closed; {still:,} more are still being written"
        figures.append(Figure(name, value, title))
    return figures


def _shown(value: float | None) -> str:
    return _UNKNOWN if value is None else short(value)


def _drift_title(found: int) -> str:
    if not found:
        return "windows are as strange as they were when this server began"
    return "windows have become stranger: look at them, and train anew if the logs have changed"
