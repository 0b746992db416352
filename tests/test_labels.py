"""The labels of blocks: what is read, and the one line for what is not."""

from pathlib import Path

import pytest

from stream.errors import InputError
from stream.labels import read_labels


def labels_in(folder: Path, text: str) -> dict[str, bool]:
    path = folder / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return read_labels(path)


@pytest.mark.parametrize(("word", "anomalous"), [("Normal", False), ("0", False), ("Anomaly", True), ("1", True)])
def test_a_label_is_a_word_or_a_digit(tmp_path: Path, word: str, anomalous: bool) -> None:
    assert labels_in(tmp_path, f"BlockId,Label\nblk_-1,{word}\n") == {"blk_-1": anomalous}


def test_other_columns_other_orders_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    text = "\ufeffFailure,Label,BlockId\r\n,Normal,blk_2\r\n\r\nlost_write, Anomaly ,blk_1\r\n"
    assert list(labels_in(tmp_path, text).items()) == [("blk_2", False), ("blk_1", True)]


def test_a_block_may_be_labelled_twice_alike(tmp_path: Path) -> None:
    assert labels_in(tmp_path, "BlockId,Label\nblk_1,1\nblk_1,Anomaly\n") == {"blk_1": True}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty; its first line must name the columns BlockId,Label"),
        ("BlockId,Label\n", "has no labels"),
        ("blk_1,Normal\n", "line 1: there is no column BlockId; columns: blk_1,Normal"),
        ("BlockId,Verdict\nblk_1,Normal\n", "line 1: there is no column Label; columns: BlockId,Verdict"),
        (
            "BlockId,Label\nblk_1,0\nblk_2,normal\n",
            "line 3: label 'normal' is unknown; it must be Normal, Anomaly, 0 or 1",
        ),
        ("BlockId,Label\nblk_1,0\nblk_2,1\nblk_1,1\n", "line 4: blk_1 has another label here than before"),
        ("BlockId,Label\nblk_1\n", "line 2: 1 columns, 2 are named"),
        ("BlockId,Label\n,Normal\n", "line 2: there is no block id"),
        ('BlockId,Label\n"blk_1,Normal\n', "line 2: 1 columns, 2 are named"),
    ],
)
def test_anything_else_is_one_line_that_says_where(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InputError) as raised:
        labels_in(tmp_path, text)
    assert complaint in str(raised.value)
    assert "labels.csv" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*none.csv: No such file"):
        read_labels(tmp_path / "none.csv")
    (tmp_path / "labels.csv").write_bytes(b"BlockId,Label\n\xff\xfe,1\n")
    with pytest.raises(InputError, match="no CSV in UTF-8"):
        read_labels(tmp_path / "labels.csv")


def test_the_real_labels(shared_data: Path) -> None:
    labels = read_labels(shared_data / "hdfs-1pct.labels.csv")
    assert (len(labels), sum(labels.values())) == (5767, 177)
