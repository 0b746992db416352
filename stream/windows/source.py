"""Event time of one source of lines (a raw partition, a keyed partition, a file), which one bad clock cannot move.

The rule. A line at most ``max_jump`` ahead of its source moves the source's clock. One further ahead is a *claim*: it
is windowed as it is, but the clock follows only once ``RUN`` lines in a row have been claims. A line within
``max_jump`` of the clock, on either side, ends the run; one that is further behind says nothing about what is ahead.
Of a whole run the largest group is believed, groups being parted by gaps longer than ``max_jump``, and the clock goes
to its greatest time: so neither a year ahead nor a day of 1970 inside an honest run is followed. Before anything is
known every line is a claim, until there are ``RUN`` of them or ``settle`` says that the source is at its end: a small
input has a time too. The clock never goes back.

Lines and their order decide, no wall clock does, so a replay has the same; only ``settle`` is told when. A run is kept
as its groups, not as its lines (single linkage in one dimension can be merged as it comes), so it is small enough to
be saved with every commit. Pure: time is passed in.
"""

from typing import NamedTuple

RUN = 256
"""So many claims in a row are believed. A host whose clock is wrong writes among the lines of others and hardly so many
without any of them; an honest source after a gap has written them within seconds, and windows lose nothing by waiting.
"""


class Group(NamedTuple):
    """Claims that lie close together: least and greatest time, number of lines."""

    least: int
    greatest: int
    lines: int


class SourceClock:
    """The clock of one source. ``progress`` is the time that is believed, in epoch ms; 0 before anything is known.

    ``jumps`` counts the lines that were not followed, those of a run that still waits excepted.
    """

    __slots__ = ("_max_jump", "_run", "_usual", "jumps", "progress")

    resting = True
    """Nobody else can hold it up: where nothing comes, the source itself is at its end."""

    def __init__(self, max_jump: int) -> None:
        self.progress = 0
        self.jumps = 0
        self._max_jump = max_jump
        self._usual = -1  # up to here a line needs no second look; -1 while claims wait, for any line may end them
        self._run: list[Group] = []

    def observe(self, time: int) -> None:
        """A line of this time has come."""
        if time > self._usual:
            self._look(time)
        elif time > self.progress:
            self.progress = time
            self._usual = time + self._max_jump

    def settle(self) -> None:
        """The source is at its end: if nothing is known yet, believe what there is."""
        if self._run and not self.progress:
            self._believe()

    def idle(self, elapsed: int) -> int:
        """The time that is reached when nothing has come for ``elapsed`` ms of wall-clock time."""
        return self.progress + elapsed if self.progress else 0

    def snapshot(self) -> dict[str, object]:
        """Everything as JSON values, for ``restore``."""
        return {"progress": self.progress, "run": [list(group) for group in self._run]}

    def restore(self, snapshot: object) -> None:
        """Continue from a snapshot, also from one without a run; raise ValueError for what is none."""
        match snapshot:
            case {"progress": int(progress), "run": list(run)}:
                groups = [_group(entry) for entry in run]
            case {"progress": int(progress), "sources": list()}:
                groups = []
            case _:
                raise ValueError("no snapshot of a clock")
        self._run = groups
        self._move(progress)

    def _look(self, time: int) -> None:
        ahead = time - self.progress
        if not self.progress or ahead > self._max_jump:
            self._run = _joined(self._run, time, self._max_jump)
            self._usual = -1
            if sum(group.lines for group in self._run) >= RUN:
                self._believe()
        elif ahead >= -self._max_jump:
            self.jumps += sum(group.lines for group in self._run)
            self._run = []
            self._move(max(time, self.progress))

    def _believe(self) -> None:
        believed = max(self._run, key=lambda group: group.lines)  # of equals the earliest
        self.jumps += sum(group.lines for group in self._run if group > believed)
        self._run = []
        self._move(believed.greatest)

    def _move(self, time: int) -> None:
        self.progress = time
        self._usual = time + self._max_jump if time and not self._run else -1


def _joined(groups: list[Group], time: int, gap: int) -> list[Group]:
    """The groups, ascending, with one more line: it joins those that are near, and may make one of two."""
    near = [g for g in groups if g.least - gap <= time <= g.greatest + gap]
    far = [g for g in groups if g not in near]
    least, greatest = min([time, *(g.least for g in near)]), max([time, *(g.greatest for g in near)])
    return sorted([*far, Group(least, greatest, 1 + sum(g.lines for g in near))])


def _group(entry: object) -> Group:
    match entry:
        case [int(least), int(greatest), int(lines)]:
            return Group(least, greatest, lines)
        case _:
            raise ValueError("no snapshot of a clock's run")
