"""Which lines carry a simple detector's score, and what was expected: by taking lines away and putting lines in.

Occlusion (Zeiler & Fergus 2014), as for TinyLogBERT: the surprise of a line is how much the score falls without it, or
with one less of it; a known line whose addition lowers the score was expected.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from stream.scoring import Surprise

_EXPECTED = 3
_CANDIDATES = 24
_LEAST_SHARE = 0.1


def explain(window: Sequence[str], score: Callable[[Mapping[str, int]], float], known: Sequence[str]) -> list[Surprise]:
    """Return each kind of line that raises the score, at its first place, the most surprising first.

    ``score`` judges a bag of lines; ``known`` are kinds of line, the most frequent first. Surprises are in units of the
    score; what is below a tenth of the greatest is left out. ``expected`` go with the first surprise. A window in which
    no line is too many names its last one, with a surprise of what is missing, or of 0 if nothing is.
    """
    bag = Counter(window)
    whole = score(bag)
    fall = {text: whole - min(map(score, _fewer(bag, text)), default=whole) for text in bag}
    wanted = {text: whole - score({**bag, text: bag[text] + 1}) for text in known[:_CANDIDATES]}
    least = max(_LEAST_SHARE * max([*fall.values(), *wanted.values()]), 1e-6)
    surprising, missing = _best(fall, least), tuple(_best(wanted, least)[:_EXPECTED])
    if not surprising:
        return [Surprise(len(window) - 1, round(wanted[missing[0]], 4) if missing else 0.0, missing)]
    return [
        Surprise(window.index(text), round(fall[text], 4), () if i else missing) for i, text in enumerate(surprising)
    ]


def _fewer(bag: Mapping[str, int], text: str) -> list[dict[str, int]]:
    """The bag without a kind of line, and with one less of it; never an empty one."""
    without = {other: n for other, n in bag.items() if other != text}
    one_less = {**bag, text: bag[text] - 1} if bag[text] > 1 else {}
    return [fewer for fewer in (without, one_less) if fewer]


def _best(change: Mapping[str, float], least: float) -> list[str]:
    return sorted((t for t, v in change.items() if v >= least), key=lambda t: (-change[t], t))
