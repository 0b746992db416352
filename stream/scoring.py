"""What a scorer is, seen from the stream: ordered masked texts in, scores and evidence out. Pure.

TinyLogBERT, and every detector that it is compared with, stands behind this one seam; the stream knows no other.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from stream.distribution import Distribution
from stream.grades import GRADES, Bars, Severity, grades_of


class Score(NamedTuple):
    """The judgement on one window.

    ``value`` is any finite number, higher is more anomalous. ``p_value``, in (0, 1], is the share of healthy windows
    that score as high or higher or, of a window that may go on, that ever do while they are open. ``anomalous`` is the
    verdict at the threshold that training chose; ``severity`` grades it: ``warning`` and ``critical`` are anomalous.
    ``bars`` says at which scores the grades begin; a scorer that does not say is sure of its grade.
    """

    value: float
    p_value: float
    anomalous: bool
    severity: Severity
    bars: Bars | None = None

    @property
    def grades(self) -> dict[Severity, float]:
        """The probability of each severity; see ``stream.grades``."""
        if self.bars is not None:
            return grades_of(self.value, self.bars)
        return {grade: float(grade == self.severity) for grade in GRADES}


class Surprise(NamedTuple):
    """How much of a window's score one line carries; ``line`` is its index, ``value`` is in units of the score.

    ``expected`` names masked texts that would have fitted better in its place, or that are missing; may be empty.
    """

    line: int
    value: float
    expected: tuple[str, ...]


class Scorer(Protocol):
    """Scores windows. Deterministic: the same texts give the same score, whatever else is in the batch."""

    @property
    def checkpoint(self) -> str:
        """Name of what scores, for the event: it changes whenever the scores may."""
        ...

    @property
    def material(self) -> float:
        """A change of an open window's score by less than this is not worth an event."""
        ...

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        """Score windows, each the masked texts of its lines in canonical order (at least one).

        ``complete`` tells a closed window from one that may go on; p-value and verdict are calibrated for each.
        """
        ...

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        """Name the lines that carry the score, most surprising first, each kind of line once; may be empty."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """A scorer that knows how often it was spared its work because it had seen the content of a window before."""

    @property
    def remembered(self) -> float | None:
        """The share of windows, in [0, 1], whose score was remembered; None if nobody counts."""
        ...


@runtime_checkable
class Bagged(Protocol):
    """A scorer that does not look at the order of lines, so that others may remember its scores by the bag of them."""

    @property
    def bagged(self) -> bool:
        """Whether that is so."""
        ...

    def spare(self, windows: int) -> None:
        """Count windows whose scores were remembered by who would have asked for them."""
        ...


@runtime_checkable
class Thresholded(Protocol):
    """A scorer that knows from which score on it calls windows anomalous."""

    def threshold(self, complete: bool) -> float:
        """The least score of an anomalous window, of closed ones or of those that may go on."""
        ...


class Work(NamedTuple):
    """What a scorer has done since it was loaded: windows that it was ``asked`` for, or ``spare``d, and those that it
    ``computed``, as nobody remembered their content; how many ``windows`` it computed in each batch, and how many
    ``seconds`` each batch took.
    """

    asked: int
    computed: int
    windows: Distribution
    seconds: Distribution


@runtime_checkable
class Measured(Protocol):
    """A scorer that measures its work."""

    @property
    def work(self) -> Work | None:
        """The counts themselves, which go on; None if nobody counts."""
        ...
