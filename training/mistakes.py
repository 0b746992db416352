"""The worst mistakes of a scorer: blocks whose verdict contradicts their label, with their lines and the evidence.

How bad a mistake is: of a false alarm, the share of failed blocks that score no higher; of a missed failure, the share
of normal blocks that score no lower. So both kinds stand in one order, whatever the scale of the scores.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from stream.scoring import Scorer, Surprise
from stream.windows.window import Window
from training.blockscores import Judged

MOST = 20


class Mistake(NamedTuple):
    """A block that was judged wrongly; ``alike`` counts the blocks with this content that were, too.

    ``surprises`` are what the scorer says of its window with the most lines; ``window`` is that window.
    """

    block: str
    anomalous: bool
    score: float
    badness: float
    alike: int
    window: Window
    surprises: Sequence[Surprise]


def worst_mistakes(judged: Judged, windows: Mapping[str, Sequence[Window]], scorer: Scorer) -> list[Mistake]:
    """The worst twenty, worst first, each content once. Blocks that were judged wrongly and have none of the
    ``windows`` cannot be shown.
    """
    wrong = [i for i in np.flatnonzero(judged.verdicts != judged.labels).tolist() if judged.blocks[i] in windows]
    bad = dict(zip(wrong, _badness(judged, wrong), strict=True))
    groups: dict[tuple[bool, tuple[tuple[str, ...], ...]], list[int]] = {}
    for i in sorted(bad, key=lambda i: (-bad[i], judged.blocks[i])):
        texts = tuple(window.texts for window in windows[judged.blocks[i]])
        groups.setdefault((bool(judged.labels[i]), texts), []).append(i)
    found = []
    for (label, _), places in list(groups.items())[:MOST]:
        worst = places[0]
        window = max(windows[judged.blocks[worst]], key=lambda window: len(window.texts))
        surprises = scorer.explain(window.texts, True)
        score = float(judged.scores[worst])
        found.append(Mistake(judged.blocks[worst], label, score, bad[worst], len(places), window, surprises))
    return found


def _badness(judged: Judged, places: Sequence[int]) -> list[float]:
    failed, normal = np.sort(judged.scores[judged.labels]), np.sort(judged.scores[~judged.labels])
    found = []
    for i in places:
        score = judged.scores[i]
        if judged.labels[i]:
            found.append(float((len(normal) - np.searchsorted(normal, score, "left")) / max(len(normal), 1)))
        else:
            found.append(float(np.searchsorted(failed, score, "right") / max(len(failed), 1)))
    return found
