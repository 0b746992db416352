"""Where figures come from, so that anyone can get them again: command, versions, seed, checksums. Knows no figure."""

import hashlib
import platform
import shlex
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from stream.errors import InputError

SEED = 0
"""Of everything in a report that draws: bootstrap, broken ties, t-SNE."""

_PACKAGES = ("tinylogbert", "torch", "transformers", "tokenizers", "numpy", "scipy", "scikit-learn", "confluent-kafka")


class Provenance(NamedTuple):
    """The same for the same run; ``checksums`` are SHA-256 by the name of what they are of."""

    command: str
    versions: Mapping[str, str]
    checksums: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "command": self.command,
            "seed": SEED,
            "versions": dict(self.versions),
            "sha256": dict(self.checksums),
        }


def provenance(arguments: Sequence[str], files: Iterable[Path | str], others: Mapping[str, str]) -> Provenance:
    """Of a run with these arguments, of these files and ``others`` whose checksums are known."""
    checksums = {str(file): file_checksum(file) for file in files}
    return Provenance(shlex.join(["tinylogbert", *_without_secrets(arguments)]), _versions(), {**checksums, **others})


def file_checksum(path: Path | str) -> str:
    """SHA-256 of a file's bytes; raise InputError if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def checkpoint_checksums(folder: Path, names: Iterable[str], what: str = "checkpoint") -> dict[str, str]:
    """Those of a checkpoint's files that there are; ``what`` begins their names."""
    return {f"{what} {name}": file_checksum(folder / name) for name in names if (folder / name).is_file()}


def _without_secrets(arguments: Sequence[str]) -> list[str]:
    """A property of Kafka's client may be a password: of ``--kafka KEY=VALUE`` the value stays out."""
    shown: list[str] = []
    for argument in arguments:
        flag, sign, value = argument.partition("=")
        if shown and shown[-1] == "--kafka":
            shown.append(f"{flag}=…")
        elif flag == "--kafka" and sign:
            shown.append(f"--kafka={value.partition('=')[0]}=…")
        else:
            shown.append(argument)
    return shown


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
