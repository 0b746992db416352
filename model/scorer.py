"""TinyLogBERT behind the stream's seam: windows in, scores and evidence out."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from torch import Tensor

from model.checkpoint import Checkpoint, load_checkpoint
from model.device import threads as threads_of_torch
from model.explain import explain
from model.inference import Inference
from stream.scoring import Score, Surprise, Work

_EXPLAINED = 4096  # windows


class BertScorer:
    """Implements ``stream.scoring.Scorer`` with a checkpoint; ``memo`` remembers scores by content.

    ``threads`` are those of torch while it computes, which shares the processor with whoever else works in this
    process; None for as many as it takes anyway.
    """

    material = 1.0

    def __init__(self, checkpoint: Checkpoint, memo: bool = True, threads: int | None = None) -> None:
        self._checkpoint, self._threads = checkpoint, threads
        self._inference = Inference(checkpoint.forward, memo, threads)
        self._judge, self._memo = checkpoint.calibration.graded(), memo
        self._explained: Callable[[tuple[str, ...], bool], tuple[Surprise, ...]] = self._explain
        if memo:  # one failure leaves its windows in many blocks
            self._explained = lru_cache(_EXPLAINED)(self._explain)

    @classmethod
    def load(
        cls, folder: Path | None = None, memo: bool = True, device: str = "cpu", threads: int | None = None
    ) -> "BertScorer":
        """A scorer from a checkpoint folder, or from the shipped one, on ``cpu`` or ``cuda``; raises InputError."""
        with threads_of_torch(threads):
            return cls(load_checkpoint(folder, device), memo, threads)

    def forgetful(self) -> "BertScorer":
        """The same scorer without a memo, to be measured."""
        return BertScorer(self._checkpoint, False, self._threads)

    def graded(self, notice_p: float | None, critical_p: float | None) -> "BertScorer":
        """This scorer, its grades from now on as ``Calibration.graded`` says."""
        self._judge = self._checkpoint.calibration.graded(notice_p, critical_p)
        return self

    @property
    def checkpoint(self) -> str:
        """Name of the checkpoint."""
        return self._checkpoint.name

    @property
    def false_alarms(self) -> float:
        """The share of healthy windows that its thresholds were to let through as false alarms."""
        return self._checkpoint.calibration.false_alarms

    @property
    def remembered(self) -> float:
        """See ``stream.scoring.Remembers``; windows that were read for an explanation are counted, too."""
        return self._inference.remembered

    @property
    def work(self) -> Work:
        """See ``stream.scoring.Measured``."""
        return self._inference.work

    @property
    def bagged(self) -> bool:
        """See ``stream.scoring.Bagged``; without a memo, nobody else shall have one."""
        return self._memo

    def spare(self, windows: int) -> None:
        """See ``stream.scoring.Bagged``: they count as asked for and remembered."""
        self._inference.asked += windows

    def threshold(self, complete: bool) -> float:
        """See ``stream.scoring.Thresholded``."""
        return (self._checkpoint.calibration.closed if complete else self._checkpoint.calibration.open).threshold

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        """See ``Scorer.score``."""
        encode, judge = self._checkpoint.encoder.encode, self._judge
        encoded = [encode(window, done) for window, done in zip(windows, complete, strict=True)]
        scores = self._inference.scores(encoded)
        return [judge(scores[ids], done) for ids, done in zip(encoded, complete, strict=True)]

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        """See ``Scorer.explain``: by what tells the window from the healthy one that it is most like."""
        return list(self._explained(tuple(window), complete))

    def vectors(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> Tensor:
        """The [CLS] vectors of windows: ``(windows, hidden)``."""
        encode = self._checkpoint.encoder.encode
        return self._inference.vectors([encode(w, done) for w, done in zip(windows, complete, strict=True)])

    def _explain(self, window: tuple[str, ...], complete: bool) -> tuple[Surprise, ...]:
        known = self._checkpoint
        return tuple(explain(window, complete, known.encoder, self._inference.scores, known.typical))
