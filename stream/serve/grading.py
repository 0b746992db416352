"""What the server asks of whoever holds labels against the scores; who that is, the command decides."""

from typing import Protocol


class Grader(Protocol):
    """``judged`` counts blocks that have both a label and a score."""

    @property
    def judged(self) -> int: ...  # noqa: D102

    def see(self, block: str, score: float, anomalous: bool, closed: bool) -> None:
        """A window of this block was scored."""
        ...

    def roc_auc(self) -> float:
        """The streaming ROC-AUC, NaN while one class is missing."""
        ...
