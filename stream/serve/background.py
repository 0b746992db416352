"""A thread that works beside the server until it is told to end."""

import threading
from abc import ABC, abstractmethod

_JOIN_S = 10.0


class Background(ABC):
    """``_run`` does the work, and ends soon once ``_over`` is set."""

    def __init__(self, name: str) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for that."""
        self._over.set()
        self._thread.join(_JOIN_S)

    @abstractmethod
    def _run(self) -> None: ...
