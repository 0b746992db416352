"""What was published: counted with each commit, once that has happened, so that what is undone counts for nothing."""

from collections import Counter
from typing import Any

from stream.distribution import Distribution

SCORES = (-8.0, -6.0, -4.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)


class Tally:
    """``events`` are counted by status, reason and severity; ``scores`` are those of closed and of open windows."""

    def __init__(self) -> None:
        self.events: Counter[tuple[str, str, str]] = Counter()
        self.scores = {"open": Distribution(SCORES), "closed": Distribution(SCORES)}

    def see(self, event: dict[str, Any]) -> None:
        """Count an event."""
        status = event["status"]
        self.events[status, event["reason"], event["severity"]] += 1
        self.scores[status].see(event["score"])

    def add(self, other: "Tally") -> None:
        """Count what another one has counted."""
        self.events.update(other.events)
        for status, scores in self.scores.items():
            scores.add(other.scores[status])

    @property
    def by_reason(self) -> Counter[tuple[str, str]]:
        """Events by status and reason."""
        found: Counter[tuple[str, str]] = Counter()
        for (status, reason, _), number in self.events.items():
            found[status, reason] += number
        return found

    @property
    def by_severity(self) -> Counter[tuple[str, str]]:
        """Events by severity and status."""
        found: Counter[tuple[str, str]] = Counter()
        for (status, _, severity), number in self.events.items():
            found[severity, status] += number
        return found
