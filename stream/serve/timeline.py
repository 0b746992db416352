"""Scores over time in bins of equal width: what a chart shows of more windows than anybody could keep. Pure."""

from dataclasses import dataclass

from stream.serve.events import Entry


@dataclass(slots=True)
class Bin:
    """Windows scored in one stretch of time; ``top`` is the highest score among those that are not anomalous."""

    windows: int = 0
    anomalous: int = 0
    top: float | None = None

    def take(self, score: float, anomalous: bool) -> None:
        """Count a window."""
        self.windows += 1
        if anomalous:
            self.anomalous += 1
        elif self.top is None or score > self.top:
            self.top = score


class Timeline:
    """Bins of ``width`` ms, by epoch ms at their begin; beyond ``most`` of them the oldest goes."""

    def __init__(self, width: int, most: int) -> None:
        self.width = width
        self.bins: dict[int, Bin] = {}
        self._most = most

    def take(self, moment: int, entry: Entry) -> None:
        """Count an event at this time."""
        begin = moment - moment % self.width
        found = self.bins.get(begin)
        if found is None:
            found = self.bins[begin] = Bin()
            if len(self.bins) > self._most:
                del self.bins[min(self.bins)]
        found.take(entry.event["score"], entry.event["anomalous"])

    def between(self, begin: int, end: int) -> list[tuple[int, Bin]]:
        """Bins that begin in this time, ascending; where nothing came there is none."""
        return sorted(item for item in self.bins.items() if begin <= item[0] <= end)
