"""How much work a training is: bounded whatever the logs are, and known before it begins.

Windows of other logs may be several times as long as those of HDFS, and as many more may be distinct. So a batch has
fewer windows where they are long, an epoch of the masked language model reads 65,536 tokens at most, and the teacher's
matrix has a million cells at most, of a weighted sample of the windows.
"""

from collections import Counter
from random import Random
from typing import NamedTuple

import numpy as np

from model.encoding import WindowEncoder
from training.bags import Bag, Corpus, Floats, matrix
from training.mlm import readings_of
from training.optimism import calibrating
from training.thinning import thin

_MLM, _HEAD = (32, 1_024), (144, 3_072)  # windows and tokens of a batch, at most
_LEAST = 8
_EPOCH_TOKENS = 65_536
_CELLS = 1_000_000
_LOOKED_AT = 500
CALIBRATING = "calibrating"


class Sizes(NamedTuple):
    """Windows of a batch of the masked language model and of the head, and readings of an epoch of the former."""

    mlm: int
    head: int
    epoch: int


def fitted(corpus: Corpus) -> list[tuple[Counter[Bag], bool]]:
    """What is trained on, with its completeness."""
    return [(corpus.closed.fitted, True), (corpus.open.fitted, False)]


def sizes_of(corpus: Corpus, encoder: WindowEncoder) -> Sizes:
    """Sizes for the mean number of tokens of these windows."""
    bags = [bag for counted, _ in fitted(corpus) for bag in counted]
    some = bags[:: max(1, len(bags) // _LOOKED_AT)]
    tokens = sum(len(encoder.encode(dict(bag), True)) for bag in some) / len(some)
    mlm, head = (max(_LEAST, min(most, int(budget / tokens))) for most, budget in (_MLM, _HEAD))
    return Sizes(mlm, head, min(readings_of(fitted(corpus)), int(_EPOCH_TOKENS / tokens)))


def plan(corpus: Corpus, sizes: Sizes, epochs: int, steps: int) -> dict[str, float]:
    """The work of the stages, in windows that are learned from; one that is only scored costs a third of that."""
    complete, prefixes = calibrating(corpus)
    return {
        "masked language model": float(epochs * sizes.epoch),
        "head": float(steps * sizes.head),
        CALIBRATING: 2 * (len(complete) + len(prefixes)) / 3,
    }


def rows(counted: Counter[Bag], kinds: list[str]) -> tuple[Floats, Floats]:
    """Counts ``(bags, kinds + 1)`` and weights ``(bags,)`` of bags, or of a sample of them."""
    counted = Counter(counted)
    thin(counted, _CELLS // (len(kinds) + 1), Random(0))
    return matrix(list(counted), kinds), np.array(list(counted.values()), float)
