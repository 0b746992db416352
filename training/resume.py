"""A training that was killed goes on from its last saved step, and ends with the bytes that it would have had.

What is saved: parameters, the optimiser's moments, torch's generator, where training was, the curves so far. It is one
file, safetensors with JSON in its header, replaced as a whole; nothing is unpickled. Samples are not saved: those of
steps that are done are drawn once more, which costs a fraction of a step, and so no state of their makers matters.

The file belongs to one training: its ``identity`` is a digest of the recipe, of what the lines said, and of the
program's own text and torch's version. To any other it is of no use.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from stream.errors import InputError
from training.together import crew

_MOST_S = 20.0
_SHARE = 0.02

Tensors = dict[str, Tensor]


class Point(NamedTuple):
    """Where training was: ``stage`` counts from 0, ``step`` steps of it are done; ``told`` is plain JSON."""

    stage: int
    step: int
    told: dict[str, Any]
    tensors: Tensors


class Remembers(Protocol):
    """An optimiser that can be saved."""

    def of(self, parameter: torch.nn.Parameter) -> Tensors:
        """What it remembers of a parameter, to be read and to be put back."""
        ...


class Kept:
    """The file at ``path``; ``point`` is where to go on, None if training begins; ``note`` says so in one line."""

    def __init__(self, path: Path, identity: str) -> None:
        self._path = path
        self._identity = identity
        self._next = 0.0
        self.point: Point | None = None
        self.note = ""
        if path.exists():
            self._read()

    def save(self, stage: int, step: int, told: Callable[[], dict[str, Any]], tensors: Callable[[], Tensors]) -> None:
        """Save, if it is time: saving takes 2 % of the time, and no more than 20 seconds of work are ever lost.

        Raises InputError if the file cannot be written.
        """
        begun = time.monotonic()
        if begun < self._next or not crew().leads:
            return
        header = {"identity": self._identity, "at": json.dumps([stage, step]), "told": json.dumps(told())}
        new = self._path.with_name(self._path.name + ".new")
        try:
            save_file(tensors(), new, header)
            os.replace(new, self._path)
        except OSError as error:
            raise InputError(f"cannot write {self._path}: {error.strerror or error}") from error
        ended = time.monotonic()
        self._next = ended + min(_MOST_S, (ended - begun) / _SHARE)

    def _read(self) -> None:
        try:
            with safe_open(self._path, "pt") as file:
                header = file.metadata() or {}
                if header.get("identity") == self._identity:
                    stage, step = json.loads(header["at"])
                    tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
                    self.point = Point(stage, step, json.loads(header["told"]), tensors)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            self.note = f"{self._path.name} is damaged ({error}): training begins anew"
            return
        other = f"{self._path.name} belongs to another command, other lines or another version: training begins anew"
        self.note = f"going on from {self._path.name}" if self.point else other


def state_of(module: torch.nn.Module, optimizer: Remembers) -> Tensors:
    """Parameters, moments, and torch's generator."""
    tensors = {"torch": torch.get_rng_state()}
    for name, parameter in module.named_parameters():
        tensors[f"value {name}"] = parameter.detach()
        for key, value in optimizer.of(parameter).items():
            tensors[f"{key} {name}"] = value
    return tensors


def put_back(tensors: Tensors, module: torch.nn.Module, optimizer: Remembers) -> None:
    """What ``state_of`` gave, into a module and an optimiser of the same shape."""
    torch.set_rng_state(tensors["torch"])
    named = dict(module.named_parameters())
    for entry, value in tensors.items():
        key, _, name = entry.partition(" ")
        if key == "value":
            with torch.no_grad():
                named[name].copy_(value)
        elif name:
            optimizer.of(named[name])[key] = value.to(named[name].device)


def identity_of(facts: Iterable[object]) -> str:
    """A digest of what decides a training, and of the program: its text, and torch's version."""
    digest = hashlib.sha256(torch.__version__.encode())
    root = Path(__file__).parents[1]
    for package in ("model", "training"):
        for source in sorted((root / package).rglob("*.py")):
            digest.update(source.read_bytes())
    for fact in facts:
        digest.update(repr(fact).encode())
    return digest.hexdigest()
