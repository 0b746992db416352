"""Simple detectors beside the scorer that is replayed: the same closed windows, the same labels, and what is to be
thought of it. Knows no detector by name; labels may come at the end.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from stream.scoring import Scorer
from stream.windows.window import Window
from training.blockscores import Judged
from training.entrant import Entrant
from training.evaluate import Floats
from training.worth import Said, held_against


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
        chosen = np.array([self._places[block] for block in ours.blocks], np.int64)
        others = [entrant.said(chosen) for entrant in self.entrants]
        return held_against(Said(name, "", ours.scores, ours.verdicts), others, ours.labels)

    def _closed(self, judged: Judged) -> Judged:
        """Those blocks of which a window has closed: at the end, all."""
        blocks, scores, verdicts, labels = judged
        known = np.array([block in self._places for block in blocks], np.bool_)
        chosen = tuple(block for block in blocks if block in self._places)
        return Judged(chosen, scores[known], verdicts[known], labels[known])
