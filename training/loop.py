"""What both trainings share: optimiser, schedule, batches of similar length, progress with loss and time left."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from model.bert import padded

Ids = tuple[int, ...]


class Progress(Protocol):
    """Told about every step of a stage of training."""

    def __call__(self, stage: str, done: int, of: int, loss: float) -> None:
        """``done`` of ``of`` steps are over; ``loss`` is a running mean."""


def batch_of(sequences: Sequence[Ids]) -> tuple[Tensor, Tensor]:
    """Ids and mask ``(batch, longest)``, padded."""
    longest = max(len(ids) for ids in sequences)
    return padded(list(sequences), longest, len(sequences))


def optimise(
    module: nn.Module,
    losses: Iterable[Callable[[], Tensor]],
    steps: int,
    rate: float,
    stage: str,
    progress: Progress,
) -> float:
    """Take ``steps`` steps of AdamW with a linear warm-up and decay; return the running mean of the loss.

    ``losses`` yields, for each step, a function that computes its loss.
    """
    optimizer = torch.optim.AdamW(module.parameters(), lr=rate, weight_decay=0.01)
    warm = max(1, steps // 20)

    def factor(step: int) -> float:
        return min((step + 1) / warm, max(0.0, (steps - step) / (steps - warm + 1)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    mean = 0.0
    module.train()
    for step, compute in enumerate(losses):
        loss = compute()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        mean = loss.item() if step == 0 else 0.98 * mean + 0.02 * loss.item()
        progress(stage, step + 1, steps, mean)
    module.eval()
    return mean
