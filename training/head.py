"""Teaches encoder and head, without labels: the score of a window, real or damaged, is the teacher's (distillation,
Hinton et al. 2015), in one forward pass and in words, so that it goes on to lines that the teacher never saw.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from model.bert import TinyLogBERT
from training.loop import Progress, batch_of, optimise
from training.samples import Sampler

_TOGETHER = 16


def train_head(
    model: TinyLogBERT, samplers: Sequence[Sampler], steps: int, batch: int, rate: float, progress: Progress
) -> float:
    """Train on ``steps`` batches, drawn from each sampler in equal shares; return the last running loss.

    The loss is Huber's, in units of the teacher's log error.
    """
    huber = nn.HuberLoss()

    def losses() -> Iterator[Callable[[], Tensor]]:
        for _ in range(steps):
            drawn = [sampler.draw(batch // len(samplers)) for sampler in samplers]
            samples = sorted(
                ((ids, target) for all_ids, targets in drawn for ids, target in zip(all_ids, targets, strict=True)),
                key=lambda sample: len(sample[0]),
            )
            yield lambda samples=samples: _loss(model, huber, samples)  # type: ignore[misc]

    return optimise(model, losses(), steps, rate, "head", progress)


def _loss(model: TinyLogBERT, huber: nn.Module, samples: list[tuple[tuple[int, ...], float]]) -> Tensor:
    """Mean loss of samples that are sorted by length; a few at a time, so that padding costs little."""
    total = torch.zeros(())
    for i in range(0, len(samples), _TOGETHER):
        part = samples[i : i + _TOGETHER]
        ids, mask = batch_of([ids for ids, _ in part])
        wanted = torch.tensor([target for _, target in part], dtype=torch.float32)
        total = total + huber(model(ids, mask)[:, 0], wanted) * (len(part) / len(samples))
    return total
