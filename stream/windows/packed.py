"""A window's lines as bytes: template, time and offset of each, 4 to 8 bytes a line. Knows no text and no block.

Numbers are LEB128 varints (7 bits a byte, low first); differences are zigzag-coded, so that small ones of either
sign stay small (Protocol Buffers encoding specification). Log stamps are mostly whole seconds: a time difference
carries one bit that says whether it counts seconds or milliseconds.
"""

import re
from collections.abc import Callable, Iterator

from stream.errors import StateError

_TWO = 1 << 14
_SHORT = [bytes((n,)) if n < 128 else bytes((n & 127 | 128, n >> 7)) for n in range(_TWO)]
_LOW = [bytes((n & 127 | 128, n >> 7 | 128)) for n in range(_TWO)]  # the low 14 bits of a longer number
_REMEMBERED = 1 << 16
_LINE = re.compile(rb"([\x80-\xff]*[\x00-\x7f])" + rb"[\x80-\xff]*[\x00-\x7f]" * 2)


class _Codes(dict[int, bytes]):
    """Number → its bytes by ``code``; differences repeat, so they are remembered, as many as is bearable."""

    def __init__(self, code: Callable[[int], bytes]) -> None:
        super().__init__()
        self._code = code

    def __missing__(self, number: int) -> bytes:
        if len(self) >= _REMEMBERED:
            self.clear()
        code = self[number] = self._code(number)
        return code


def append(body: bytearray, template: int, time_delta: int, offset_delta: int) -> None:
    """Add one line: template number (≥ 0), milliseconds and offsets since the line before it (0 before the first)."""
    body += _TEMPLATES[template] + _TIMES[time_delta] + _OFFSETS[offset_delta]


def template(number: int) -> bytes:
    """The bytes that a template number is written as."""
    return _TEMPLATES[number]


def templates(body: bytes | bytearray) -> list[bytes]:
    """Return the template of each line that is not cut short, as ``template`` writes it, in the order of ``unpack``."""
    return _LINE.findall(body)


def unpack(body: bytes | bytearray) -> list[tuple[int, int, int]]:
    """Return ``(time in ms, template, offset)`` of each line, in the order in which they were added.

    Raises StateError for bytes that ``append`` did not write.
    """
    lines = []
    time = offset = 0
    rest = iter(body)
    try:
        for byte in rest:
            template = byte if byte < 128 else _long(byte, rest)
            byte = next(rest)
            code = byte if byte < 128 else _long(byte, rest)
            byte = next(rest)
            step = byte if byte < 128 else _long(byte, rest)
            if code & 1:
                time += _unzigzag(code >> 1)
            else:
                time += -(code + 2 >> 2) * 1000 if code & 2 else (code >> 2) * 1000
            offset += -(step + 1 >> 1) if step & 1 else step >> 1
            lines.append((time, template, offset))
    except StopIteration:
        raise StateError("a window's lines are cut short") from None
    return lines


def _long(byte: int, rest: Iterator[int]) -> int:
    """A number of more than one byte, of which this is the first."""
    number = shift = 0
    while byte > 127:
        number |= (byte & 127) << shift
        shift += 7
        byte = next(rest)
    return number | byte << shift


def _varint(number: int) -> bytes:
    return _SHORT[number] if number < _TWO else _LOW[number & _TWO - 1] + _varint(number >> 14)


def _time_code(delta: int) -> bytes:
    seconds, rest = divmod(delta, 1000)
    return _varint(_zigzag(delta) << 1 | 1 if rest else _zigzag(seconds) << 1)


def _offset_code(delta: int) -> bytes:
    return _varint(_zigzag(delta))


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _unzigzag(number: int) -> int:
    return -(number + 1 >> 1) if number & 1 else number >> 1


_TEMPLATES, _TIMES, _OFFSETS = _Codes(_varint), _Codes(_time_code), _Codes(_offset_code)
