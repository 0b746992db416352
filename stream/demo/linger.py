"""How long the demo's page stays up once all was played: until Enter or Ctrl-C, for some time, or not at all."""

import select
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

_LOOK_S = 0.5


def is_watched(stdin: TextIO, stdout: TextIO) -> bool:
    """Whether somebody sees what is said, and can press Enter."""
    return stdin.isatty() and stdout.isatty()


def until_told(keys: TextIO | None, seconds: float | None, check: Callable[[], None]) -> None:
    """Return on Enter (or Ctrl-D) at ``keys``, on Ctrl-C, or after ``seconds``; None: there are no keys, no end.

    ``check`` is called now and then; what it raises ends it too.
    """
    deadline = time.monotonic() + seconds if seconds is not None else None
    with suppress(KeyboardInterrupt):
        while deadline is None or time.monotonic() < deadline:
            check()
            left = _LOOK_S if deadline is None else max(0.0, min(_LOOK_S, deadline - time.monotonic()))
            if select.select([keys] if keys else [], [], [], left)[0]:
                assert keys is not None
                keys.readline()  # or a shell would get it
                return
