"""The figures of a running worker: what an operator reads every ten seconds. Reads the clock that it is given."""

import time
from collections.abc import Callable

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
        self._lines = 0

    def __call__(self) -> None:
        """Log the figures if it is time."""
        now = self._clock()
        if now - self._since >= EVERY_S:
            totals = self.totals()
            lines = int(totals["lines"])
            rate = round((lines - self._lines) / (now - self._since))
            self._log.info("figures", lines_per_s=rate, lag=self._worker.lag(), **totals)
            self._since, self._lines = now, lines

    def totals(self) -> dict[str, float]:
        """What has happened since the start. ``jumps``, ``open_windows``, ``late``, ``evicted``: in the partitions
        that it holds now. ``lines`` are raw lines; where only the score stage runs, lines that came to it.
        ``remembered`` is the share of windows that the memo knew.
        """
        route, score = self._worker.route, self._worker.score
        stages = [stage for stage in (route, score) if stage]
        first = stages[0]
        totals: dict[str, float] = {
            "lines": first.lines,
            "no_block": first.no_block,
            "dead_letters": sum(s.dead for s in stages),
        }
        totals |= {"jumps": sum(s.jumps for s in stages), "aborted": self._worker.aborted}
        if score:
            totals |= {"open_windows": score.open_windows, "late": score.late, "evicted": score.evicted}
            totals |= {"scored": score.scored, "anomalies": score.anomalies}
            if (share := score.remembered) is not None:
                totals["remembered"] = round(share, 4)
        return totals
