"""Several scorers judge the same closed windows, and are held against the same labels. Knows no scorer by name.

Blocks without a label are not judged. Memory: some 150 bytes a block and 10 more a scorer.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stream.scoring import Scorer
from stream.windows.window import Window
from training.entrant import Entrant
from training.evaluate import Bools, figures
from training.projection import distinct
from training.worth import held_against


class Contest:
    """Show it windows with ``see``; ``rows`` are the figures so far."""

    def __init__(self, scorers: Sequence[tuple[str, Scorer]], labels: Mapping[str, bool]) -> None:
        """``scorers`` with their names in the rows; each is asked once now, so that none warms up later."""
        self.windows = self.unlabelled = 0
        self._labels = labels
        self._entrants = [Entrant(name, scorer) for name, scorer in scorers]
        self._place: dict[str, int] = {}
        self._contents: dict[str, tuple[int, ...]] = {}
        self._bags: dict[frozenset[tuple[str, int]], int] = {}

    def see(self, windows: Sequence[Window]) -> None:
        """Let everyone judge these closed windows."""
        judged = [window for window in windows if window.block_id in self._labels]
        self.unlabelled += len(windows) - len(judged)
        self.windows += len(judged)
        for window in judged:
            self._place.setdefault(window.block_id, len(self._place))
            bag = self._bags.setdefault(frozenset(Counter(window.texts).items()), len(self._bags))
            self._contents[window.block_id] = (*self._contents.get(window.block_id, ()), bag)
        places = [self._place[window.block_id] for window in judged]
        for entrant in self._entrants:
            entrant.judge([window.texts for window in judged], places)

    def rows(self) -> list[dict[str, Any]]:
        """Figures as JSON values: each scorer over all blocks, then over distinct ones (bag of lines and label)."""
        blocks, labels = self._judged()
        once = np.array(distinct(blocks, labels, self._contents), np.int64)
        whole = [_row(entrant, "blocks", labels, np.arange(len(blocks))) for entrant in self._entrants]
        return whole + [_row(entrant, "distinct", labels, once) for entrant in self._entrants]

    def verdicts(self, ours: Sequence[str]) -> list[str]:
        """Whether each scorer of these names is worth its cost beside all others, over all blocks: a sentence each."""
        blocks, labels = self._judged()
        said = {entrant.name: entrant.said(np.arange(len(blocks))) for entrant in self._entrants}
        others = [one for name, one in said.items() if name not in ours]
        return [str(held_against(said[name], others, labels)["verdict"]) for name in ours] if others else []

    def _judged(self) -> tuple[list[str], Bools]:
        blocks = list(self._place)
        return blocks, np.array([self._labels[block] for block in blocks], np.bool_)


def _row(entrant: Entrant, over: str, labels: Bools, chosen: "np.typing.NDArray[np.int64]") -> dict[str, Any]:
    found = figures(entrant.scores[chosen], entrant.verdicts[chosen], labels[chosen])
    at = found["at_threshold"]
    timed = entrant.seconds and over == "blocks"
    return {
        "detector": entrant.name,
        "checkpoint": entrant.scorer.checkpoint,
        "over": over,
        **{name: found[name] for name in ("anomalous", "normal", "roc_auc", "average_precision")},
        **{name: at[name] for name in ("f1", "precision", "recall")},
        "best_f1_oracle": found["best_f1_oracle"]["f1"],
        "false_alarms": at["false_positives"],
        "false_alarm_share": at["false_positives"] / found["normal"] if found["normal"] else None,
        "windows_per_second": round(entrant.windows / entrant.seconds) if timed else None,
    }
