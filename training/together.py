"""Several processes that train one model, as ``torchrun`` starts them: one recipe, one seed, one result.

Every process reads the same lines and draws the same batches, and computes its share of each. Gradients are summed over
all of them, so that each takes the step that one process alone would have taken, but for rounding and for dropout. The
first one alone shows progress, calibrates and writes; the others are done when the weights are. Alone, a process is a
crew of one.

With CUDA each process has the device of its number on its machine, and NCCL carries the gradients: never tried.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from stream.errors import InputError, UserError

if TYPE_CHECKING:
    from torch import Tensor, nn


class Helped(Exception):
    """The weights are trained; this process is not the one that goes on."""


class Crew(NamedTuple):
    """This process is the ``rank``-th of ``size``."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether it is the one that shows and writes."""
        return self.rank == 0

    def share(self, number: int) -> slice:
        """Which of so many things are this process's; each is one's, and one may have none."""
        return slice(number * self.rank // self.size, number * (self.rank + 1) // self.size)

    def meet(self) -> None:
        """Wait until all are here; raises InputError if one cannot come any more."""
        if self.size > 1:
            import torch

            self.sum([torch.zeros(1)])

    def compare(self, identity: str) -> None:
        """Raise InputError unless all train the same: ``identity`` is hexadecimal, of one length."""
        if self.size > 1:
            import torch

            mine = torch.tensor([int(digit, 16) for digit in identity])
            total = mine.clone()
            self.sum([total])
            if not torch.equal(total, self.size * mine):
                raise InputError("the processes do not train the same: give all of them the same files and options")

    def sum(self, tensors: "Iterable[Tensor]") -> None:
        """Replace each tensor by the sum over all processes; raises InputError if one of these is gone."""
        if self.size > 1:
            from torch import distributed

            _together(list(tensors), distributed.all_reduce)

    def agree(self, module: "nn.Module") -> None:
        """Replace the weights by those of the first process; raises InputError if one is gone."""
        if self.size > 1:
            from functools import partial

            from torch import distributed

            _together([parameter.data for parameter in module.parameters()], partial(distributed.broadcast, src=0))


def crew() -> Crew:
    """The crew that this process belongs to now."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Crew()
    from torch import distributed

    return Crew(distributed.get_rank(), distributed.get_world_size()) if distributed.is_initialized() else Crew()


@contextmanager
def together(device: str) -> Iterator[Crew]:
    """Join the crew that ``torchrun`` started, if it did; ``device`` is ``cpu`` or ``cuda``.

    Whoever only helped leaves quietly; what a person can mend is said with the number of the process that it befell.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Crew()
        return
    from torch import distributed

    _join(device)
    mine = crew()
    try:
        yield mine
    except Helped:
        pass
    except UserError as error:
        if mine.leads:
            raise
        raise InputError(f"process {mine.rank + 1} of {mine.size}: {error}") from error
    finally:
        distributed.destroy_process_group()


def _join(device: str) -> None:
    import torch
    from torch import distributed

    try:
        if device == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    except (RuntimeError, ValueError, LookupError) as error:
        why = str(error).splitlines()[0]
        raise InputError(
            f"WORLD_SIZE is set, yet the processes do not find each other ({why}): use torchrun"
        ) from error


def _together(tensors: "list[Tensor]", act: object) -> None:
    """Do it once, to all tensors as one."""
    import torch

    whole = torch.cat([tensor.flatten() for tensor in tensors])
    try:
        act(whole)  # type: ignore[operator]
    except RuntimeError as error:
        raise InputError("another process of this training has ended; what it said tells why") from error
    for tensor, part in zip(tensors, torch.split(whole, [tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))
