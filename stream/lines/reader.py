"""Raw bytes → event time and masked text of a line, mostly without a regular expression.

The *skeleton* of a line is its bytes without digits. All that is variable but the digits (paths, names) is masked by
``mask``; lines of one skeleton have one form of timestamp and one masked text, so a dictionary from skeleton to both
spares the parsing of nearly every line. The dictionary is a cache: emptied when full, it never changes a result.
"""

import re
from datetime import UTC, tzinfo
from typing import NamedTuple

from stream.lines.mask import mask
from stream.lines.timestamps import Stamp, hdfs_v1, iso

MAX_LINE_BYTES = 64 * 1024
"""A longer line is refused: no log4j message of HDFS comes near, and hostile ones must not cost memory."""

MAX_TEXT = 1024
"""A masked text is cut to so many characters: it is kept for as long as the template is known, and HDFS needs 250."""

_ENTRY_BYTES = 300  # what the dictionary takes for an entry of no length
_DIGITS = b"0123456789"
_LEVELS = "TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|SEVERE"
_HDFS_V1 = re.compile(rf"   ({_LEVELS}) ([^\s:]+): ?(.*)", re.DOTALL)
_ISO = re.compile(
    rf"--[ T]::[.,]?(?:Z|[+-]:?)?\s+(?:\[[^\]]*\]\s+)?({_LEVELS})\s+(?:\[[^\]]*\]\s+)?"
    r"([^\s:(]+)(?:\s*:| \([^\s)]{0,200}\){1,2} -) ?(.*)",
    re.DOTALL,
)
_SILENT_LEVELS = frozenset(("TRACE", "DEBUG", "INFO"))


class BadLine(ValueError):
    """A line that cannot be scored; ``reason`` names why: here ``too_long``, ``encoding`` or ``timestamp``."""

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason


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

    ``zone`` is the time zone of stamps that carry none; ``cache`` bounds the bytes that the dictionary takes.
    """

    def __init__(self, zone: tzinfo = UTC, cache: int = 16 * 1024 * 1024) -> None:
        self._forms: dict[str, Stamp] = {"hdfs_v1": hdfs_v1(zone), "iso": iso(zone)}
        self._cache = cache
        self._held = 0
        self._known: dict[bytes, Known] = {}

    def read(self, raw: bytes) -> Line:
        """Return time and masked text; raise BadLine for a line that is too long, not UTF-8 or without a time."""
        time, text, _ = self.parts(raw)
        return Line(time, text)

    def parts(self, raw: bytes) -> tuple[int, str, int]:
        """As ``read``, without an object of its own, and how often the line says ``blk_`` at most."""
        known = self._known.get(raw.translate(None, _DIGITS))
        # Bytes that are UTF-8 without their digits need not be with them; ASCII is either way.
        if known is None or len(raw) > MAX_LINE_BYTES or not known[3]:
            check(raw)
            known = known or self._learn(raw.translate(None, _DIGITS))
        stamp, text, mentions, _ = known
        if stamp is None:
            raise BadLine("timestamp", "the line does not begin with a known form of time, level and component")
        try:
            return stamp(raw), text, mentions
        except ValueError as error:
            raise BadLine("timestamp", str(error)) from error

    def text(self, raw: bytes) -> str:
        """Return the masked text of a line of any form, with or without a time; raise BadLine as ``read`` does."""
        check(raw)
        skeleton = raw.translate(None, _DIGITS)
        return (self._known.get(skeleton) or self._learn(skeleton))[1]

    def _learn(self, skeleton: bytes) -> Known:
        known = *self._parse(skeleton.decode()), skeleton.count(b"blk_"), skeleton.isascii()
        size = _ENTRY_BYTES + len(skeleton) + len(known[1])
        if self._held + size > self._cache:
            self._known.clear()
            self._held = 0
        self._held += size
        self._known[skeleton] = known
        return known

    def _parse(self, skeleton: str) -> tuple[Stamp | None, str]:
        for form, pattern in (("hdfs_v1", _HDFS_V1), ("iso", _ISO)):
            if match := pattern.fullmatch(skeleton):
                level, component, message = match.groups()
                head = f"{component}: " if level in _SILENT_LEVELS else f"{level} {component}: "
                return self._forms[form], _cut(head + mask(message))
        return None, _cut(mask(skeleton))


def check(raw: bytes) -> None:
    """Raise BadLine unless the bytes are a line of bearable length in UTF-8."""
    if len(raw) > MAX_LINE_BYTES:
        raise BadLine("too_long", f"the line has {len(raw)} bytes, more than {MAX_LINE_BYTES}")
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            raise BadLine("encoding", f"the line is not UTF-8: {error.reason} at byte {error.start}") from error


def _cut(text: str) -> str:
    return text[:MAX_TEXT].rstrip()
