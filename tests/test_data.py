"""A public set comes whole, checked and once, whatever happens on the way.

The set itself is not fetched here: a small one with the same shape comes from a server of this machine.
"""

import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from smallset import ARCHIVE, LOG, SET, WHOLE, Seen, begun, described, files, packed, quiet
from web import Web, serving

from stream.dataset import obtain
from stream.errors import InputError


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(Web(ARCHIVE)) as web:
        yield web


def test_log_and_labels_come_and_nothing_else(web: Web, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    assert obtain(SET, out, quiet, web.url) == [out / "HDFS.log", out / "labels.csv"]
    assert files(tmp_path) == {f"new/folder/{name}": content for name, content in WHOLE.items()}
    assert web.asked == [None]


def test_the_archive_is_kept_if_it_is_wanted(web: Web, tmp_path: Path) -> None:
    obtain(SET, tmp_path, quiet, web.url, keep_archive=True)
    assert files(tmp_path) == {**WHOLE, "set.zip": ARCHIVE}


def test_each_step_says_how_far_it_is(web: Web, tmp_path: Path) -> None:
    seen = Seen()
    obtain(SET, tmp_path, seen, web.url)
    assert seen.steps["fetching set.zip"] == (len(ARCHIVE), len(ARCHIVE))
    assert seen.steps["checking set.zip.part"] == (len(ARCHIVE), len(ARCHIVE))
    assert seen.steps["unpacking HDFS.log"] == (len(LOG), len(LOG))


def test_what_is_there_and_right_is_not_fetched_again(web: Web, tmp_path: Path) -> None:
    obtain(SET, tmp_path, quiet, web.url)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    obtain(SET, tmp_path, quiet, web.url)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert len(web.asked) == 1


def test_a_file_that_is_missing_comes_again(web: Web, tmp_path: Path) -> None:
    obtain(SET, tmp_path, quiet, web.url)
    (tmp_path / "labels.csv").unlink()
    obtain(SET, tmp_path, quiet, web.url)
    assert files(tmp_path) == WHOLE


def test_an_archive_that_is_there_is_not_fetched(web: Web, tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(ARCHIVE)
    obtain(SET, tmp_path, quiet, web.url)
    assert files(tmp_path) == WHOLE
    assert web.asked == []


def test_a_broken_archive_is_fetched_anew(web: Web, tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(ARCHIVE[:-1])
    obtain(SET, tmp_path, quiet, web.url)
    assert files(tmp_path) == WHOLE


@pytest.mark.parametrize("content", [LOG[:-1], LOG[:-1] + bytes([LOG[-1] ^ 1])], ids=["shorter", "another byte"])
def test_a_file_of_the_users_is_not_written_over(web: Web, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "HDFS.log").write_bytes(content)
    with pytest.raises(InputError, match=r"HDFS.log is there and is not that of the set; move it away"):
        obtain(SET, tmp_path, quiet, web.url)
    assert files(tmp_path) == {"HDFS.log": content}
    assert web.asked == []


def test_a_transfer_that_is_cut_goes_on_where_it_was(web: Web, tmp_path: Path) -> None:
    web.cuts = [1_000_000, 500_000]
    obtain(SET, tmp_path, quiet, web.url)
    assert files(tmp_path) == WHOLE
    assert begun(web)[0] == 0
    assert begun(web)[1:] == pytest.approx(
        [1_000_000, 1_500_000], abs=2 * 65_536
    )  # of a chunk that is cut, none is kept


def test_a_part_of_an_earlier_run_is_gone_on_with(web: Web, tmp_path: Path) -> None:
    (tmp_path / "set.zip.part").write_bytes(ARCHIVE[:7])
    obtain(SET, tmp_path, quiet, web.url)
    assert files(tmp_path) == WHOLE
    assert web.asked == ["bytes=7-"]


def test_a_part_that_is_whole_needs_no_server(web: Web, tmp_path: Path) -> None:
    (tmp_path / "set.zip.part").write_bytes(ARCHIVE)
    obtain(SET, tmp_path, quiet, web.url)
    assert files(tmp_path) == WHOLE
    assert web.asked == []


def test_a_part_that_is_too_long_is_begun_anew(web: Web, tmp_path: Path) -> None:
    (tmp_path / "set.zip.part").write_bytes(ARCHIVE + b"!")
    obtain(SET, tmp_path, quiet, web.url)
    assert files(tmp_path) == WHOLE


def test_a_server_without_ranges_is_begun_with_anew(web: Web, tmp_path: Path) -> None:
    web.ranges = False
    web.cuts = [1_000_000]
    (tmp_path / "set.zip.part").write_bytes(b"something")
    obtain(SET, tmp_path, quiet, web.url)
    assert files(tmp_path) == WHOLE
    assert begun(web) == [9, pytest.approx(1_000_000, abs=65_536)]


def test_a_server_that_tells_no_length_is_believed_as_far_as_it_came(web: Web, tmp_path: Path) -> None:
    web.size = None
    web.cuts = [1_000_000]
    obtain(SET, tmp_path, quiet, web.url)
    assert files(tmp_path) == WHOLE


def test_a_server_that_never_gets_further_is_given_up(web: Web, tmp_path: Path) -> None:
    web.ranges = False
    web.cuts = [1_000_000] * 3
    with pytest.raises(
        InputError, match=r"cannot fetch from 127.0.0.1:\d+ \(.+\); 1.0 of 3.0 MB are kept; run this"
    ) as e:
        obtain(SET, tmp_path, quiet, web.url)
    assert "\n" not in str(e.value)
    assert len(web.asked) == 2
    assert files(tmp_path) == {"set.zip.part": ARCHIVE[: begun(web)[1]]}


def test_bytes_from_another_place_than_asked_for_are_refused(web: Web, tmp_path: Path) -> None:
    web.shift = 1
    (tmp_path / "set.zip.part").write_bytes(ARCHIVE[:7])
    with pytest.raises(InputError, match="sent other bytes than asked for"):
        obtain(SET, tmp_path, quiet, web.url)


def test_a_wrong_checksum_ends_it_and_leaves_nothing_to_go_on_with(web: Web, tmp_path: Path) -> None:
    web.content = ARCHIVE[:-1] + b"!"
    with pytest.raises(
        InputError, match=rf"set.zip is not the set: its MD5 is \w+, it must be {SET.md5}; it was removed"
    ):
        obtain(SET, tmp_path, quiet, web.url)
    assert files(tmp_path) == {}
    web.content = ARCHIVE
    obtain(SET, tmp_path, quiet, web.url)
    assert files(tmp_path) == WHOLE


@pytest.mark.parametrize("size", [0, None], ids=["told", "not told"])
def test_a_file_of_another_size_is_not_the_set(web: Web, tmp_path: Path, size: int | None) -> None:
    web.content, web.size = ARCHIVE + b"!" * 300_000, size
    with pytest.raises(InputError, match=r"has another file at /files/set.zip: [\d,]+ bytes or more, it must be 3,"):
        obtain(SET, tmp_path, quiet, web.url)


@pytest.mark.parametrize(
    ("archive", "log", "error"),
    [
        (ARCHIVE[: len(ARCHIVE) // 2], LOG, "cannot unpack .*set.zip: File is not a zip file"),
        (ARCHIVE[:1000] + b"?" * 1000 + ARCHIVE[2000:], LOG, "cannot unpack .*set.zip: .*remove it and run this again"),
        (packed().replace(b"HDFS.log", b"hdfs.log"), LOG, "set.zip lacks a file of the set: .*'HDFS.log'"),
        (ARCHIVE, LOG[:-1], r"HDFS.log in .*set.zip is not that of the set"),
        (packed(**{"HDFS.log": bytes(50_000_000)}), LOG, r"HDFS.log in .*set.zip is not that of the set"),
    ],
    ids=["cut short", "damaged", "another", "longer than it must be", "a bomb"],
)
def test_a_zip_that_is_not_the_set_is_one_line(tmp_path: Path, archive: bytes, log: bytes, error: str) -> None:
    """Even if its checksum were right."""
    (tmp_path / "set.zip").write_bytes(archive)
    with pytest.raises(InputError, match=error) as raised:
        obtain(described(archive, log), tmp_path, quiet)
    assert "\n" not in str(raised.value)
    assert files(tmp_path) == {"set.zip": archive}


def test_paths_in_the_zip_lead_nowhere(web: Web, tmp_path: Path) -> None:
    archive = packed(**{"../outside": b"!", "/outside": b"!", "HDFS.log/../../outside": b"!"})
    web.content = archive
    obtain(described(archive), tmp_path / "out", quiet, web.url)
    assert files(tmp_path) == {f"out/{name}": content for name, content in WHOLE.items()}


def test_a_disk_that_is_too_small_is_said_before_anything_is_fetched(web: Web, tmp_path: Path) -> None:
    huge = replace(SET, members=[replace(SET.members[0], size=10**18)])
    with pytest.raises(InputError, match=r"GB free, 1,000,000,000.0 GB are needed"):
        obtain(huge, tmp_path, quiet, web.url)
    assert web.asked == []


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may become longer than a million bytes, as if the disk were full there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_files")
def test_a_disk_that_is_full_while_it_is_fetched_is_one_line(web: Web, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot write .*set.zip.part: File too large"):
        obtain(SET, tmp_path, quiet, web.url)


@pytest.mark.usefixtures("small_files")
def test_what_was_fetched_outlives_a_full_disk(tmp_path: Path) -> None:
    content = packed(**{"HDFS.log": bytes(2_000_000)})
    (tmp_path / "set.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"cannot write .*HDFS.log: File too large"):
        obtain(described(content, bytes(2_000_000)), tmp_path, quiet)
    assert files(tmp_path) == {"set.zip": content}
