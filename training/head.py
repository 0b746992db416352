"""Teaches encoder and head, without labels: the score of a window, real or damaged, is the teacher's (distillation,
Hinton et al. 2015), in one forward pass and in words, so that it goes on to lines that the teacher never saw.

One number a window says little, and a head that is told no more learns windows by heart before it learns their
neighbours (LOG.md). So the teacher gives its reasons, too: which kinds of line do not fit, and which way. They are read
off the same vector by a layer of its own, which training alone needs (multitask learning, Caruana 1997) and drops.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from model.bert import TinyLogBERT
from training.bags import Floats
from training.halves import Part, halves
from training.loop import Progress, optimise
from training.packed import Batch, hidden_at
from training.samples import Sampler
from training.together import crew

_FIRST = 64
_REASONS, _OF_KINDS = 0.05, 32  # the loss of a kind against that of the score, and where there are more kinds, of 32


class Sample(NamedTuple):
    """A window as token ids, its target, and what of each kind does not fit ``(kinds + 1,)``."""

    ids: tuple[int, ...]
    target: float
    misfits: Floats


class Pupil(nn.Module):
    """TinyLogBERT while it is taught: beside its head a layer that says how each of so many kinds fits."""

    def __init__(self, model: TinyLogBERT, kinds: int) -> None:
        super().__init__()
        self.model = model
        self.reasons = nn.Linear(model.encoder.config.hidden_size, kinds, device=model.encoder.device)
        self._weight = _REASONS * min(1, _OF_KINDS / kinds)

    def loss(self, samples: Sequence[Sample], part: float) -> Tensor:
        """Mean loss of samples that are this part of a batch, times the part: Huber's, in units of the teacher's log
        error. It is the model's own forward pass, without padding.
        """
        encoder = self.model.encoder
        batch = Batch([sample.ids for sample in samples]).to(encoder.device)
        targets, misfits = (
            torch.tensor(np.array(wanted), dtype=torch.float32, device=encoder.device)
            for wanted in ([sample.target for sample in samples], [sample.misfits for sample in samples])
        )
        seen = hidden_at(encoder, batch, batch.starts)
        scores = nn.functional.huber_loss(self.model.anomaly_head(seen)[:, 0].float(), targets)
        reasons = nn.functional.huber_loss(self.reasons(seen).float(), misfits, reduction="sum") / len(samples)
        return (scores + self._weight * reasons) * part


def train_head(
    model: TinyLogBERT, samplers: Sequence[Sampler], steps: int, batch: int, rate: float, progress: Progress
) -> float:
    """Train on ``steps`` batches, drawn from each sampler in equal shares; return the last running loss.

    The head begins at the mean of what it is to say.
    """
    first = [sampler.draw(_FIRST)[1] for sampler in samplers]
    pupil = Pupil(model, first[0].misfits.shape[1])
    with torch.no_grad():
        mean = float(np.concatenate([lesson.targets for lesson in first]).mean())
        model.anomaly_head[2].bias.fill_(mean)  # type: ignore[operator]

    def losses() -> Iterator[list[Part]]:
        for step in range(steps):
            each = batch // len(samplers)
            samples = [sample for sampler in samplers for sample in _drawn(sampler, each, step / steps)]
            mine = samples[crew().share(len(samples))]
            yield [partial(pupil.loss, part, len(part) / len(samples)) for part in halves(mine, model.encoder.device)]

    return optimise(pupil, losses(), steps, rate, "head", progress)


def _drawn(sampler: Sampler, size: int, over: float) -> Iterator[Sample]:
    ids, (targets, misfits) = sampler.draw(size, over)
    return map(Sample, ids, targets.tolist(), misfits)
