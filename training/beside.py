"""Simple detectors beside the scorer that is replayed: the same closed windows, the same labels, and what is to be
thought of it. Knows no detector by name; labels may come at the end.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stream.scoring import Scorer
from stream.windows.window import Window
from training.blockscores import Judged
from training.entrant import Entrant
from training.evaluate import Bools, Floats, average_precision, figures, interval_figures
from training.paired import auc_difference, precision_differences

_SHOWN = ("roc_auc", "average_precision", "at_threshold", "best_f1_oracle")


class Beside:
    """Show it closed windows with ``add``. Memory: some 100 bytes a block and 10 more a detector."""

    def __init__(self, scorers: Sequence[tuple[str, Scorer]]) -> None:
        """``scorers`` with the names that they have in the figures."""
        self.entrants = [Entrant(name, scorer) for name, scorer in scorers]
        self._places: dict[str, int] = {}

    def add(self, windows: Sequence[Window]) -> None:
        """Let everyone judge these closed windows."""
        if not self.entrants:
            return
        places = [self._places.setdefault(window.block_id, len(self._places)) for window in windows]
        for entrant in self.entrants:
            entrant.judge([window.texts for window in windows], places)

    def scores(self, judged: Judged) -> dict[str, Floats]:
        """What each detector says of these blocks, whose windows are closed; empty without a detector."""
        if not self.entrants:
            return {}
        chosen = np.array([self._places[block] for block in judged.blocks], np.int64)
        return {entrant.name: entrant.scores[chosen] for entrant in self.entrants}

    def figures(self, judged: Judged, name: str) -> dict[str, Any] | None:
        """As JSON values; None without a detector. ``judged`` is what the scorer of this name says."""
        if not self.entrants:
            return None
        ours = self._closed(judged)
        scores = self.scores(ours)
        intervals = precision_differences(ours.scores, list(scores.values()), ours.labels)
        chosen = np.array([self._places[block] for block in ours.blocks], np.int64)
        rows = [
            {
                "detector": entrant.name,
                "checkpoint": entrant.scorer.checkpoint,
                **_row(scores[entrant.name], entrant.verdicts[chosen], ours.labels),
                **_differences(ours.scores, scores[entrant.name], ours.labels, interval),
            }
            for entrant, interval in zip(self.entrants, intervals, strict=True)
        ]
        whole = figures(*ours[1:])
        return {**worth(name, whole, rows), "detectors": rows}

    def _closed(self, judged: Judged) -> Judged:
        """Those blocks of which a window has closed: at the end, all."""
        blocks, scores, verdicts, labels = judged
        known = np.array([block in self._places for block in blocks], np.bool_)
        chosen = tuple(block for block in blocks if block in self._places)
        return Judged(chosen, scores[known], verdicts[known], labels[known])


def _row(scores: Floats, verdicts: Bools, labels: Bools) -> dict[str, Any]:
    found = {**figures(scores, verdicts, labels), **interval_figures(scores, labels)}
    return {name: found[name] for key in _SHOWN for name in (key, f"{key}_interval") if name in found}


def _differences(
    ours: Floats, theirs: Floats, labels: Bools, interval: tuple[float, float] | None
) -> dict[str, float | list[float] | None]:
    """Ours less theirs."""
    auc = auc_difference(ours, theirs, labels)
    both = bool(labels.any() and not labels.all())
    precision = average_precision(ours, labels) - average_precision(theirs, labels) if both else None
    return {
        "roc_auc_difference": auc and auc.value,
        "roc_auc_difference_interval": list(auc.interval) if auc and auc.interval else None,
        "roc_auc_difference_p_value": auc and auc.p_value,
        "average_precision_difference": precision,
        "average_precision_difference_interval": list(interval) if interval else None,
    }


def worth(name: str, ours: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Whether a scorer is worth its cost: ``worth_its_cost`` and ``verdict``, one sentence.

    It is if its average precision is higher than that of the best detector beside it, and the 95 % interval of the
    difference says so. Which one is best these labels say, in favour of the simple ones. None: this cannot be told.
    """
    if ours["average_precision"] is None:
        why = "cannot be told: one class alone has labels"
        return {"worth_its_cost": None, "verdict": f"Whether {name} is worth its cost on these logs {why}."}
    best = max(rows, key=lambda row: float(row["average_precision"]))
    difference, interval = best["average_precision_difference"], best["average_precision_difference_interval"]
    figures = f"({_precisions(name, ours, best)}; {_alarms(ours, best)})"
    if interval is None and difference:
        why = "cannot be told from so few blocks"
        return {"worth_its_cost": None, "verdict": f"Whether {name} is worth its cost on these logs {why} {figures}."}
    above, below = interval and interval[0] > 0, interval and interval[1] < 0
    what = "is" if above else "is not" if below else "is not shown to be"
    return {"worth_its_cost": bool(above), "verdict": f"{name} {what} worth its cost on these logs {figures}."}


def _precisions(name: str, ours: Mapping[str, Any], best: Mapping[str, Any]) -> str:
    interval = best["average_precision_difference_interval"]
    between = f", 95 % of the difference {interval[0]:+.4f} to {interval[1]:+.4f}" if interval else ""
    mine, other = ours["average_precision"], best["average_precision"]
    return f"average precision of {name} {mine:.4f}, of {best['detector']}, the best beside it, {other:.4f}{between}"


def _alarms(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    mine, other = ours["at_threshold"], theirs["at_threshold"]
    of = mine["true_positives"] + mine["false_negatives"]
    found = f"{mine['true_positives']:,} and {other['true_positives']:,} of {of:,} failures found"
    return (
        f"{found} at label-free thresholds, {mine['false_positives']:,} and {other['false_positives']:,} false alarms"
    )
