"""A thread that looks whether lines carry labels in their headers (``tinylogbert produce --labels``), and follows them.

Where the newest lines carry none it looks again a minute later: an unlabelled stream costs next to nothing.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stream.errors import BrokerError
from stream.kafka.follow import Follower
from stream.kafka.messages import LABEL
from stream.serve.grading import Grading
from stream.serve.store import Store
from stream.settings import Settings

_TAIL = 20_000
_LOOK_AGAIN_S = 60.0
_RETRY_S = 2.0
_JOIN_S = 10.0
_VALUES = {b"0": False, b"1": True}


class Labelled:
    """Tells ``grading`` the labels, and, once there are any, the scores that the store holds already."""

    def __init__(self, settings: Settings, store: Store, grading: Grading) -> None:
        self._settings = settings
        self._store = store
        self._grading = grading
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="labels", daemon=True)

    def start(self) -> None:
        """Begin, unless the labels are known."""
        if not self._grading.given:
            self._thread.start()

    def stop(self) -> None:
        """End, and wait for that."""
        self._over.set()
        if not self._grading.given:
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._follow()
                self._over.wait(_LOOK_AGAIN_S)
            except BrokerError:  # others say so
                self._over.wait(_RETRY_S)

    def _follow(self) -> None:
        """Until it is over; or until the end, if no line has a label, but not before there are lines."""
        lines = 0
        with Follower(self._settings, self._settings.input_topic, False, lambda _: None, last=_TAIL) as follower:
            for batch in follower.batches():
                for message in batch:
                    self._take(message)
                lines += len(batch)
                if self._over.is_set() or (follower.caught_up and lines and not self._grading.begun):
                    return

    def _take(self, message: Any) -> None:
        key = message.key()
        if key is None:
            return
        for name, value in message.headers() or ():
            if name == LABEL and value in _VALUES:
                first = not self._grading.begun
                self._grading.label(key.decode(errors="replace"), _VALUES[value])
                if first:
                    for entry in self._store:
                        self._grading.see(entry.event)


@contextmanager
def labelled(settings: Settings, store: Store, grading: Grading) -> Iterator[None]:
    """The thread, until the block ends."""
    thread = Labelled(settings, store, grading)
    thread.start()
    try:
        yield
    finally:
        thread.stop()
