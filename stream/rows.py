"""Scored windows as rows of a CSV: what ``score`` writes and ``evaluate`` reads. Knows no scorer and no label."""

import csv
import io
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, NamedTuple

from stream.errors import InputError
from stream.files import Told, read_lines

COLUMNS = (
    *("block_id", "part", "score", "p_value", "anomalous", "severity"),
    *("lines", "first_time", "last_time", "worst_line"),
)
_NEEDED = ("block_id", "part", "score", "anomalous")
_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_VERDICTS = {"true": True, "1": True, "false": False, "0": False}


class RowWriter:
    """Writes rows as they come, behind a header; ``out`` stays open and is the caller's."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._begun = False

    def write(self, events: Iterable[dict[str, Any]]) -> None:
        """Write a row for each event (``stream.windows.judge``); the first call, even of none, writes the header."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        if not self._begun:
            rows.writerow(COLUMNS)
            self._begun = True
        rows.writerows(row_of(event) for event in events)
        self._out.write(text.getvalue().encode())


def row_of(event: dict[str, Any]) -> tuple[object, ...]:
    """An event as a row; ``worst_line`` is the masked text that carries most of the score, empty unless anomalous."""
    verdict = "true" if event["anomalous"] else "false"
    evidence = event["evidence"]
    worst_line = evidence[0]["text"] if evidence else ""
    values = {**event, "anomalous": verdict, "worst_line": worst_line}
    return tuple(values[column] for column in COLUMNS)


class Row(NamedTuple):
    """What the figures need of a row; ``p_value`` is NaN, ``lines`` 0, ``last_time`` (epoch ms) None and ``worst_line``
    empty where the file has no such column.
    """

    block_id: str
    part: int
    score: float
    anomalous: bool
    p_value: float = math.nan
    lines: int = 0
    last_time: int | None = None
    worst_line: str = ""


def read_rows(path: str, told: Told = lambda _done, _of: None) -> Iterator[Row]:
    """Yield the rows of a CSV (or a packed one) with the columns ``block_id,part,score,anomalous`` and any others.

    Raises InputError, in one line with the line's number, for what is none.
    """
    rows = csv.DictReader(_texts(path, told))
    try:
        _check_columns(path, rows.fieldnames)
        for row in rows:
            yield _read(row)
    except (ValueError, TypeError, AttributeError, csv.Error) as error:
        why = "a column is missing" if isinstance(error, (TypeError, AttributeError)) else str(error)
        raise InputError(f"{path}, line {rows.line_num}: {why}") from error


def _texts(path: str, told: Told) -> Iterator[str]:
    for number, line in enumerate(read_lines([path], told), 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{path}, line {number}: it is not UTF-8") from error


def _check_columns(path: str, columns: Iterable[str] | None) -> None:
    if columns is None:
        raise InputError(f"{path} is empty; write it with: tinylogbert score FILE --out {path}")
    if missing := [column for column in _NEEDED if column not in columns]:
        raise InputError(f"{path}, line 1: there is no column {missing[0]}; write it with: tinylogbert score")


def _read(row: dict[str, str]) -> Row:
    score = float(row["score"])
    if math.isnan(score):
        raise ValueError("a score is NaN")
    verdict = _VERDICTS.get(row["anomalous"].lower())
    if verdict is None:
        raise ValueError(f"anomalous is {row['anomalous']!r}; it must be true or false")
    p_value, lines = float(row.get("p_value") or math.nan), int(row.get("lines") or 0)
    if p_value < 0 or p_value > 1:
        raise ValueError(f"the p-value is {p_value:g}; it must be between 0 and 1")
    last_time, worst_line = _epoch_ms(row.get("last_time")), row.get("worst_line") or ""
    return Row(row["block_id"], int(row["part"]), score, verdict, p_value, lines, last_time, worst_line)


def _epoch_ms(time: str | None) -> int | None:
    if not time:
        return None
    moment = datetime.fromisoformat(time)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MS
