"""What counts as a change of a checkpoint's folder, and a hangup: what makes a daemon look for another checkpoint."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from stream.commands.consume import on_hangup
from stream.scoring import Score
from stream.swap import Fingerprint as Print
from stream.swap import fingerprint

NORMAL, ALARM = Score(-2.0, 0.5, False, "normal"), Score(2.0, 0.0001, True, "critical")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path / "model")


def written(folder: Path, text: str = "one") -> Path:
    """Two files whose time is always the same, as after unpacking an archive."""
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_text(text)
        os.utime(folder / name, ns=(1, 1))
    return folder


def looked_at(folder: Path) -> Print:
    return fingerprint([folder / "a", folder / "b"])


def by_another_folder(folder: Path) -> None:
    other = written(folder.with_name("other"))
    folder.rename(folder.with_name("old"))
    other.rename(folder)


def by_a_link(folder: Path) -> None:
    other = written(folder.with_name("other"))
    folder.rename(folder.with_name("old"))
    folder.symlink_to(other)


CHANGES: list[Callable[[Path], object]] = [
    by_another_folder,
    by_a_link,
    lambda folder: os.utime(folder / "b", ns=(1, 2)),
    lambda folder: (folder / "b").write_text("longer"),
    lambda folder: (folder / "b").unlink(),
    shutil.rmtree,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_or_the_folder_that_is_replaced_or_gone_is_noticed(
    folder: Path, change: Callable[[Path], object]
) -> None:
    before = looked_at(folder)
    assert looked_at(folder) == before
    change(folder)
    assert looked_at(folder) != before


def test_a_link_that_is_set_to_another_folder_is_noticed(tmp_path: Path) -> None:
    one, other = written(tmp_path / "one"), written(tmp_path / "other")
    link = tmp_path / "link"
    link.symlink_to(one)
    before = looked_at(link)
    link.unlink()
    link.symlink_to(other)
    assert looked_at(link) != before


def test_a_hangup_is_told_once() -> None:
    with on_hangup() as hangup:
        assert not hangup()
        os.kill(os.getpid(), signal.SIGHUP)
        assert hangup()
        assert not hangup()
