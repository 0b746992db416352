"""Where scores and gradients are computed. Everything but the choice is torch's ordinary calls.

Nothing of CUDA could be tried on the machines that this was written on.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from stream.errors import InputError


def device_of(name: str) -> str:
    """``cpu`` or ``cuda``; ``auto`` is CUDA where it is there. Raises InputError for CUDA where it is not."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: torch finds no CUDA device here; --device auto takes what there is")
    return name


@contextmanager
def threads(number: int | None) -> Iterator[None]:
    """So many threads for what torch computes in here; as many as it takes anyway for None."""
    before = torch.get_num_threads()
    if number is not None and number != before:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)
