"""Which lines carry a window's score, and what was expected instead: by taking lines away and putting lines in.

Occlusion (Zeiler & Fergus 2014; for text Li et al. 2016): the surprise of a line is how much the score falls without
it. What is missing shows the other way round: a known line whose addition lowers the score was expected. Only the most
frequent lines are tried for that, since each costs a forward pass.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

from model.encoding import WindowEncoder
from stream.scoring import Surprise

Ids = tuple[int, ...]
Values = Callable[[Iterable[Ids]], Mapping[Ids, float]]

_EXPECTED = 3
_CANDIDATES = 12
_LEAST_SHARE = 0.1


def explain(window: Sequence[str], complete: bool, encoder: WindowEncoder, values: Values) -> list[Surprise]:
    """Return each kind of line that raises the score, at its first place, the most surprising first.

    The score's fall without the line is the surprise, in units of the score. ``expected`` are known lines whose
    addition would lower the score by a tenth of the greatest change or more; they go with the first surprise. A window
    in which no line is too many, only lines are missing, names its last line, with a surprise of what is missing.
    """
    bag = Counter(window)
    whole = encoder.encode(bag, complete)
    without = {text: encoder.encode(_less(bag, text), complete) for text in bag if len(bag) > 1}
    fewer = {text: encoder.encode({**bag, text: n - 1}, complete) for text, n in bag.items() if n > 1}
    more = {text: encoder.encode({**bag, text: bag[text] + 1}, complete) for text in islice(encoder.lines, _CANDIDATES)}
    score = values([whole, *without.values(), *fewer.values(), *more.values()])
    fall = {text: score[whole] - score[ids] for text, ids in without.items()}
    for text, ids in fewer.items():
        fall[text] = max(fall.get(text, 0.0), score[whole] - score[ids])
    wanted = {text: score[whole] - score[ids] for text, ids in more.items()}
    greatest = max([*fall.values(), *wanted.values(), 0.0])
    expected = tuple(text for text in _best(wanted, greatest)[:_EXPECTED])
    surprising = _best(fall, greatest)
    if not surprising or (expected and wanted[expected[0]] > fall[surprising[0]]):
        missing = wanted[expected[0]] if expected else 0.0
        last = len(window) - 1
        found = [Surprise(last, round(missing, 4), expected)]
        return found + [_surprise(window, text, fall, ()) for text in surprising if window.index(text) != last]
    return [_surprise(window, text, fall, expected if i == 0 else ()) for i, text in enumerate(surprising)]


def _surprise(window: Sequence[str], text: str, fall: Mapping[str, float], expected: tuple[str, ...]) -> Surprise:
    return Surprise(window.index(text), round(fall[text], 4), expected)


def _best(change: Mapping[str, float], greatest: float) -> list[str]:
    least = max(greatest * _LEAST_SHARE, 1e-6)
    return sorted((t for t, v in change.items() if v >= least), key=lambda t: (-change[t], t))


def _less(bag: Mapping[str, int], text: str) -> dict[str, int]:
    return {other: n for other, n in bag.items() if other != text}
