"""What all stages of training share: optimiser, schedule, progress with loss, going on where it was killed."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from model.bert import padded
from training.halves import Gradients, Part
from training.muon import Both
from training.resume import Point, put_back, state_of
from training.run import Progress, Row, Run
from training.together import crew

__all__ = ["Ids", "Progress", "batch_of", "optimise"]

Ids = tuple[int, ...]


def batch_of(sequences: Sequence[Ids]) -> tuple[Tensor, Tensor]:
    """Ids and mask ``(batch, longest)``, padded."""
    longest = max(len(ids) for ids in sequences)
    return padded(list(sequences), longest, len(sequences))


def optimise(
    module: nn.Module,
    losses: Iterable[Sequence[Part]],
    steps: int,
    rate: float,
    stage: str,
    progress: Progress,
) -> float:
    """Take ``steps`` steps (``training.muon``) with a linear warm-up and decay; return the running mean of the loss.

    ``losses`` yields, for each step, functions that compute parts of its loss (``training.halves``), which add up, over
    all processes of a crew (``training.together``). All chance but torch's own is in what yields them. ``progress`` may
    be a ``Run``: a stage that it knows to be over is not begun, and one that was killed goes on.
    """
    run = Run.of(progress)
    begun = run.begin()
    mean = begun if isinstance(begun, float) else _trained(module, losses, steps, rate, stage, run, begun)
    run.end(stage, mean)
    module.eval()
    return mean


def _trained(
    module: nn.Module,
    losses: Iterable[Sequence[Part]],
    steps: int,
    rate: float,
    stage: str,
    run: Run,
    point: Point | None,
) -> float:
    optimizer = Both(module)
    over, mean = 0, 0.0
    if point:
        put_back(point.tensors, module, optimizer)
        over, mean = point.step, point.told["mean"]
    crew().agree(module)
    module.train()
    with Gradients(module) as gradients:
        for step, parts in enumerate(losses):
            if step < over:
                continue  # drawn again, for what comes after, and not computed
            now = rate * _factor(step, steps)
            loss = _step(module, gradients, optimizer, now, parts)
            mean = loss if step == 0 else 0.98 * mean + 0.02 * loss
            run.step(Row(stage, step + 1, loss, mean, now), steps, lambda: state_of(module, optimizer))
    return mean


def _step(module: nn.Module, gradients: Gradients, optimizer: Both, rate: float, parts: Sequence[Part]) -> float:
    loss = gradients.set(parts)
    if crew().size > 1:
        crew().sum([*map(_gradient, module.parameters()), loss])
    nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    optimizer.step(rate)
    return loss.item()


def _gradient(parameter: nn.Parameter) -> Tensor:
    """The parameter's gradient, which is 0 where this process has none."""
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad


def _factor(step: int, steps: int) -> float:
    """The share of the learning rate: up over a twentieth of the steps, then down to nearly nothing."""
    warm = max(1, steps // 20)
    return min((step + 1) / warm, max(0.0, (steps - step) / (steps - warm + 1)))
