"""The lines of a log between two event times, and the blocks of which only a part lies there. Knows no window."""

from stream.lines import BadLine, LineReader


class Between:
    """Call it with each line in order: whether the line is wanted.

    A line is wanted if its time is at least ``begin`` and below ``end`` (epoch ms; None: no bound). One without a time
    goes with the line before it. ``outside`` counts those that are not wanted; ``fragments`` are the blocks that a line
    before ``begin`` names: what comes later of them is not the whole block, and would be judged as if it were.
    """

    def __init__(self, reader: LineReader, begin: int | None, end: int | None) -> None:
        self.outside = 0
        self.fragments: set[bytes] = set()
        self._reader = reader
        self._begin, self._end = begin, end
        self._wanted = begin is None

    def __call__(self, raw: bytes) -> bool:
        """Whether this line is wanted."""
        if self._begin is None and self._end is None:
            return True
        try:
            time = self._reader.read(raw).time
        except BadLine:
            self.outside += not self._wanted
            return self._wanted
        early = self._begin is not None and time < self._begin
        if early:
            self.fragments.update(self._reader.blocks.ids(raw))
        self._wanted = not early and (self._end is None or time < self._end)
        self.outside += not self._wanted
        return self._wanted
