"""The table: one row a figure, sections in the order of what is asked first."""

from collections.abc import Sequence

from rich.table import Table

from bench.speed.figures import Compared


def table(rows: Sequence[Compared], title: str) -> Table:
    """Medians, spread, ratios and goals."""
    shown = Table(title=title, title_justify="left", pad_edge=False)
    for name in ("", "median", "least", "greatest", "unit", "ratio", "goal"):
        shown.add_column(name, justify="left" if name in ("", "unit", "goal") else "right")
    before = None
    for row in rows:
        figure = row.figure
        if figure.section != before:
            if before is not None:
                shown.add_section()
            shown.add_row(f"[bold]{figure.section}[/]")
        before = figure.section
        values = (number(value) for value in (figure.median, min(figure.values), max(figure.values)))
        shown.add_row(f"  {figure.name}", *values, figure.unit, _ratio(row), _goal(row))
    return shown


def number(value: float) -> str:
    """At least three digits that mean something.

    >>> number(12345.6), number(45.678), number(4.5678), number(0.01234)
    ('12,346', '45.7', '4.57', '0.0123')
    """
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 1:
        return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return f"{value:.3g}"


def _ratio(row: Compared) -> str:
    return "" if row.ratio is None else f"{row.ratio:.3f}" if row.ratio < 10 else f"{row.ratio:,.0f}"


def _goal(row: Compared) -> str:
    if row.figure.goal is None:
        return ""
    said = {True: "reached", False: "missed", None: ""}[row.reached]
    return f"{'≥' if row.figure.least else '≤'} {row.figure.goal:g} {said}".rstrip()
