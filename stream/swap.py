"""A scorer that can be exchanged while the daemon works: another checkpoint takes over, no window is lost.

Knows neither checkpoints nor Kafka: it is given what loads a scorer, what to look at for changes, what runs a loading
beside the work, and the time.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from pathlib import Path

from stream.errors import UserError
from stream.logs import Log
from stream.scoring import Bagged, Measured, Remembers, Score, Scorer, Surprise, Work

LOOK_S = 1.0
STILL_S = 2.0

Fingerprint = tuple[tuple[int, ...] | None, ...]
"""What identifies the files without reading them; equal as long as nobody has touched or replaced one."""


def fingerprint(files: Iterable[Path]) -> Fingerprint:
    """Device, inode, size and time of change (ns) of each file, None for one that cannot be looked at.

    Links are followed and the inode counts, so that a folder that took another's place is noticed even if all of its
    files have the sizes and times of those before.
    """
    return tuple(map(_identity, files))


def _identity(file: Path) -> tuple[int, ...] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class SwappableScorer:
    """Implements ``stream.scoring.Scorer`` by handing over to ``current``, which may be exchanged between commits."""

    def __init__(self, current: Scorer) -> None:
        self.current = current

    @property
    def checkpoint(self) -> str:
        """Name of what scores now."""
        return self.current.checkpoint

    @property
    def material(self) -> float:
        """See ``Scorer.material``."""
        return self.current.material

    @property
    def remembered(self) -> float | None:
        """See ``Remembers``: of what scores now."""
        return self.current.remembered if isinstance(self.current, Remembers) else None

    @property
    def work(self) -> Work | None:
        """See ``Measured``: of what scores now."""
        return self.current.work if isinstance(self.current, Measured) else None

    @property
    def bagged(self) -> bool:
        """See ``Bagged``: of what scores now."""
        return isinstance(self.current, Bagged) and self.current.bagged

    def spare(self, windows: int) -> None:
        """See ``Bagged``."""
        if isinstance(self.current, Bagged):
            self.current.spare(windows)

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        """See ``Scorer.score``."""
        return self.current.score(windows, complete)

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        """See ``Scorer.explain``."""
        return self.current.explain(window, complete)


class Swapper:
    """Keeps ``scorer`` up to date. ``tick`` is called often, by the thread that scores and never while it does, so that
    what one commit judges is judged by one checkpoint.

    ::

        asked to, or changed and still ──▶ loading ──▶ the same                → goes on
                      ▲                       │──────▶ broken                  → refused, the old one goes on
                      │                       │──────▶ good                    → exchanged
                      └─────── changed ◀──────┘        (whatever was read may be half of one and half of another)

    A refused one is tried again when the files change once more, or when asked to. ``load`` runs in ``executor``, all
    else here. The first loading is done at once; what it raises is raised.
    """

    def __init__(
        self, load: Callable[[], Scorer], look: Callable[[], Fingerprint], executor: Executor, log: Log
    ) -> None:
        self._load = load
        self._look = look
        self._executor = executor
        self._log = log
        self._loading: Future[Scorer] | None = None
        self._tried: Fingerprint | None = look()  # None: whatever is there has to be tried
        self._seen = self._tried
        self._since = self._next_look = -math.inf
        self._asked = False
        self.scorer = SwappableScorer(load())
        log.info("checkpoint loaded", checkpoint=self.scorer.checkpoint)

    def tick(self, now: float, asked: bool = False) -> bool:
        """Go on at time ``now``, in s; ``asked``: load again without waiting. True if the scorer was just exchanged."""
        self._asked |= asked
        swapped = False
        if self._loading is not None and self._loading.done():
            loading, self._loading = self._loading, None
            swapped = self._loaded(loading)
        if self._loading is None and (self._asked or now >= self._next_look):
            self._next_look = now + LOOK_S
            if self._wanted(now):
                self._asked = False
                self._tried = self._seen
                self._loading = self._executor.submit(partial(_tested, self._load))
        return swapped

    def _wanted(self, now: float) -> bool:
        found = self._look()
        if found != self._seen:
            self._seen, self._since = found, now
        return self._asked or (self._seen != self._tried and now - self._since >= STILL_S)

    def _loaded(self, loading: "Future[Scorer]") -> bool:
        if self._look() != self._tried:
            self._tried = None
            self._log.info("checkpoint changed while it was read, it is read again once nothing changes")
            return False
        if (error := loading.exception()) is not None:
            self._log.warning(
                "checkpoint refused, the old one goes on", checkpoint=self.scorer.checkpoint, error=_said(error)
            )
            return False
        new, old = loading.result(), self.scorer.checkpoint
        if new.checkpoint == old:
            self._log.info("checkpoint is the same, it goes on", checkpoint=old)
            return False
        self.scorer.current = new
        self._log.info("checkpoint loaded", checkpoint=new.checkpoint, instead_of=old)
        return True


def _tested(load: Callable[[], Scorer]) -> Scorer:
    """Load a scorer and let it score, so that one that cannot is refused and not found out in the midst of a commit."""
    scorer = load()
    for score in scorer.score([["a line"], ["a line"]], [True, False]):
        if not (math.isfinite(score.value) and 0 < score.p_value <= 1):
            raise ValueError(f"it scores {score.value} with a p-value of {score.p_value}")
    scorer.explain(["a line"], True)
    return scorer


def _said(error: BaseException) -> str:
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
