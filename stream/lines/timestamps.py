"""Timestamps of log lines → milliseconds since 1970, UTC. Knows the forms of stamps, nothing of the text behind them.

Stamps repeat, so a parsed one is remembered by its bytes: by all the bytes that decide whether it is one, so that
remembering never changes a result. Where several partitions are read in turn seconds repeat little, but minutes do.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeVar

Stamp = Callable[[bytes], int]
"""Raw line → epoch milliseconds; raises ValueError when the line does not begin with such a stamp."""

_HDFS_V1 = re.compile(rb"\d{6} \d{6} ")
_ISO = re.compile(rb"\[?(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,](\d{0,9}))?(?:(Z)| ?([+-]\d\d:?\d\d))?(?=[\s\]])")
_SLASHED = re.compile(rb"((?:\d\d)?\d\d)/(\d\d)/(\d\d) (\d\d:\d\d:\d\d)(?:[.,](\d{0,9}))?(?=\s)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MS
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MS
_REMEMBERED = 8192
_SECONDS = {b"%02d " % second: 1000 * second for second in range(60)}
_Key = TypeVar("_Key")


def hdfs_v1(zone: tzinfo = UTC) -> Stamp:
    """``081109 203518`` (YYMMDD HHMMSS, log4j of Hadoop 0.20), without a zone of its own: read in ``zone``."""
    minutes: dict[bytes, int] = {}

    def stamp(line: bytes) -> int:
        minute = minutes.get(line[:11])
        second = _SECONDS.get(line[11:14])
        if minute is not None and second is not None:
            return minute + second
        head = line[:14]
        found = _parsed(head, zone)
        first, last = (_parsed(head[:11] + end, zone) for end in (b"00 ", b"59 "))
        if last - first == 59_000:  # a zone may change its offset within a minute: in Monrovia, in 1972
            _remember(minutes, head[:11], first)
        return found

    return stamp


def iso(zone: tzinfo = UTC) -> Stamp:
    """``2023-10-10 08:02:30,123`` or ISO 8601 with ``T`` and an offset, also in brackets; read in ``zone`` without one.

    Of a fraction the milliseconds are kept, not rounded. An hour that a zone has twice (the end of summer time) is
    the first of the two, as nothing in the line tells them apart.
    """
    seen: dict[tuple[bytes, bytes, bytes | None], int] = {}

    def stamp(line: bytes) -> int:
        match = _ISO.match(line)
        if match is None:
            raise ValueError("no time of the form YYYY-MM-DD HH:MM:SS")
        date, clock, fraction, utc, offset = match.groups()
        offset = utc or offset
        key = (date, clock, offset)
        second = seen.get(key)
        if second is None:
            moment = datetime.fromisoformat(b"".join((date, b"T", clock, offset or b"")).decode())
            second = _epoch_ms(moment if moment.tzinfo else moment.replace(tzinfo=zone))
            _remember(seen, key, second)
        return second + _thousandths(fraction)

    return stamp


def slashed(zone: tzinfo = UTC) -> Stamp:
    """``23/10/10 08:02:30`` (YY/MM/DD, consoles of Hadoop and Spark) or ``2023/10/10 08:02:30``, read in ``zone``."""
    seen: dict[bytes, int] = {}

    def stamp(line: bytes) -> int:
        match = _SLASHED.match(line)
        if match is None:
            raise ValueError("no time of the form YY/MM/DD HH:MM:SS")
        *_, fraction = match.groups()
        key = line[: match.end(4)]
        second = seen.get(key)
        if second is None:
            year, month, day, clock, _ = (part.decode() if part else "" for part in match.groups())
            form = f"{year if len(year) == 4 else f'20{year}'}-{month}-{day}T{clock}"
            second = _epoch_ms(datetime.fromisoformat(form).replace(tzinfo=zone))
            _remember(seen, key, second)
        return second + _thousandths(fraction)

    return stamp


def _thousandths(fraction: bytes | None) -> int:
    return int(fraction[:3].ljust(3, b"0")) if fraction else 0


def _parsed(head: bytes, zone: tzinfo) -> int:
    if not _HDFS_V1.fullmatch(head):
        raise ValueError("no time of the form YYMMDD HHMMSS")
    return _epoch_ms(datetime.strptime(head.decode(), "%y%m%d %H%M%S ").replace(tzinfo=zone))


def _epoch_ms(moment: datetime) -> int:
    ms = (moment - _EPOCH) // _MS
    if not _FIRST <= ms <= _LAST:
        raise ValueError("the time is, in UTC, not within the years 1 to 9999")
    return ms


def _remember(seen: dict[_Key, int], key: _Key, value: int) -> None:
    if len(seen) >= _REMEMBERED:
        seen.clear()
    seen[key] = value
