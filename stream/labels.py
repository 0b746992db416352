"""Labels of blocks from a CSV: for measuring, never for scoring. Knows nothing of lines, windows or scores."""

import csv
from collections.abc import Iterator
from pathlib import Path

from stream.errors import InputError

_BLOCK, _LABEL = "BlockId", "Label"
VALUES = {"Normal": False, "0": False, "Anomaly": True, "1": True}
"""What a label may be, and whether it means an anomaly."""


def read_labels(path: Path | str) -> dict[str, bool]:
    """Return, for each block id, whether the block is anomalous, in the file's order.

    The first line names the columns; ``BlockId`` and ``Label`` are needed, others are ignored. A label is ``Normal``
    or ``0``, ``Anomaly`` or ``1``. A block may stand there twice if its labels agree.

    Raises InputError, in one line with the line's number, for anything else.
    """
    labels: dict[str, bool] = {}
    for line, block, value in _rows(path):
        label = VALUES.get(value)
        if label is None:
            raise InputError(f"{path}, line {line}: label {value!r} is unknown; it must be Normal, Anomaly, 0 or 1")
        if not block:
            raise InputError(f"{path}, line {line}: there is no block id")
        if labels.setdefault(block, label) is not label:
            raise InputError(f"{path}, line {line}: {block} has another label here than before")
    if not labels:
        raise InputError(f"{path} has no labels")
    return labels


def _rows(path: Path | str) -> Iterator[tuple[int, str, str]]:
    """Line number, block and label of each row that is not blank."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            columns = next(rows, None)
            if columns is None:
                raise InputError(f"{path} is empty; its first line must name the columns {_BLOCK},{_LABEL}")
            if missing := [name for name in (_BLOCK, _LABEL) if name not in columns]:
                raise InputError(f"{path}, line 1: there is no column {missing[0]}; columns: {','.join(columns)[:200]}")
            block, label = columns.index(_BLOCK), columns.index(_LABEL)
            for row in rows:
                if row and len(row) <= max(block, label):
                    raise InputError(f"{path}, line {rows.line_num}: {len(row)} columns, {len(columns)} are named")
                if row:
                    yield rows.line_num, row[block].strip(), row[label].strip()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no CSV in UTF-8: {error.reason}") from error
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num}: {error}") from error
