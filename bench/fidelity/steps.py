"""Windows one step away from real ones."""

from collections.abc import Callable

import numpy as np

from training.bags import Floats

AS_IT_IS = "as it is"
Row = Floats
_MANY = (16, 128)


def _less(row: Row, rng: np.random.Generator) -> None:
    row[_present(row, rng)] -= 1


def _more(row: Row, rng: np.random.Generator) -> None:
    row[_present(row, rng)] += 1


def _none(row: Row, rng: np.random.Generator) -> None:
    row[_present(row, rng)] = 0


def _another(row: Row, rng: np.random.Generator) -> None:
    row[int(rng.integers(len(row) - 1))] += 1


def _flood(row: Row, rng: np.random.Generator) -> None:
    row[_present(row, rng)] = int(np.exp(rng.uniform(*np.log(_MANY))))


def _half(row: Row, rng: np.random.Generator) -> None:
    row[rng.random(len(row)) < 0.5] = 0


STEPS: dict[str, Callable[[Row, np.random.Generator], None]] = {
    AS_IT_IS: lambda row, rng: None,
    "a line less": _less,
    "a line more": _more,
    "a kind less": _none,
    "a line of any kind": _another,
    "16 to 128 lines of a kind": _flood,
    "half of the kinds": _half,
}
"""What is done to a window, in place."""


def stepped(rows: Floats, name: str, rng: np.random.Generator) -> Floats:
    """Rows of counts ``(windows, kinds + 1)``, each changed by this step; those that come to nothing are left out."""
    changed = rows.copy()
    for row in changed:
        STEPS[name](row, rng)
    return changed[changed.any(axis=1)]


def _present(row: Row, rng: np.random.Generator) -> int:
    return int(rng.choice(np.flatnonzero(row)))
