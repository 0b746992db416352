"""Times as log shippers write them, numbers or texts → milliseconds since 1970. Of envelopes, not of lines."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"-?\d{1,20}(?:\.\d{1,12})?")
_SPACE = re.compile(r" (?=[+-]\d\d:?\d\d$)")
_LAST = 253_402_300_799_999  # the end of the year 9999, in ms
_SCALES = ((1e11, 1000.0), (1e14, 1.0), (1e17, 1e-3))  # seconds, milliseconds, microseconds; beyond: nanoseconds


def epoch_ms(value: object, zone: tzinfo = UTC) -> int | None:
    """Milliseconds of ISO 8601 text or of a number in s, ms, µs or ns (its size tells); None for anything else.

    A text without an offset is read in ``zone``.

    >>> epoch_ms(1696924950.5), epoch_ms("1696924950123456789"), epoch_ms("2023-10-10T08:02:30,123Z")
    (1696924950500, 1696924950123, 1696924950123)
    """
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return _iso_ms(value, zone)
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e19:
        return None
    scale = next((scale for limit, scale in _SCALES if value < limit), 1e-6)
    if isinstance(value, int):  # a double has no room for nanoseconds
        ms = value * int(scale) if scale >= 1 else value // round(1 / scale)
    else:
        ms = int(value * scale + 1e-4)
    return ms if ms <= _LAST else None


def iso_text(ms: int) -> bytes:
    """The time as lines have it.

    >>> iso_text(1696924950123)
    b'2023-10-10T08:02:30.123Z'
    """
    moment = _EPOCH + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()


def _iso_ms(text: str, zone: tzinfo) -> int | None:
    if len(text) > 40:
        return None
    try:
        moment = datetime.fromisoformat(_SPACE.sub("", text))
        ms = ((moment if moment.tzinfo else moment.replace(tzinfo=zone)) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None
    return ms if 0 <= ms <= _LAST else None
