"""What a simple detector is: counts of one window's kinds of line → a raw score. Knows no text and no verdict."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]


class Detector(Protocol):
    """Scores one window at a time, so that no score can depend on what else is in the batch.

    Counts are ``(kinds + 1,)``, whole numbers of at least 0; the last counts lines of kinds that training never saw.
    """

    def score(self, counts: Floats) -> float:
        """Any finite number, higher is more anomalous."""
        ...

    def arrays(self) -> dict[str, Array]:
        """All that scoring needs, to be stored; ``from_arrays`` reads it back."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], kinds: int) -> Self:
        """A detector of so many kinds; raises ValueError or KeyError for arrays that cannot be its own."""
        ...


class Kinds:
    """The kinds of line that training saw, and the counts of any window by them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = tuple(texts)
        self._column = {text: i for i, text in enumerate(self.texts)}
        if len(self._column) != len(self.texts):
            raise ValueError("a kind of line stands there twice")

    def counts(self, bag: Mapping[str, int] | Iterable[tuple[str, int]]) -> Floats:
        """Counts ``(kinds + 1,)`` of a bag of masked texts; unknown kinds count together in the last."""
        counts = np.zeros(len(self.texts) + 1)
        for text, number in bag.items() if isinstance(bag, Mapping) else bag:
            counts[self._column.get(text, -1)] += number
        return counts


def finite(arrays: Mapping[str, Array], name: str, shape: Sequence[int | None]) -> Floats:
    """The array of this name as floats; ValueError unless it has this shape (None: any size) and is finite."""
    found = arrays[name]
    fits = found.ndim == len(shape) and all(want in (None, size) for want, size in zip(shape, found.shape, strict=True))
    if not fits:
        raise ValueError(f"{name} has the shape {found.shape}, which is not that of this detector")
    values = found.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds what is no number")
    return values
