"""What somebody wants to see: the filters that the API and the page share. Pure."""

from dataclasses import dataclass

from stream.serve.events import RANKS, Entry


@dataclass(frozen=True)
class Filter:
    """``severity``: the least; ``since``, ``until``: time of the window's last line, epoch ms; ``block`` and
    ``component``: text that it contains, whatever the case. None and empty texts let everything through.
    """

    severity: str = "normal"
    since: int | None = None
    until: int | None = None
    block: str = ""
    component: str = ""
    anomalous: bool = False

    def lets(self, entry: Entry) -> bool:
        """Whether it is wanted."""
        return (
            entry.rank >= RANKS[self.severity]
            and (entry.event["anomalous"] or not self.anomalous)
            and (self.since is None or entry.last >= self.since)
            and (self.until is None or entry.last <= self.until)
            and self.block.lower() in entry.event["block_id"].lower()
            and self.component.lower() in entry.component.lower()
        )
