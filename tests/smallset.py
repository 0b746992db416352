"""A small set of the public one's shape, and what its fetching shows and leaves: for tests of ``data hdfs``."""

import hashlib
import io
import os
import zipfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from web import Web

from stream.dataset import DataSet, Member
from stream.files import Told

LOG = os.urandom(3_000_000)  # nothing that packs well: the archive is as long
LABELS = b"BlockId,Label\nblk_1,Normal\n"


def packed(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {
            "README.md": b"about",
            "HDFS.log": LOG,
            "preprocessed/labels.csv": LABELS,
            **files,
        }.items():
            archive.writestr(name, content)
    return file.getvalue()


def described(archive: bytes, log: bytes = LOG) -> DataSet:
    members = [
        Member("HDFS.log", "HDFS.log", len(log), hashlib.sha256(log).hexdigest()),
        Member("preprocessed/labels.csv", "labels.csv", len(LABELS), hashlib.sha256(LABELS).hexdigest()),
    ]
    return DataSet("http://nowhere.invalid/", "set.zip", len(archive), hashlib.md5(archive).hexdigest(), members)


ARCHIVE = packed()
SET = described(ARCHIVE)


class Seen:
    """What is shown to a person: each step and the last that was told of it."""

    def __init__(self) -> None:
        self.steps: dict[str, tuple[int, int]] = {}

    def __call__(self, what: str) -> AbstractContextManager[Told]:
        return nullcontext(lambda done, of: self.steps.update({what: (done, of)}))


def quiet(_what: str) -> AbstractContextManager[Told]:
    return nullcontext(lambda _done, _of: None)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def begun(web: Web) -> list[int]:
    """The place in the file from which each request asked."""
    return [int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0 for asked in web.asked]


WHOLE = {"HDFS.log": LOG, "labels.csv": LABELS}
