"""Labels against scores, where there are labels: from a file, or in the headers of the lines themselves.

What is graded are closed windows. A block that is still being written has no failure to show yet and is no error of
ranking, so that a figure with open blocks in it says how many blocks are young, more than how well they are told apart;
these are counted instead.

How blocks are scored, and the figure itself, is the business of whoever gives ``new`` (``training.blockscores``).
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

MOST_BLOCKS = 200_000


class Auc(Protocol):
    """A streaming ROC-AUC; it counts blocks that have a label and a score."""

    @property
    def anomalous(self) -> int: ...  # noqa: D102
    @property
    def normal(self) -> int: ...  # noqa: D102
    def roc_auc(self) -> float: ...  # noqa: D102


class Blocks(Protocol):
    """Scores of blocks and their labels, in any order."""

    @property
    def scores(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def labels(self) -> Mapping[str, bool]: ...  # noqa: D102
    @property
    def auc(self) -> Auc: ...  # noqa: D102
    def see(self, block: str, score: float, anomalous: bool, closed: bool) -> None: ...  # noqa: D102
    def label(self, block: str, anomalous: bool) -> bool: ...  # noqa: D102


class Grading:
    """Nothing is kept before there is a label; then the first ``most`` blocks are. Threads may share it.

    ``labels`` are those of a file, if there is one.
    """

    def __init__(
        self,
        new: Callable[[Mapping[str, bool] | None], Blocks],
        labels: Mapping[str, bool] | None = None,
        most: int = MOST_BLOCKS,
    ) -> None:
        self._new = new
        self._most = most
        self._lock = threading.Lock()
        self.given = labels is not None
        self._open: set[str] = set()
        self._blocks: Blocks | None = new(labels) if labels is not None else None

    @property
    def begun(self) -> bool:
        """Whether there are labels."""
        return self._blocks is not None

    @property
    def judged(self) -> int:
        """Blocks that have both a label and a closed window."""
        return self._blocks.auc.anomalous + self._blocks.auc.normal if self._blocks else 0

    @property
    def open(self) -> int:
        """Blocks that have a label, and no window that is closed yet."""
        with self._lock:
            return len(self._open & self._blocks.labels.keys()) if self._blocks else 0

    def label(self, block: str, anomalous: bool) -> None:
        """A line of this block says what the block is."""
        with self._lock:
            if self._blocks is None:
                self._blocks = self._new(None)
            if block in self._blocks.labels or len(self._blocks.labels) < self._most:
                self._blocks.label(block, anomalous)

    def see(self, event: Mapping[str, Any]) -> None:
        """A window was scored."""
        with self._lock:
            block = event["block_id"]
            if (blocks := self._blocks) is None or self._is_too_much(blocks, block):
                return
            if event["status"] == "closed":
                self._open.discard(block)
                blocks.see(block, event["score"], event["anomalous"], closed=True)
            elif block not in blocks.scores and len(self._open) < self._most:
                self._open.add(block)

    def roc_auc(self) -> float:
        """The streaming ROC-AUC of blocks by their highest closed window; NaN while one class is missing."""
        with self._lock:
            return self._blocks.auc.roc_auc() if self._blocks else float("nan")

    def _is_too_much(self, blocks: Blocks, block: str) -> bool:
        if self.given:
            return block not in blocks.labels
        return block not in blocks.scores and len(blocks.scores) >= self._most
