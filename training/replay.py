"""Labelled lines through the pipeline of the daemon, and the figures as they come. Knows no broker and no file.

One ``WindowTask`` takes all lines in the order in which they are given and closes every window at the end. What it
scores depends on the lines alone: not on the speed, nor on how often anybody looks. What is measured, docs/measures.md
defines; who measures it are the modules next door.
"""

from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from stream.drift import WINDOWS_PER_FALSE_ALARM, Drift
from stream.errors import InputError
from stream.lines import BadLine, LineReader
from stream.lines.continued import read_chain
from stream.lines.log import Entry, Log
from stream.scoring import Scorer, Surprise
from stream.windows.judge import Judged, time_text
from stream.windows.settings import WindowSettings
from stream.windows.task import WindowTask
from stream.windows.window import Window
from training.beside import Beside
from training.blockscores import BlockScores
from training.contents import Contents
from training.delay import Delays, alarm_time, delay_figures, delays
from training.early import EarlyScores
from training.evaluate import figures, interval_figures
from training.falsealarms import false_alarm_figures
from training.prequential import Prequential
from training.projection import distinct
from training.pvalues import PValues, calibration_figures

_BATCH = 4_000  # lines between two batches of the model: a fixed number, so that two replays are alike

Events = Callable[[list[dict[str, Any]]], None]
"""Is given events as the daemon publishes them, with their evidence."""


