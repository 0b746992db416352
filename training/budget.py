"""A budget of false alarms as a person puts it: a share of the windows, or so many an hour or a day of event time."""

from dataclasses import dataclass

from stream.errors import InputError

LEAST, MOST = 1e-6, 0.05
_HOURS = {"hour": 1.0, "day": 24.0}
_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Budget:
    """``number`` of windows: a share of all (``hours`` is None), or so many in so many hours; ``asked`` as put."""

    asked: str
    number: float
    hours: float | None = None

    def share(self, windows: int, span: int) -> float:
        """The share of windows for a log of so many windows that spans so many milliseconds of event time.

        An hour is one of the time from the log's first line to its last, nights and pauses included. Raises InputError
        if the share is none that a threshold could keep.
        """
        if self.hours is None:
            return self.number
        if span <= 0 or windows == 0:
            raise InputError(f"{self.asked} needs lines of more than one moment; give a share of the windows, as 1e-3")
        an_hour = windows * _MS / span
        share = self.number / (self.hours * an_hour)
        if not LEAST <= share <= MOST:
            limits = f"between {LEAST:g} and {MOST:g}"
            raise InputError(
                f"{self.asked} is {share:.2g} of the {an_hour:.3g} windows an hour of these lines; it must be {limits}"
            )
        return share


def parse_budget(text: str) -> Budget:
    """Read ``1e-3``, ``5/hour`` or ``20/day``; raise ValueError, in one line, for anything else.

    >>> parse_budget("5/hour")
    Budget(asked='5/hour', number=5.0, hours=1.0)
    """
    number, slash, per = text.strip().partition("/")
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if slash and per in _HOURS and 0 < value < float("inf"):
        return Budget(text.strip(), value, _HOURS[per])
    if not slash and LEAST <= value <= MOST:
        return Budget(text.strip(), value)
    raise ValueError(
        f"{text!r} is no share of windows between {LEAST:g} and {MOST:g}, and no rate like 5/hour or 20/day"
    )
