"""Lines of files: plain or gzip by content, ``-`` is stdin; how far the reading has come. Knows nothing of a line."""

import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast

from stream.errors import InputError

Told = Callable[[int, int], None]
"""Called now and then with the bytes read so far, as they lie on disk, and the bytes there are; 0 if nobody knows."""

STDIN = "-"
MAX_LINE_BYTES = 16 * 1024 * 1024
"""What a Kafka message may hold here. A file with a longer "line" is no log, and must not fill the memory."""

_GZIP = b"\x1f\x8b\x08"
_PACKED, _CHUNK = 1 << 16, 1 << 18  # bytes on disk and bytes of lines that are read at once: progress is no finer


def read_lines(paths: Sequence[str], told: Told = lambda _done, _of: None) -> Iterator[bytes]:
    """Yield the lines of the files, one file after the other, without their newlines; every other byte is kept.

    Raises InputError in one line for a file that is missing, unreadable, damaged, cut short or no text; all files are
    looked for before the first is read.
    """
    of = _bytes_of(paths)
    done = 0
    for path in paths:
        with _opened(path) as (file, raw):
            for chunk in _chunks(file, path):
                yield from chunk
                told(done + raw.count, of)
            done += raw.count


def open_lines(path: str) -> Iterator[bytes]:
    """The lines of one file: see ``read_lines``."""
    return read_lines([path])


class _Counted(io.RawIOBase):
    """Counts the bytes that are read through it; a pipe cannot tell where it is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        read: int = self._file.readinto(buffer)  # type: ignore[attr-defined]
        self.count += read
        return read


def _chunks(file: io.BufferedIOBase, path: str) -> Iterator[list[bytes]]:
    """Whole lines, some thousands at a time."""
    rest: list[bytes] = []  # pieces of a line whose end has not come yet
    held = number = 0
    while chunk := file.read1(_CHUNK):  # what is there: a pipe's lines go on as they come
        first, *lines = chunk.split(b"\n")
        rest.append(first)
        held += len(first)
        if held > MAX_LINE_BYTES:
            raise InputError(f"{path}: line {number + 1} is longer than {MAX_LINE_BYTES >> 20} MiB; this is no log")
        if lines:
            whole = b"".join(rest)
            rest = [lines.pop()]
            held = len(rest[0])
            number += 1 + len(lines)
            yield [whole, *lines]
    if last := b"".join(rest):
        yield [last]


@contextmanager
def _opened(path: str) -> Iterator[tuple[io.BufferedIOBase, _Counted]]:
    """The bytes of a file, unpacked, and what counts its bytes on disk."""
    try:
        with _file(path) as file:
            raw = _Counted(file)
            buffered = io.BufferedReader(raw, _PACKED)
            packed = buffered.peek(3)[:3] == _GZIP
            yield gzip.GzipFile(fileobj=buffered) if packed else buffered, raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        why = "it is cut short" if isinstance(error, EOFError) else f"it is damaged ({error})"
        raise InputError(f"cannot unpack {path}: {why}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


@contextmanager
def _file(path: str) -> Iterator[BinaryIO]:
    if path == STDIN:
        yield getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)  # the buffer would wait until it is full
        return
    with open(path, "rb", buffering=0) as file:
        yield cast(BinaryIO, file)


def _bytes_of(paths: Sequence[str]) -> int:
    """Bytes of all files; 0 if one is stdin or a pipe."""
    sizes = []
    for path in paths:
        try:
            sizes.append(0 if path == STDIN else os.stat(path).st_size)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror or error}") from error
        if path != STDIN and os.path.isdir(path):
            raise InputError(f"cannot read {path}: it is a folder")
    return sum(sizes) if all(sizes) else 0
