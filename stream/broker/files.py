"""Two things with files that several processes share: one writer at a time, and no half-written file."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds an advisory lock on ``path`` (created if absent), waiting for whoever holds it.

    The kernel gives it back when the holder dies, so there is no stale lock.
    """
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_atomically(path: Path, text: str) -> None:
    """Writes ``text`` so that a reader finds the old content or the new one, whenever the writer dies."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
