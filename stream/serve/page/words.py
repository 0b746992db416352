"""Numbers and times as a tired person reads them. Pure."""

from stream.windows.judge import time_text

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def odds(p_value: float) -> str:
    """How unusual a window is, as one in so many.

    >>> odds(0.0004), odds(0.3), odds(1.0)
    ('1 in 2,500', '1 in 3', 'usual')
    """
    if p_value > 0.5:
        return "usual"
    many = 1 / max(p_value, 1e-12)
    scale = 10 ** max(0, len(str(int(many))) - 2)
    return f"1 in {round(many / scale) * scale:,}"


def unusual(p_value: float) -> str:
    """The same as a sentence.

    >>> unusual(0.0004)
    'Of healthy windows, about 1 in 2,500 looks as strange as this one.'
    """
    if p_value > 0.5:
        return "Most healthy windows look as strange as this one."
    return f"Of healthy windows, about {odds(p_value)} looks as strange as this one."


def span(seconds: float) -> str:
    """A stretch of time in its two largest units.

    >>> span(3), span(3_725), span(90_000)
    ('3 s', '1 h 2 min', '1 d 1 h')
    """
    left = max(0, round(seconds))
    shown: list[str] = []
    for size, name in _UNITS:
        if left >= size or (name == "s" and not shown):
            shown.append(f"{left // size} {name}")
            left %= size
        elif shown:
            break
    return " ".join(shown[:2])


def ago(ms: int, now_ms: int) -> str:
    """How long ago something was."""
    seconds = (now_ms - ms) / 1000
    return "just now" if seconds < 2 else f"{span(seconds)} ago"


def day_and_time(ms: int) -> str:
    """Epoch ms as ``2008-11-09 20:41:02``, in UTC."""
    return time_text(ms)[:19].replace("T", " ")


def of_day(ms: int) -> str:
    """Epoch ms as ``20:41:02``, in UTC."""
    return time_text(ms)[11:19]


def counted(number: int, one: str, many: str = "") -> str:
    """A number and its noun.

    >>> counted(1, "line"), counted(1_200, "line")
    ('1 line', '1,200 lines')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def short(number: float) -> str:
    """A rate or a count in little room.

    >>> short(0.4), short(950), short(1_234), short(12_345_678)
    ('0.4', '950', '1.2 k', '12.3 M')
    """
    if number >= 999_950:
        return f"{number / 1e6:.1f} M"
    if number >= 1_000:
        return f"{number / 1e3:.1f} k"
    return f"{number:.0f}" if number >= 10 or number == int(number) else f"{number:.1f}"
