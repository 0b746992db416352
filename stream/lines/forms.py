"""The forms of a plain line: where its time, level and component stand. Works on *skeletons*, lines without digits.

Every pattern begins at the line's start, and none nests one repetition in another: see ``mask``.
"""

import re

from stream.lines.continued import MAX_TEXT, condensed
from stream.lines.mask import mask

_LEVELS = "TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|SEVERE"
_SILENT_LEVELS = frozenset(("TRACE", "DEBUG", "INFO"))
_HDFS_V1 = re.compile(rf"   ({_LEVELS}) ([^\s:]+): ?(.*)", re.DOTALL)
_ISO_STAMP = r"--[ T]::[.,]?(?:Z| ?[+-]:?)?"
_THREAD = r"(?:\[[^\]]*\]\s+)?"
_HEAD = (
    rf"\s+{_THREAD}({_LEVELS})\s+{_THREAD}"
    r"([^\s:(]+)(?:\s*:| \([^\s)]{0,200}\){1,2} -| -) ?(.*)"
)
_SPRING = rf"\s+({_LEVELS})\s+---\s+\[[^\]]*\]\s+([^\s:]+)\s*: ?(.*)"
_ISO = [re.compile(_ISO_STAMP + rest, re.DOTALL) for rest in (_HEAD, _SPRING)]
_ISO_ALONE = re.compile(rf"(?:{_ISO_STAMP}|\[{_ISO_STAMP}\])\s+(?:({_LEVELS})\s+)?(.*)", re.DOTALL)
_SLASHED_STAMP = r"// ::[.,]?"
_SLASHED = [re.compile(_SLASHED_STAMP + rest, re.DOTALL) for rest in (_HEAD, _SPRING)]
_SLASHED_ALONE = re.compile(rf"{_SLASHED_STAMP}\s+(?:({_LEVELS})\s+)?(.*)", re.DOTALL)

_WITH_COMPONENT = [
    ("hdfs_v1", _HDFS_V1),
    *(("iso", pattern) for pattern in _ISO),
    *(("slashed", pattern) for pattern in _SLASHED),
]
_WITHOUT = [("iso", _ISO_ALONE), ("slashed", _SLASHED_ALONE)]


def read_skeleton(skeleton: str) -> tuple[str | None, str]:
    """The form of the time, None for none that is known, and the masked text.

    >>> read_skeleton("-- ::, INFO  datanode.DataNode (DataXceiver.java:writeBlock()) - Receiving blk__")
    ('iso', 'datanode.DataNode: Receiving <block>')
    """
    for form, pattern in _WITH_COMPONENT:
        if match := pattern.fullmatch(skeleton):
            level, component, message = match.groups()
            return form, _cut(_level(level) + f"{component}: " + _masked(message))
    for form, pattern in _WITHOUT:
        if match := pattern.fullmatch(skeleton):
            level, message = match.groups()
            return form, _cut(_level(level) + _masked(message))
    return None, _cut(_masked(skeleton))


def _level(level: str | None) -> str:
    return f"{level} " if level and level not in _SILENT_LEVELS else ""


def _masked(message: str) -> str:
    return " ".join(filter(None, map(mask, condensed(message)))) if "\n" in message else mask(message)


def _cut(text: str) -> str:
    return text[:MAX_TEXT].rstrip()
