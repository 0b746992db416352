"""Which lines carry a window's score, and which are missing: what tells it from the healthy window nearest to it.

A contrastive explanation (Keane & Smyth 2020: the nearest unlike neighbour). Training leaves healthy windows with the
checkpoint (``typical``). The nearest is found without the model: by kinds that most windows have, since these say what
kind of life a block led; a rare kind says little about that. Then the model is asked how much each difference alone
would raise the score of that healthy window, in one or two batches that the memo often knows. Taking lines away from
the anomalous window instead (occlusion) fails where several things are wrong at once: mending one of them changes
nothing. It is what is left where no healthy window is known, or none that is better.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from model.encoding import WindowEncoder
from stream.scoring import Surprise

Ids = tuple[int, ...]
Values = Callable[[Iterable[Ids]], Mapping[Ids, float]]

_EXPECTED = 3
_MOST_DIFFERENCES = 15
_LEAST_SHARE = 0.02


@dataclass(frozen=True)
class Typical:
    """Healthy complete windows: bags of known masked lines, the most frequent first, with their numbers of windows."""

    bags: tuple[Mapping[str, int], ...] = ()
    windows: tuple[int, ...] = ()

    def as_json(self, lines: Iterable[str]) -> list[str]:
        """One text a window, such as ``"819 0x3 1x1"``: windows, then place in ``lines`` and count of each kind."""
        place = {text: i for i, text in enumerate(lines)}
        bags = (" ".join(f"{place[text]}x{number}" for text, number in bag.items()) for bag in self.bags)
        return [f"{number} {bag}" for number, bag in zip(self.windows, bags, strict=True)]

    @classmethod
    def from_json(cls, values: Iterable[str], lines: Iterable[str]) -> "Typical":
        """Read ``as_json``; raise ValueError, AttributeError, TypeError or IndexError for anything else."""
        texts = list(lines)
        rows = [value.split() for value in values]
        pairs = ((pair.split("x") for pair in row[1:]) for row in rows)
        bags = tuple({texts[int(place)]: int(number) for place, number in row} for row in pairs)
        return cls(bags, tuple(int(row[0]) for row in rows))

    @cached_property
    def shares(self) -> dict[str, float]:
        """Share of the windows that have a kind of line, in (0, 1]."""
        having: Counter[str] = Counter()
        for bag, number in zip(self.bags, self.windows, strict=True):
            for text in bag:
                having[text] += number
        total = sum(self.windows)
        return {text: number / total for text, number in having.items()}

    def nearest(self, bag: Mapping[str, int], complete: bool) -> Mapping[str, int]:
        """The healthy window that is most like this one; to one that may go on, no line is missing.

        Raises ValueError if none is known.
        """
        candidates = self.bags if complete else [_so_far(bag, healthy) for healthy in self.bags]
        return min(candidates, key=lambda healthy: self._distance(bag, healthy))

    def _distance(self, bag: Mapping[str, int], healthy: Mapping[str, int]) -> float:
        """Sum of the ratios of counts, as logarithms, each weighted by the share of windows that have the kind."""
        return sum(
            self.shares.get(text, 0.0) * _ratio(bag.get(text, 0), healthy.get(text, 0)) for text in {**bag, **healthy}
        )


def explain(
    window: Sequence[str], complete: bool, encoder: WindowEncoder, values: Values, typical: Typical
) -> list[Surprise]:
    """Return the lines that carry the score, each kind once, the most surprising first; may be empty.

    The score above that of the nearest healthy window is shared out among the differences, in proportion to how much
    each alone would raise the score of that healthy window, times how far the counts are apart. Of lines that are too
    many, the first of the surplus is named. What is missing goes, as ``expected``, with the first surprise; if it
    carries more than any line that is there, with the window's last line, which then comes first.
    """
    bag = Counter(window)
    carried = _contrast(bag, complete, encoder, values, typical) or _occlusion(bag, complete, encoder, values)
    least = _LEAST_SHARE * sum(value for _, value in carried.values())
    kept = sorted(((t, v) for t, (_, v) in carried.items() if v >= least), key=lambda item: (-item[1], item[0]))
    normal = {text: number for text, (number, _) in carried.items()}
    surplus = {text: value for text, value in kept if bag[text] > normal[text]}
    missing = {text: value for text, value in kept if bag[text] < normal[text]}
    expected, absent = tuple(missing)[:_EXPECTED], sum(missing.values())
    last = len(window) - 1
    if absent > max(surplus.values(), default=0.0):
        own = surplus.pop(window[last], 0.0)
        found = [Surprise(last, round(absent + own, 4), expected)]
        return found + [_surprise(window, text, normal, value) for text, value in surplus.items()]
    found = [_surprise(window, text, normal, value) for text, value in surplus.items()]
    return [found[0]._replace(expected=expected), *found[1:]] if found else []


def _contrast(
    bag: Mapping[str, int], complete: bool, encoder: WindowEncoder, values: Values, typical: Typical
) -> dict[str, tuple[int, float]]:
    """How often a healthy window has a kind, and what the difference carries, for each that differs and raises it."""
    if not typical.bags:
        return {}
    healthy = typical.nearest(bag, complete)
    different = _differences(bag, healthy, typical)
    one_by_one = {text: encoder.encode(_with(healthy, text, bag.get(text, 0)), complete) for text in different}
    whole, reference = encoder.encode(bag, complete), encoder.encode(healthy, complete)
    score = values([whole, reference, *one_by_one.values()])
    above = score[whole] - score[reference]
    rises = {text: score[ids] - score[reference] for text, ids in one_by_one.items() if score[ids] > score[reference]}
    weights = {text: rise * _ratio(bag.get(text, 0), healthy.get(text, 0)) for text, rise in rises.items()}
    total = sum(weights.values())
    return {text: (healthy.get(text, 0), above * weight / total) for text, weight in weights.items() if above > 0}


def _occlusion(
    bag: Mapping[str, int], complete: bool, encoder: WindowEncoder, values: Values
) -> dict[str, tuple[int, float]]:
    """How much the score falls without each kind (Zeiler & Fergus 2014; for text Li et al. 2016), if it does.

    Kinds that training did not know are tried first, and not more than are worth asking about.
    """
    whole = encoder.encode(bag, complete)
    tried = sorted(bag if len(bag) > 1 else (), key=lambda text: text in encoder.lines)[:_MOST_DIFFERENCES]
    without = {text: encoder.encode(_with(bag, text, 0), complete) for text in tried}
    score = values([whole, *without.values()])
    falls = {text: score[whole] - score[ids] for text, ids in without.items()}
    return {text: (0, fall) for text, fall in falls.items() if fall > 0}


def _differences(bag: Mapping[str, int], healthy: Mapping[str, int], typical: Typical) -> list[str]:
    """Kinds whose counts differ, the rarest first, then those that came first; as many as are worth asking about."""
    different = [text for text in {**bag, **healthy} if bag.get(text, 0) != healthy.get(text, 0)]
    return sorted(different, key=lambda text: typical.shares.get(text, 0.0))[:_MOST_DIFFERENCES]


def _surprise(window: Sequence[str], text: str, normal: Mapping[str, int], value: float) -> Surprise:
    """The first line of this kind beyond those that a healthy window has."""
    places = [i for i, other in enumerate(window) if other == text]
    return Surprise(places[normal[text]], round(value, 4), ())


def _ratio(one: int, other: int) -> float:
    """How far two counts are apart: a line that should not be there at all is further than one more of three."""
    return abs(math.log((one + 0.5) / (other + 0.5)))


def _so_far(bag: Mapping[str, int], healthy: Mapping[str, int]) -> dict[str, int]:
    return {text: min(number, healthy[text]) for text, number in bag.items() if text in healthy}


def _with(bag: Mapping[str, int], text: str, number: int) -> dict[str, int]:
    """The bag with so many lines of this kind."""
    changed = {**bag, text: number}
    if not number:
        del changed[text]
    return changed
