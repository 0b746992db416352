"""Curves drawn in a terminal with Braille dots: two columns and four rows of dots a character. Knows no figure."""

import math
from collections.abc import Sequence

_BLANK = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column within a character


def chart(values: Sequence[float], width: int, height: int, low: float, high: float) -> list[str]:
    """Draw values from left to right over the whole width, as so many rows of characters; NaN leaves a gap.

    Values beyond ``low`` and ``high`` stand at the edge.

    >>> chart([0.0, 1.0], 2, 1, 0.0, 1.0)
    ['⣀⠉']
    """
    cells = [[_BLANK] * width for _ in range(height)]
    columns, rows = 2 * width, 4 * height
    for column in range(columns if values else 0):
        value = values[min(column * len(values) // columns, len(values) - 1)]
        if not math.isnan(value):
            share = min(max((value - low) / (high - low), 0.0), 1.0)
            row = round((1 - share) * (rows - 1))
            cells[row // 4][column // 2] |= _DOTS[row % 4][column % 2]
    return ["".join(map(chr, row)) for row in cells]
