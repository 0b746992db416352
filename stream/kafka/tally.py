"""What was published: counted with each commit, once that has happened, so that what is undone counts for nothing."""

from collections import Counter
from typing import Any

from stream.distribution import Distribution

SCORES = (-8.0, -6.0, -4.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
_GRADED = ("notice", "warning", "critical")


class Tally:
    """``windows`` counts events by status and reason, ``graded`` those that are not normal by severity and status;
    ``scores`` are those of closed and of open windows.
    """

    def __init__(self) -> None:
        self.windows: Counter[tuple[str, str]] = Counter()
        self.graded: Counter[tuple[str, str]] = Counter()
        self.scores = {"open": Distribution(SCORES), "closed": Distribution(SCORES)}

    def see(self, event: dict[str, Any]) -> None:
        """Count an event."""
        status, severity = event["status"], event["severity"]
        self.windows[status, event["reason"]] += 1
        self.scores[status].see(event["score"])
        if severity in _GRADED:
            self.graded[severity, status] += 1

    def add(self, other: "Tally") -> None:
        """Count what another one has counted."""
        self.windows.update(other.windows)
        self.graded.update(other.graded)
        for status, scores in self.scores.items():
            scores.add(other.scores[status])

    def copy(self) -> "Tally":
        """One that does not change when this one does."""
        copied = Tally()
        copied.add(self)
        return copied
