"""Both encodings taught for the same time by the same teacher on earlier blocks, judged once on later ones.

No masked-language-model stage for either, complete windows only. A time is what both have in common: a step of plain
WordPiece reads ten times as many tokens. It is the processor's, so that a busy machine favours none. Weights begin at
random and the number of steps differs from run to run, so figures do, too.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from bench.tokens.plain import PlainEncoder, PlainSampler, Texts, plain_model
from model.bert import TinyLogBERT
from model.inference import Inference
from stream.windows.files import windows_of
from training.bags import Bag, matrix
from training.base import fresh
from training.evaluate import average_precision, best_f1, roc_auc
from training.head import train_head
from training.samples import Sampler
from training.teacher import fit_teacher

Ids = tuple[int, ...]
Told = Callable[[int, int], None]

_EARLIER = 0.6
_RATE = 5e-4
_TIMED = 4


class Split(NamedTuple):
    """Distinct earlier windows with their numbers and one order each; later windows with labels."""

    earlier: dict[Bag, tuple[int, Texts]]
    later: list[Texts]
    labels: list[bool]


def split(lines: Sequence[bytes], labels: Mapping[str, bool]) -> Split:
    """Earlier windows lie whole in the first 60 % of the lines; later ones begin behind it. Others are left out."""
    border = int(len(lines) * _EARLIER)
    earlier: dict[Bag, tuple[int, Texts]] = {}
    later: list[tuple[Texts, bool]] = []
    for window in windows_of(lines):
        if max(window.offsets) < border:
            bag = tuple(sorted(Counter(window.texts).items()))
            number, order = earlier.get(bag, (0, window.texts))
            earlier[bag] = (number + 1, order)
        elif min(window.offsets) >= border and window.block_id in labels:
            later.append((window.texts, labels[window.block_id]))
    return Split(earlier, [texts for texts, _ in later], [label for _, label in later])


def measure(given: Split, seconds: float, batch: int, seed: int, told: Told) -> dict[str, dict[str, Any]]:
    """Figures of ours and of plain WordPiece after as many seconds of training, and of the teacher alone."""
    seen = Counter(text for bag, (number, _) in given.earlier.items() for text, _ in bag for _ in range(number))
    kinds = [text for text, _ in seen.most_common()]
    rows = matrix(list(given.earlier), kinds)
    weights = np.array([number for number, _ in given.earlier.values()], float)
    teacher = fit_teacher(rows, weights, kinds)
    ours, encoder = fresh(kinds)
    plain = PlainEncoder(kinds)
    other = plain_model(plain)
    rng = np.random.default_rng((seed, 1))
    judged = matrix([tuple(Counter(texts).items()) for texts in given.later], kinds)
    found = {"teacher": _figures(teacher.target(judged), given.labels)}
    sampler = Sampler(rows, weights, kinds, True, encoder, teacher, rng)
    steps = _train(ours, sampler, batch, seconds, told)
    found["ours"] = {"steps": steps, **_judged(ours, [encoder.encode(t, True) for t in given.later], given.labels)}
    read = PlainSampler(given.earlier, rows, kinds, plain, teacher, rng)
    steps = _train(other, read, batch, seconds, told)
    found["plain"] = {"steps": steps, **_judged(other, [plain.encode(t) for t in given.later], given.labels)}
    return found


def _train(model: TinyLogBERT, sampler: Any, batch: int, seconds: float, told: Told) -> int:
    """Train for about so many seconds of processor time, measured on some steps before; return the number of steps."""

    def progress(stage: str, done: int, of: int, loss: float | None) -> None:
        told(done, of)

    before = {name: value.clone() for name, value in model.state_dict().items()}
    begun = time.process_time()
    train_head(model, [sampler], _TIMED, batch, _RATE, progress)
    a_step = (time.process_time() - begun) / _TIMED
    model.load_state_dict(before)
    steps = max(1, int(seconds / a_step))
    train_head(model, [sampler], steps, batch, _RATE, progress)
    model.eval()
    return steps


def _judged(model: TinyLogBERT, encoded: Sequence[Ids], labels: Sequence[bool]) -> dict[str, Any]:
    scores = Inference(model).scores(encoded)
    return _figures([scores[ids] for ids in encoded], labels)


def _figures(scores: Any, labels: Sequence[bool]) -> dict[str, Any]:
    values, truth = np.asarray(scores, float), np.asarray(labels, bool)
    return {
        "roc_auc": roc_auc(values, truth),
        "average_precision": average_precision(values, truth),
        "best_f1": best_f1(values, truth)["f1"],
    }
