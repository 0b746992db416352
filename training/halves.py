"""A step on two cores: halves of its batch beside each other, each computed by a thread of its own.

The products of a small BERT are too small for torch to share one among threads: with two, its forward pass was 1.2
times as fast as with one, not twice (LOG.md). Halves share nothing but weights, and their gradients are added in one
order, so that a seed gives the same bytes whichever is done first. Knows nothing of what is learned.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

import torch
from torch import Tensor, nn

from training.precision import quick

Part = Callable[[], Tensor]
Thing = TypeVar("Thing")
_Found = tuple[Tensor, tuple[Tensor | None, ...]]

_HALVES = 2


def halves(things: Sequence[Thing], device: torch.device) -> list[Sequence[Thing]]:
    """Every other one and the rest, or all in one where the device is none of ours to share; none of them is empty."""
    number = _HALVES if device.type == "cpu" else 1
    return [part for start in range(number) if (part := things[start::number])]


class Gradients:
    """Computes a module's gradients of losses that come in parts; a context, for it has threads.

    Where something in the module is left to chance (dropout of a given model), parts are computed one after the other:
    they share torch's generator.
    """

    def __init__(self, module: nn.Module) -> None:
        self._parameters = list(module.parameters())
        self._device = self._parameters[0].device
        chance = any(isinstance(one, nn.Dropout) and one.p > 0 for one in module.modules())
        beside = 1 if chance else _HALVES
        threads = max(1, torch.get_num_threads() // beside)
        self._pool = ThreadPoolExecutor(beside, "half", torch.set_num_threads, (threads,))

    def __enter__(self) -> "Gradients":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def set(self, parts: Sequence[Part]) -> Tensor:
        """Give each parameter the gradient of the sum of the parts; return that sum ``(1,)``, 0 if there is none."""
        found = list(self._pool.map(self._of, parts)) if len(parts) > 1 else [self._of(part) for part in parts]
        for place, parameter in enumerate(self._parameters):
            gradients = [gradient for _, those in found if (gradient := those[place]) is not None]
            parameter.grad = sum(gradients[1:], gradients[0]) if gradients else None
        return sum((loss for loss, _ in found), torch.zeros(1, device=self._device))

    def _of(self, part: Part) -> _Found:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=quick(self._device)):
            loss = part()
        gradients = torch.autograd.grad(loss, self._parameters, allow_unused=True)
        return loss.detach().reshape(1), gradients
