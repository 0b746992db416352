"""Bounds what is counted: too many distinct things become a sample with weights. Knows nothing of what it counts.

Threshold sampling (Duffield, Lund & Thorup 2005): what was seen less than t times is kept with probability n / t and
then counts t; what was seen more often stays as it is. So what is frequent is never lost, what is rare stands for its
like, and the expected count of everything, and of all together, is what it was.
"""

from collections import Counter
from random import Random
from typing import TypeVar

_Key = TypeVar("_Key")

_LEFT = 0.75  # thinned further than asked, so that it is seldom needed


def thin(counted: Counter[_Key], most: int, random: Random) -> bool:
    """Thin out, in place, what holds more than ``most`` distinct things; tell whether it did."""
    if len(counted) <= most:
        return False
    while len(counted) > _LEFT * most:
        level = 2 * min(counted.values())
        for key in [key for key, number in counted.items() if number < level]:
            if random.random() * level < counted[key]:
                counted[key] = level
            else:
                del counted[key]
    return True
