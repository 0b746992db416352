"""What somebody wants to see: the filters that the API and the page share. Pure."""

from dataclasses import dataclass

from stream.serve.events import RANKS, Entry


@dataclass(frozen=True)
class Filter:
    """``severity``: the least; ``since``: time of the window's last line, epoch ms; ``alarmed``: when its present
    alarm began; ``block`` and ``component``: text that it contains, whatever the case. None and empty texts let
    everything through.
    """

    severity: str = "normal"
    since: int | None = None
    alarmed: int | None = None
    block: str = ""
    component: str = ""
    anomalous: bool = False

    @property
    def narrow(self) -> bool:
        """Whether it asks for anything but a time."""
        return self != Filter(since=self.since, alarmed=self.alarmed)

    def lets(self, entry: Entry) -> bool:
        """Whether it is wanted."""
        return (
            entry.rank >= RANKS[self.severity]
            and (entry.event["anomalous"] or not self.anomalous)
            and (self.since is None or entry.last >= self.since)
            and (self.alarmed is None or entry.began >= self.alarmed)
            and self.block.lower() in entry.event["block_id"].lower()
            and self.component.lower() in entry.component.lower()
        )
