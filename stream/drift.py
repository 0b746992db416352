"""Whether the logs have changed since training, so that it is due again: a test on p-values of closed windows. Pure.

If nothing changes, the windows of a stream are exchangeable, and the rank of each among those before it, ties broken at
random, is uniform whatever the p-values themselves are, well calibrated or not, failures among them (conformal
p-values: Vovk, Gammerman & Shafer 2005). On each rank it is bet that windows have become stranger: a *test martingale*,
which jumps between bets (Vovk 2021, "Testing randomness online"), summed up as Shiryaev (1963) and Roberts (1966) do to
find a change that comes at any time. So the false-alarm rate is known: on exchangeable windows, the mean number of
windows until it speaks is at least ``windows_per_false_alarm``.

What streams have by nature, such as jobs that come and go, is no drift: how windows are ranked that nobody would call
unusual is left to chance. A storm of failures is a change, and is told as one.
"""

import math
import random

WINDOWS_PER_FALSE_ALARM = 1_000_000

_UNUSUAL = 0.05  # of larger p-values nothing is known but that they are
_BINS, _PER_NEPER = 64, 4  # below it, bins that are equally wide in logarithms
_POWERS = (1.0, 0.8, 0.6, 0.4)  # densities q u^(q - 1) of a rank u: no bet, to a strong one
_JUMP = 0.01  # share of the stake that is dealt anew at each window


class Drift:
    """Tell it p-values with ``see``; ``found`` counts how often the windows have become stranger.

    After each time it begins anew: what is usual then, is usual. O(1) in memory and in time a window.
    """

    def __init__(self, windows_per_false_alarm: float = WINDOWS_PER_FALSE_ALARM, seed: int = 0) -> None:
        self.found = 0
        self._bar = windows_per_false_alarm
        self._chance = random.Random(seed)
        self.restart()

    @property
    def windows(self) -> int:
        """Windows since it last began anew."""
        return self._seen

    def restart(self) -> None:
        """Forget what was usual: another checkpoint gives the p-values."""
        self._counts = [0] * _BINS
        self._seen = 0
        self._stakes = [1 / len(_POWERS)] * len(_POWERS)
        self._evidence = 0.0

    def see(self, p_value: float) -> bool:
        """Take the p-value, in (0, 1], of the next closed window; return whether drift is found with it."""
        rank = self._rank(_bin(p_value))
        self._evidence = (1 + self._evidence) * self._gain(rank)
        if self._evidence < self._bar:
            return False
        self.found += 1
        self.restart()
        return True

    def _rank(self, at: int) -> float:
        """The share of windows so far, this one among them, that are as strange, in (0, 1]; small is strange."""
        self._counts[at] += 1
        self._seen += 1
        stranger = sum(self._counts[at + 1 :])
        return (stranger + (1 - self._chance.random()) * self._counts[at]) / self._seen

    def _gain(self, rank: float) -> float:
        """What a stake of 1 becomes; 1 on average over uniform ranks, whatever came before."""
        dealt = _JUMP / len(_POWERS)
        stakes = [((1 - _JUMP) * s + dealt) * q * rank ** (q - 1) for s, q in zip(self._stakes, _POWERS, strict=True)]
        gain: float = sum(stakes)
        self._stakes = [stake / gain for stake in stakes]
        return gain


def _bin(p_value: float) -> int:
    if p_value > _UNUSUAL:
        return 0
    return min(_BINS - 1, 1 + int(_PER_NEPER * (math.log(_UNUSUAL) - math.log(p_value))))
