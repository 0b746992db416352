"""A window's lines as bytes: template, time and offset of each, 4 to 8 bytes a line. Knows no text and no block.

Numbers are LEB128 varints (7 bits a byte, low first); differences are zigzag-coded, so that small ones of either
sign stay small (Protocol Buffers encoding specification). Log stamps are mostly whole seconds: a time difference
carries one bit that says whether it counts seconds or milliseconds.
"""

from stream.errors import StateError

_TWO = 1 << 14
_SHORT = [bytes((n,)) if n < 128 else bytes((n & 127 | 128, n >> 7)) for n in range(_TWO)]
_LOW = [bytes((n & 127 | 128, n >> 7 | 128)) for n in range(_TWO)]  # the low 14 bits of a longer number


def append(body: bytearray, template: int, time_delta: int, offset_delta: int) -> None:
    """Add one line: template number (≥ 0), milliseconds and offsets since the line before it (0 before the first)."""
    seconds, rest = divmod(time_delta, 1000)
    time_code = _zigzag(time_delta) << 1 | 1 if rest else _zigzag(seconds) << 1
    offset_code = _zigzag(offset_delta)
    if template < _TWO and time_code < _TWO and offset_code < _TWO:
        body += _SHORT[template] + _SHORT[time_code] + _SHORT[offset_code]
    else:
        body += _varint(template) + _varint(time_code) + _varint(offset_code)


def unpack(body: bytes | bytearray) -> list[tuple[int, int, int]]:
    """Return ``(time in ms, template, offset)`` of each line, in the order in which they were added.

    Raises StateError for bytes that ``append`` did not write.
    """
    numbers = _numbers(body)
    if len(numbers) % 3:
        raise StateError("a window's lines are cut short")
    lines = []
    time = offset = 0
    for i in range(0, len(numbers), 3):
        code = numbers[i + 1]
        delta = _unzigzag(code >> 1)
        time += delta if code & 1 else delta * 1000
        offset += _unzigzag(numbers[i + 2])
        lines.append((time, numbers[i], offset))
    return lines


def _numbers(body: bytes | bytearray) -> list[int]:
    numbers = []
    number = shift = 0
    for byte in body:
        if byte < 128:
            numbers.append(number | byte << shift)
            number = shift = 0
        else:
            number |= (byte & 127) << shift
            shift += 7
    if shift:
        raise StateError("a window's lines are cut short")
    return numbers


def _varint(number: int) -> bytes:
    return _SHORT[number] if number < _TWO else _LOW[number & _TWO - 1] + _varint(number >> 14)


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _unzigzag(number: int) -> int:
    return -(number + 1 >> 1) if number & 1 else number >> 1
