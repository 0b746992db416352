"""The figures of a running worker: what an operator reads every ten seconds. Reads the clock that it is given.

What cannot wait so long is logged at once: that the logs have changed, that lines could not be read.
"""

import time
from collections import Counter
from collections.abc import Callable

from stream.drift import WINDOWS_PER_FALSE_ALARM
from stream.kafka.worker import Worker
from stream.logs import Log

EVERY_S = 10.0


class Figures:
    """Logs one line every ten seconds; call it often."""

    def __init__(self, worker: Worker, log: Log, clock: Callable[[], float] = time.monotonic) -> None:
        self._worker = worker
        self._log = log
        self._clock = clock
        self._since = clock()
        self._lines = self._drift = self._dead = 0
        self._next_letters = clock()

    def __call__(self) -> None:
        """Log the figures if it is time."""
        self._tell_drift()
        now = self._clock()
        self._tell_letters(now)
        if now - self._since >= EVERY_S:
            totals = self.totals()
            lines = int(totals["lines"])
            rate = round((lines - self._lines) / (now - self._since))
            self._log.info("figures", lines_per_s=rate, lag=self._worker.lag(), **totals)
            self._since, self._lines = now, lines

    def _tell_drift(self) -> None:
        score = self._worker.score
        if score and score.drift.found > self._drift:
            self._drift = score.drift.found
            self._log.warning(
                "drift: more windows are unusual than before; look at them, and train anew if the logs have changed",
                found=self._drift,
                windows_per_false_alarm=WINDOWS_PER_FALSE_ALARM,
            )

    def _tell_letters(self, now: float) -> None:
        """Not of each line: a stream of another form has a million of them."""
        if now < self._next_letters:
            return
        reasons: Counter[str] = Counter()
        for stage in (self._worker.route, self._worker.score):
            reasons.update(stage.dead_by if stage else {})
        if reasons.total() > self._dead:
            self._log.warning(
                "lines could not be read; see tinylogbert dead-letters show",
                new=reasons.total() - self._dead,
                since_start=dict(reasons),
            )
            self._dead = reasons.total()
            self._next_letters = now + EVERY_S

    def totals(self) -> dict[str, float]:
        """What has happened since the start; ``open_windows`` are those of now. ``lines`` are raw lines; where only the
        score stage runs, lines that came to it. ``continued`` are raw lines that belong to the line before them.
        ``drift`` is how often the windows became stranger (``stream.drift``; it begins anew with the worker).
        ``remembered`` is the share of windows that the memo knew.
        """
        route, score = self._worker.route, self._worker.score
        stages = [stage for stage in (route, score) if stage]
        first = stages[0]
        totals: dict[str, float] = {"lines": first.lines, "no_block": first.no_block}
        if route:
            totals["continued"] = route.continued
        totals |= {"dead_letters": sum(s.dead for s in stages)}
        totals |= {"jumps": sum(s.jumps for s in stages), "aborted": self._worker.aborted}
        if score:
            totals |= {"open_windows": score.open_windows, "late": score.late, "evicted": score.evicted}
            totals |= {"scored": score.scored, "anomalies": score.anomalies, "drift": score.drift.found}
            if (share := score.remembered) is not None:
                totals["remembered"] = round(share, 4)
        return totals
