"""Teaches encoder and head, without labels: the score of a window, real or damaged, is the teacher's (distillation,
Hinton et al. 2015), in one forward pass and in words, so that it goes on to lines that the teacher never saw.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from model.bert import TinyLogBERT
from training.halves import Part, halves
from training.loop import Progress, optimise
from training.packed import Batch, hidden_at
from training.samples import Sampler
from training.together import crew

Sample = tuple[tuple[int, ...], float]

_FIRST = 64


def train_head(
    model: TinyLogBERT, samplers: Sequence[Sampler], steps: int, batch: int, rate: float, progress: Progress
) -> float:
    """Train on ``steps`` batches, drawn from each sampler in equal shares; return the last running loss.

    The loss is Huber's, in units of the teacher's log error; the head begins at the mean of what it is to say.
    """
    huber = nn.HuberLoss()
    first = np.concatenate([sampler.draw(_FIRST)[1] for sampler in samplers])
    with torch.no_grad():
        model.anomaly_head[2].bias.fill_(float(first.mean()))  # type: ignore[operator]

    def losses() -> Iterator[list[Part]]:
        for _ in range(steps):
            drawn = [sampler.draw(batch // len(samplers)) for sampler in samplers]
            samples = [sample for ids, targets in drawn for sample in zip(ids, targets.tolist(), strict=True)]
            mine = samples[crew().share(len(samples))]
            parts = halves(mine, model.encoder.device)
            yield [partial(_loss, model, huber, part, len(part) / len(samples)) for part in parts]

    return optimise(model, losses(), steps, rate, "head", progress)


def _loss(model: TinyLogBERT, huber: nn.Module, samples: Sequence[Sample], part: float) -> Tensor:
    """Mean loss of samples that are this part of a batch, times the part: the model's forward pass, without padding."""
    device = model.encoder.device
    batch = Batch([ids for ids, _ in samples]).to(device)
    wanted = torch.tensor([target for _, target in samples], dtype=torch.float32, device=device)
    scores: Tensor = model.anomaly_head(hidden_at(model.encoder, batch, batch.starts))[:, 0].float()
    return huber(scores, wanted) * part  # type: ignore[no-any-return]
