"""Files that appear whole or not at all. Knows nothing of what is written."""

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from stream.errors import InputError

_GZIP_LEVEL = 4


@contextmanager
def open_output(name: str) -> Iterator[BinaryIO]:
    """Open a file to write bytes; ``-`` is stdout, and what ends in ``.gz`` is compressed, the same bytes each time.

    A file is written beside its place under another name and renamed at the end; on any error, or Ctrl-C, it is
    removed and what was there before stays. A device or a pipe is written to as it is.

    Raises:
        InputError: the file cannot be written. A broken pipe is left to the caller.
    """
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name).resolve()
    plain = not path.exists() or path.is_file()
    target = path.with_name(f".{path.name}.{os.getpid()}.part") if plain else path
    try:
        with target.open("wb") as file, _compressed(file, name.endswith(".gz")) as out:
            yield out
        if plain:
            target.replace(path)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise InputError(f"cannot write {name}: {error.strerror or error}") from error
    finally:
        if plain:
            target.unlink(missing_ok=True)


@contextmanager
def _compressed(file: BinaryIO, wanted: bool) -> Iterator[BinaryIO]:
    if not wanted:
        yield file
        return
    with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as out:
        yield cast(BinaryIO, out)
