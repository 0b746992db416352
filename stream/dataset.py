"""The public HDFS_v1 set: where it is, what its bytes are, how it comes onto the disk. Knows no line and no label.

HDFS_v1 (Xu et al., SOSP 2009) is distributed by loghub (Zhu et al., ISSRE 2023) as a zip at Zenodo. Only what is named
here is unpacked, under names that stand here; whatever paths a zip may hold, nothing is written elsewhere.
"""

import hashlib
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from stream.errors import InputError
from stream.files import Told
from stream.output import open_output
from stream.transfer import fetch

_CHUNK = 1 << 20

Shown = Callable[[str], AbstractContextManager[Told]]
"""Given what begins ("fetching HDFS_v1.zip"), yields what is told the bytes done and the bytes of all."""


@dataclass(frozen=True)
class Member:
    """A file of the archive and what it is called on the disk; SHA-256 in hex."""

    inside: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class DataSet:
    """A zip at an address, and the files of it that are wanted; MD5 in hex, as Zenodo publishes it."""

    url: str
    archive: str
    size: int
    md5: str
    members: Sequence[Member]


HDFS_V1 = DataSet(
    url="https://zenodo.org/records/8196385/files/HDFS_v1.zip",
    archive="HDFS_v1.zip",
    size=186_645_559,
    md5="76a24b4d9a6164d543fb275f89773260",
    members=(
        Member(
            *("HDFS.log", "HDFS.log", 1_577_982_906),
            "0783096174d7832c618337f9609e06e04abd86ddd7089b3c12b407e63bfebc52",
        ),
        Member(
            *("preprocessed/anomaly_label.csv", "anomaly_label.csv", 18_637_554),
            "1c711ed6c8848fc3243fb4d092f172f31d128c8a6ec7f26ebba72ab931885ed8",
        ),
    ),
)


def obtain(data: DataSet, folder: Path, shown: Shown, url: str | None = None, keep_archive: bool = False) -> list[Path]:
    """Bring the set's files into the folder, checked, and return where they are; what is there and right stays.

    Each file appears whole or not at all. An archive that is whole stays until everything is unpacked, so that a run
    that failed or was interrupted is gone on with, wherever that was.

    Raises:
        InputError: in one line: a file of that name is there and is another, the disk is too small, the archive
            cannot be fetched, or what came is not the set.
    """
    _make(folder)
    missing = [member for member in data.members if not _is_there(member, folder / member.name, shown)]
    if missing:
        _require_space(data, missing, folder)
        archive = _archive(data, folder, shown, url or data.url)
        for member in missing:
            _unpack(archive, member, folder / member.name, shown)
        if not keep_archive:
            archive.unlink()
    return [folder / member.name for member in data.members]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror or error}") from error


def _is_there(member: Member, path: Path, shown: Shown) -> bool:
    """Whether the file is there. One that is another is the user's: it is not written over."""
    with _readable(path):
        if not path.exists():
            return False
        right = path.stat().st_size == member.size and _digest("sha256", path, shown) == member.sha256
    if not right:
        raise InputError(f"{path} is there and is not that of the set; move it away, or name another folder with --out")
    return True


def _require_space(data: DataSet, missing: Sequence[Member], folder: Path) -> None:
    part = [folder / name for name in (data.archive, f"{data.archive}.part") if (folder / name).exists()]
    needed = data.size + sum(member.size for member in missing) - sum(path.stat().st_size for path in part)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(f"{folder} has {free / 1e9:,.1f} GB free, {needed / 1e9:,.1f} GB are needed")


def _archive(data: DataSet, folder: Path, shown: Shown, url: str) -> Path:
    """The whole, right archive."""
    path = folder / data.archive
    if path.exists() and _digest("md5", path, shown) == data.md5:
        return path
    with shown(f"fetching {data.archive}") as told:
        part = fetch(url, path, data.size, told)
    if (found := _digest("md5", part, shown)) != data.md5:
        part.unlink()  # to go on with it would never make it right
        raise InputError(f"{data.archive} is not the set: its MD5 is {found}, it must be {data.md5}; it was removed")
    return part.replace(path)


def _digest(algorithm: str, path: Path, shown: Shown) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    size = path.stat().st_size
    with _readable(path), path.open("rb") as file, shown(f"checking {path.name}") as told:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            told(file.tell(), size)
    return digest.hexdigest()


def _unpack(archive: Path, member: Member, path: Path, shown: Shown) -> None:
    with (
        _readable(archive),
        zipfile.ZipFile(archive) as packed,
        packed.open(member.inside) as file,
        open_output(str(path)) as out,  # what was written goes away with any error
        shown(f"unpacking {path.name}") as told,
    ):
        if _copy(file, out, member.size, told) != member.sha256:
            raise InputError(f"{member.inside} in {archive} is not that of the set; remove the archive")


def _copy(file: IO[bytes], out: BinaryIO, size: int, told: Told) -> str:
    """Copy the file; return its SHA-256. One that unpacks to more than it must is left off, or it fills the disk."""
    digest = hashlib.sha256()
    left = size + 1
    while left and (chunk := file.read(min(_CHUNK, left))):
        left -= len(chunk)
        digest.update(chunk)
        out.write(chunk)
        told(size - left + 1, size)
    return digest.hexdigest()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """One line for what cannot be read or unpacked."""
    try:
        yield
    except KeyError as error:
        raise InputError(f"{path} lacks a file of the set: {error.args[0]}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise InputError(f"cannot unpack {path}: {error or 'it is cut short'}; remove it and run this again") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