class Replay:
    """Feed it with ``line``, end with ``finish``. ``labels`` are known beforehand; others may come with the lines.

    ``closed`` is given the events of closed windows, ``published`` all that the daemon would publish; what neither will
    see is not explained. ``budget`` is the share of false alarms that the scorer was to keep. The lines of
    ``fragments``, blocks that began before the first line that is given, are left out. The simple detectors ``beside``
    judge the same closed windows, beside the scorer, which is called ``name`` there.
    """

    def __init__(
        self,
        scorer: Scorer,
        settings: WindowSettings,
        reader: LineReader,
        labels: Mapping[str, bool] | None = None,
        closed: Events | None = None,
        published: Events | None = None,
        budget: float | None = None,
        fragments: Collection[bytes] = frozenset(),
        source: tuple[str, int] = ("replay", 0),
        beside: Sequence[tuple[str, Scorer]] = (),
        name: str = "the scorer",
    ) -> None:
        self.lines = self.no_block = self.windows = self.provisional = 0
        self.bad: dict[str, int] = {}
        self.blocks = BlockScores(labels)
        self.prequential = Prequential(self.blocks)
        self.contents = Contents()
        self.beside, self._name = Beside(beside), name
        self.alarms: dict[str, int] = {}  # block → when its first alarm rang, epoch ms of event time
        self._settings, self._budget, self._fragments = settings, budget, fragments
        self._early = EarlyScores(scorer)
        self.kept: dict[str, list[Window]] = {}  # windows of blocks that are not known to be normal, or raise an alarm
        self._judged_blocks: list[str] = []
        self._p_values = array("d")
        self._drift = Drift()
        self._drifted: list[str] = []
        self._begin = self._believed = 0
        self._checkpoint = scorer.checkpoint
        judge = _Explained(scorer, closed is not None or published is not None, published is not None)
        self._log = Log(reader)
        self._task = WindowTask(settings, judge, reader, source, own_clock=True)
        self._closed, self._published = closed, published

    def line(self, raw: bytes, offset: int, key: bytes | None = None, label: bool | None = None) -> None:
        """Take a line. With a ``key`` it belongs to that block alone, as in a topic keyed by block.

        ``label`` is that of the line's block; of several blocks it says nothing. Raises InputError if a block has two.
        """
        self.lines += 1
        try:
            self.no_block += not self._taken(raw, offset, key, label)
        except BadLine as bad:
            self.bad[bad.reason] = self.bad.get(bad.reason, 0) + 1
        # At every line, not once a batch: what is provisional then depends on the log alone.
        progress = self._task.clock.progress
        self._task.store.advance(progress)
        if not self._believed:
            self._believed = progress
        if self.lines % _BATCH == 0:
            self._take(self._task.events())
            self.prequential.note(progress, self.lines)

    def _taken(self, raw: bytes, offset: int, key: bytes | None, label: bool | None) -> bool:
        """Whether a message belongs to any window."""
        log = self._log
        if key is not None and (chain := read_chain(raw)) is not None:  # of a topic that the route stage wrote
            return self._enter(Entry(*chain, (key,), raw, chain=True), offset, key, label)
        before, sent = log.continued, False
        for inner in log.messages(raw):
            if (entry := log.entry(inner)) is not None:
                sent = self._enter(entry, offset, key, label) or sent
        return sent or log.continued > before

    def _enter(self, entry: Entry, offset: int, key: bytes | None, label: bool | None) -> bool:
        """Put a line into the windows of its blocks; whether it is of any that is asked for."""
        blocks = entry.blocks
        if label is not None and len(blocks) == 1:
            self._label(blocks[0].decode(), label)
        named = blocks if key is None else (key,) if key in blocks else ()
        targets = [block for block in named if block not in self._fragments] if self._fragments else named
        for block in targets:
            more = entry.chain or block != targets[-1]
            self._task.add(block, entry.time, entry.text, offset, more)
        return bool(named)

    def finish(self) -> None:
        """The lines have ended: close every window."""
        self._take(self._task.finish())
        self.prequential.note(self._task.clock.progress, self.lines, ends=True)

    def figures(self) -> dict[str, Any]:
        """Every figure so far, as JSON values: see docs/measures.md."""
        names, scores, verdicts, labels = judged = self.blocks.judged()
        chosen = distinct(names, labels, self.contents.of)
        known = self.blocks.labels
        return {
            "checkpoint": self._checkpoint,
            "lines": self.lines,
            "lines_without_block": self.no_block,
            "unreadable_lines": dict(sorted(self.bad.items())),
            "late_lines": self._task.store.late,
            "windows": self.windows,
            "provisional_scores": self.provisional,
            "blocks": len(self.blocks.scores),
            "blocks_begun_before": len(self._fragments),
            "unlabelled_blocks": self.blocks.unlabelled,
            "unscored_labels": self.blocks.unscored,
            **figures(scores, verdicts, labels),
            **interval_figures(scores, labels),
            "distinct": figures(scores[chosen], verdicts[chosen], labels[chosen]),
            "baselines": self.beside.figures(judged, self._name),
            "early": self._early.figures(known),
            "delay": delay_figures(self.delays()),
            "false_alarms": false_alarm_figures(known, self.blocks.scores, self.alarms, self._span, self._budget),
            "calibration": calibration_figures(self.p_values()),
            "drift": {"times": self._drifted, "windows_per_false_alarm": WINDOWS_PER_FALSE_ALARM},
            "prequential": self.prequential.figures(time_text),
        }

    def p_values(self) -> PValues:
        """Those of the closed windows so far."""
        every = np.array(self._p_values)
        normal = [self.blocks.labels.get(block) is False for block in self._judged_blocks]
        return PValues(every[np.array(normal, bool)], every)

    @property
    def _span(self) -> int:
        """Event time from the first line to the last, in ms, lines with times that nobody believed left out."""
        return self._task.clock.progress - self._begin

    def delays(self) -> Delays:
        """Detection delays of the failed blocks."""
        labels = self.blocks.labels
        failed = {block: windows for block, windows in self.kept.items() if labels.get(block)}
        return delays(failed, self.alarms, self.contents.bags(labels, anomalous=False))

    def _label(self, block: str, label: bool) -> None:
        if not self.blocks.label(block, label):
            raise InputError(f"the lines of {block} carry label 0 and label 1; a block has one label")

    def _take(self, judged: list[Judged]) -> None:
        events = [j.event for j in judged]
        closed = [due.window for due in self._task.due if due.window.complete]
        self._early.add(closed)
        self.beside.add(closed)
        ended = iter(closed)  # each closed window has an event, in this order
        for event in events:
            final = event["status"] == "closed"
            self.blocks.see(event["block_id"], event["score"], event["anomalous"], final)
            if event["anomalous"]:
                self._alarm(event["block_id"], alarm_time(event, self._settings))
            if final:
                self._end(next(ended), event)
            else:
                self.prequential.opened(event["block_id"])
        self.provisional += len(events) - len(closed)
        if self._published is not None:
            self._published(events)
        if self._closed is not None:
            self._closed([event for event in events if event["status"] == "closed"])

    def _alarm(self, block: str, time: int) -> None:
        self.alarms[block] = min(time, self.alarms.get(block, time))

    def _end(self, window: Window, event: dict[str, Any]) -> None:
        self.windows += 1
        self._judged_blocks.append(window.block_id)
        self._p_values.append(event["p_value"])
        if self._drift.see(event["p_value"]):
            self._drifted.append(event["last_time"])
        self.contents.add(window)
        if self.blocks.labels.get(window.block_id) is not False or event["anomalous"]:
            self.kept.setdefault(window.block_id, []).append(window)
        # A window with a broken clock enters now: for a time that is far ahead all others would be forgotten.
        self.prequential.closed(window.block_id, min(window.times[-1], self._task.clock.progress or window.times[-1]))
        self._begin_with(window.times[0])

    def _begin_with(self, time: int) -> None:
        """The log began at this time or before, unless that is too far from what the clock first believed."""
        if time >= self._believed - self._settings.max_jump:
            self._begin = min(time, self._begin or time)


class _Explained:
    """A scorer that explains only what somebody will see: explanations cost far more than scores."""

    def __init__(self, scorer: Scorer, closed: bool, provisional: bool) -> None:
        self._scorer = scorer
        self._wanted = {True: closed, False: provisional}
        self.checkpoint, self.material = scorer.checkpoint, scorer.material
        self.score = scorer.score

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        return self._scorer.explain(window, complete) if self._wanted[complete] else []
