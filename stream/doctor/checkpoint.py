"""The checkpoint: its files are what was saved, it loads, and it scores a line."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from stream.doctor.finding import Finding
from stream.scoring import Score

CHECK = "checkpoint"
LINE = "dfs.DataNode$DataXceiver: Receiving block <block> src: <address> dest: <address>"


class Scores(Protocol):
    """What is asked of a scorer here."""

    @property
    def checkpoint(self) -> str:
        """Its name."""
        ...

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        """See ``stream.scoring.Scorer``."""
        ...


def checkpoint(folder: Path, load: Callable[[], Scores], seconds: Callable[[], float]) -> list[Finding]:
    """``load`` compares names, sizes and hashes before it parses anything, and raises InputError, which is the finding
    of the caller. ``seconds`` is a clock.
    """
    begun = seconds()
    scorer = load()
    took = seconds() - begun
    [score] = scorer.score([[LINE]], [False])
    if not (math.isfinite(score.value) and 0 < score.p_value <= 1):
        said = f"{scorer.checkpoint} scores {score.value} with a p-value of {score.p_value}"
        return [Finding(CHECK, str(folder), "wrong", said, "train it anew: tinylogbert train FILE --out DIR")]
    said = f"{scorer.checkpoint}: hashes fit, loads in {took:.1f} s, a line scores {score.value:.2f}"
    return [Finding(CHECK, str(folder), "ok", said)]
