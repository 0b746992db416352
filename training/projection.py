"""Windows by content: which are distinct, and where their [CLS] vectors lie in the plane (t-SNE, van der Maaten &
Hinton 2008). Knows the windows of a log, not how they were scored.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from stream.scoring import Score
from stream.windows.window import Window
from training.evaluate import Bools, Floats

MOST = 2_000
LEAST = 10
_SEED = 0

Content = tuple[tuple[str, ...], ...]
"""The masked texts of a block's windows, one tuple a part."""


class VectorScorer(Protocol):
    """A scorer that can show what it sees: ``vectors`` gives ``(windows, size)`` (an array or a tensor)."""

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]: ...  # noqa: D102
    def vectors(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> npt.ArrayLike: ...  # noqa: D102


class Projection(NamedTuple):
    """Distinct windows in the plane: ``points`` is ``(n, 2)``; ``of`` counts those that could not all be shown."""

    points: Floats
    labels: Bools
    severities: Sequence[str]
    of: int


def contents(windows: Iterable[Window]) -> dict[str, Content]:
    """The content of each block."""
    found: dict[str, dict[int, tuple[str, ...]]] = {}
    for window in windows:
        found.setdefault(window.block_id, {})[window.part] = window.texts
    return {block: tuple(texts for _, texts in sorted(parts.items())) for block, parts in found.items()}


def distinct(blocks: Sequence[str], labels: Bools, known: Mapping[str, Hashable]) -> list[int]:
    """Indices of blocks such that each pair of content and label stands there once; unknown blocks are left out."""
    first: dict[tuple[Hashable, bool], int] = {}
    for i, (block, label) in enumerate(zip(blocks, labels.tolist(), strict=True)):
        if block in known:
            first.setdefault((known[block], label), i)
    return list(first.values())


def project(
    blocks: Sequence[str], labels: Bools, known: Mapping[str, Content], scorer: VectorScorer
) -> Projection | None:
    """Place the distinct windows of labelled blocks, at most 2,000 drawn with a fixed seed.

    None for windows that are less than ten to the model.
    """
    windows: dict[tuple[tuple[str, ...], bool], None] = {}
    for block, label in zip(blocks, labels.tolist(), strict=True):
        windows.update(dict.fromkeys((texts, label) for texts in known.get(block, ())))
    if not windows:
        return None
    chosen = _draw(list(windows))
    texts, complete = [texts for texts, _ in chosen], [True] * len(chosen)
    points = tsne(np.asarray(scorer.vectors(texts, complete), np.float64))
    if points is None:
        return None
    severities = [score.severity for score in scorer.score(texts, complete)]
    return Projection(points, np.array([label for _, label in chosen], np.bool_), severities, len(windows))


def _draw(windows: list[tuple[tuple[str, ...], bool]]) -> list[tuple[tuple[str, ...], bool]]:
    """At most 2,000, of which half may be anomalous: there are few, and they are what one looks for."""
    if len(windows) <= MOST:
        return windows
    random = np.random.default_rng(_SEED)
    anomalous = [i for i, (_, label) in enumerate(windows) if label]
    normal = [i for i, (_, label) in enumerate(windows) if not label]
    few = min(len(anomalous), max(MOST // 2, MOST - len(normal)))
    picked = [*random.choice(anomalous, few, replace=False), *random.choice(normal, MOST - few, replace=False)]
    return [windows[i] for i in sorted(picked)]


def tsne(vectors: npt.NDArray[np.float64]) -> Floats | None:
    """A place for each vector, the same for equal ones; None for too few places."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    places, place = np.unique(vectors, axis=0, return_inverse=True)
    if len(places) < LEAST:
        return None
    perplexity = min(30.0, (len(places) - 1) / 3)
    # One thread: its many short parallel loops wait for each other, eight times as long on cores that others use too.
    with threadpool_limits(1):
        placed: Floats = TSNE(init="pca", perplexity=perplexity, random_state=_SEED).fit_transform(places)
    return placed[place.ravel()]
