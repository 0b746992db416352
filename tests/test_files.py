"""Lines of files: every byte but the newlines, whatever the packing; and the one line for what cannot be read."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.errors import InputError
from stream.files import MAX_LINE_BYTES, read_lines

LINES = [b"one", b"", b"\xff\x00two\r", b"three"]


def written(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_byte_is_kept_but_the_newlines(tmp_path: Path, pack: type[bytes], end: bytes) -> None:
    path = written(tmp_path / "log", pack(b"\n".join(LINES) + end))
    assert list(read_lines([path])) == LINES


@given(st.lists(st.binary(max_size=300).map(lambda line: line.replace(b"\n", b"")), max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_come_back_as_they_went_in(tmp_path: Path, lines: list[bytes]) -> None:
    lines = [b"not a gzip", *lines]
    path = written(tmp_path / "log", b"".join(line + b"\n" for line in lines))
    assert list(read_lines([path])) == lines


def test_lines_longer_than_a_chunk_come_whole(tmp_path: Path) -> None:
    lines = [b"a" * 1_500_000, b"b" * (1 << 20), b"c", b"d" * 3_000_000]
    assert list(read_lines([written(tmp_path / "log", b"\n".join(lines))])) == lines


def test_files_follow_one_another_and_packed_ones_are_known_by_their_content(tmp_path: Path) -> None:
    names = [
        written(tmp_path / "a.log.gz", b"plain in spite of its name"),
        written(tmp_path / "b.log", gzip.compress(b"first member\n") + gzip.compress(b"second member\n")),
        written(tmp_path / "empty", b""),
        written(tmp_path / "short", b"x"),
    ]
    expected = [b"plain in spite of its name", b"first member", b"second member", b"x"]
    assert list(read_lines(names)) == expected


def test_progress_counts_bytes_on_disk_and_ends_with_all_of_them(tmp_path: Path) -> None:
    names = [
        written(tmp_path / "a", gzip.compress(os.urandom(2_000_000).hex().encode())),
        written(tmp_path / "b", b"line\n" * 600_000),
    ]
    told: list[tuple[int, int]] = []
    for _ in read_lines(names, lambda done, of: told.append((done, of))):
        pass
    size = sum(os.stat(name).st_size for name in names)
    assert told == sorted(told)
    assert len(told) > 3
    assert told[-1] == (size, size)
    assert {of for _, of in told} == {size}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_dash_is_standard_input_of_unknown_length(pack: type[bytes]) -> None:
    program = "from stream.files import read_lines; print(list(read_lines(['-'], lambda *told: print(told))))"
    sent = pack(b"1\n2\n")
    done = subprocess.run([sys.executable, "-c", program], input=sent, stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode().splitlines() == [f"({len(sent)}, 0)", "[b'1', b'2']"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (gzip.compress(os.urandom(100_000))[:50_000], "cannot unpack .*: it is cut short"),
        (gzip.compress(b"x" * 100_000)[:-8] + b"damaged!", "cannot unpack .*: it is damaged"),
        (b"\x1f\x8b\x08\x00garbage" * 10, "cannot unpack .*: it is damaged"),
        (b"x" * (MAX_LINE_BYTES + 1), "line 1 is longer than 16 MiB; this is no log"),
    ],
)
def test_what_is_no_log_is_one_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        list(read_lines([written(tmp_path / "log", content)]))


def test_a_missing_file_is_told_before_anything_is_read(tmp_path: Path) -> None:
    lines = read_lines([written(tmp_path / "log", b"line\n"), str(tmp_path / "none")])
    with pytest.raises(InputError, match=r"cannot read .*none: No such file or directory"):
        next(lines)
    with pytest.raises(InputError, match="it is a folder"):
        next(read_lines([str(tmp_path)]))
