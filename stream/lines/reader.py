"""Raw bytes → event time and masked text of a line, mostly without a regular expression.

The *skeleton* of a line is its bytes without digits. All that is variable but the digits (paths, names) is masked by
``mask``; lines of one skeleton have one form of timestamp and one masked text, so a dictionary from skeleton to both
spares the parsing of nearly every line. The dictionary is a cache: emptied when full, it never changes a result.

What a log shipper has put around a line (see ``envelopes``) is looked for only where the dictionary does not know the
skeleton, and never enters it: plain lines pay nothing for it.
"""

from datetime import UTC, tzinfo
from typing import NamedTuple

from stream.lines.bad import MAX_LINE_BYTES, BadLine, check
from stream.lines.blocks import HDFS, Blocks, PatternBlocks
from stream.lines.continued import MAX_TEXT
from stream.lines.envelopes import Inner, Opener
from stream.lines.forms import read_skeleton
from stream.lines.timestamps import Stamp, hdfs_v1, iso, slashed

__all__ = ["MAX_LINE_BYTES", "MAX_TEXT", "BadLine", "Line", "LineReader", "check", "new_reader"]

_ENTRY_BYTES = 300  # what the dictionary takes for an entry of no length
_DIGITS = b"0123456789"

Known = tuple[Stamp | None, str, int, bool]
"""What a skeleton says of its lines: the form of the time, the masked text, how often they say ``blk_`` at most, and
whether their bytes are ASCII.
"""


class Line(NamedTuple):
    """What one line says: event time in epoch milliseconds, and the masked text that names its template."""

    time: int
    text: str


class LineReader:
    """Reads raw lines; holds caches only, so that any reader gives the same result for the same bytes.

    ``zone`` is the time zone of stamps that carry none; ``cache`` bounds the bytes that the dictionary takes; ``form``
    is one of ``envelopes.FORMS``. ``blocks`` finds the blocks of a plain line.
    """

    blocks: Blocks = HDFS

    def __init__(self, zone: tzinfo = UTC, cache: int = 16 * 1024 * 1024, form: str = "auto") -> None:
        self._forms: dict[str | None, Stamp] = {"hdfs_v1": hdfs_v1(zone), "iso": iso(zone), "slashed": slashed(zone)}
        self._cache = cache
        self._held = 0
        self._known: dict[bytes, Known] = {}
        self._opener = Opener(form, zone, self._timed, lambda text: self.blocks.named(text))
        self.forced = form not in ("auto", "raw")
        """Whether every message has to be opened, and ``parts`` is for what is in it."""

    def read(self, raw: bytes) -> Line:
        """Return time and masked text; raise BadLine for a line that is too long, not UTF-8 or without a time.

        Of a message that holds several lines, the first.
        """
        try:
            time, text, _ = self.parts(raw)
        except BadLine:
            if not self._opener.opens(raw):
                raise
            time, text, _ = self.parts(self.open(raw)[0].line)
        return Line(time, text)

    def parts(self, raw: bytes) -> tuple[int, str, int]:
        """As ``read``, of a plain line, without an object of its own, and how often it says ``blk_`` at most."""
        known = self._known.get(raw.translate(None, _DIGITS))
        # Bytes that are UTF-8 without their digits need not be with them; ASCII is either way.
        if known is None or len(raw) > MAX_LINE_BYTES or not known[3]:
            if known is None and self._opener.seems(raw):
                raise BadLine("timestamp", "the line is in an envelope")
            check(raw)
            known = known or self._learn(raw.translate(None, _DIGITS))
        stamp, text, mentions, _ = known
        if stamp is None:
            raise BadLine("timestamp", "the line does not begin with a known form of time")
        try:
            return stamp(raw), text, mentions
        except ValueError as error:
            raise BadLine("timestamp", str(error)) from error

    def open(self, raw: bytes) -> list[Inner]:
        """The plain lines in a message: itself, or what its envelope holds; raise BadLine: see ``Opener.open``."""
        if not self._opener.opens(raw):
            return [Inner(raw, "", "raw")]
        try:
            return self._opener.open(raw)
        except UnicodeDecodeError as error:
            raise BadLine("encoding", f"the line is not UTF-8: {error.reason} at byte {error.start}") from error

    def text(self, raw: bytes) -> str:
        """Return the masked text of a line of any form, with or without a time; raise BadLine as ``read`` does."""
        if self._opener.seems(raw):
            raw = self.open(raw)[0].line
        check(raw)
        skeleton = raw.translate(None, _DIGITS)
        return (self._known.get(skeleton) or self._learn(skeleton))[1]

    def _timed(self, line: bytes) -> bool:
        try:
            self.parts(line)
        except BadLine:
            return False
        return True

    def _learn(self, skeleton: bytes) -> Known:
        form, text = read_skeleton(skeleton.decode())
        known = self._forms.get(form), text, skeleton.count(b"blk_"), skeleton.isascii()
        size = _ENTRY_BYTES + len(skeleton) + len(text)
        if self._held + size > self._cache:
            self._known.clear()
            self._held = 0
        self._held += size
        self._known[skeleton] = known
        return known


class PatternReader(LineReader):
    """A reader whose blocks are what a regular expression finds (``PatternBlocks``). Costs some 30 µs a line more."""

    def __init__(self, pattern: str, zone: tzinfo = UTC, cache: int = 16 * 1024 * 1024, form: str = "auto") -> None:
        super().__init__(zone, cache, form)
        self._pattern = PatternBlocks(pattern)
        self.blocks = self._pattern

    def parts(self, raw: bytes) -> tuple[int, str, int]:
        """As LineReader's, with ``<block>`` for the names, whatever they look like, and how many there are."""
        time, text, _ = super().parts(self._pattern.hidden(raw))
        return time, text, len(self._pattern.ids(raw))

    def text(self, raw: bytes) -> str:
        """As LineReader's."""
        return super().text(self._pattern.hidden(raw))


def new_reader(
    zone: tzinfo = UTC, form: str = "auto", block_pattern: str | None = None, cache: int = 16 * 1024 * 1024
) -> LineReader:
    """The reader for these settings; raise ValueError for a pattern that cannot be used."""
    return PatternReader(block_pattern, zone, cache, form) if block_pattern else LineReader(zone, cache, form)
