"""The traffic: a day and a half of jobs that write, read and delete files, as the cluster of HDFS_v1 ran them.

Sixteen jobs follow each other, each writes for about an hour; start, length, time of deletion and the share of
blocks that the scanner verified are those of HDFS_v1's log. The cycle starts again when more blocks are asked for,
and may be compressed: its jobs then follow each other faster, while a block is written as slowly as ever.
Does not know blocks or lines.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

#: Seconds from the first line to the last of HDFS_v1.
CYCLE_SECONDS = 138_900
#: Blocks of HDFS_v1 in these 38.6 hours; a cycle never has more, so that a job's blocks fit in memory.
CYCLE_BLOCKS = 575_061
#: When the first line of HDFS_v1 was written.
REAL_START = datetime(2008, 11, 9, 20, 35, 18)
#: The job tracker of HDFS_v1 was started five minutes before the first job and again 13.8 hours later.
_TRACKERS = (-318, 49_722)


@dataclass(frozen=True, slots=True)
class Job:
    """One job of the cycle; times in seconds."""

    name: str  # directory that it writes
    number: int  # number at its job tracker
    tracker: int  # first or second job tracker
    start: int  # since the start of the cycle
    seconds: int  # how long it allocates blocks
    deleted: int | None  # since ``start``; None: the files outlive the log
    verified: float  # share of blocks that the scanner verifies at least once
    scan: int | None = None  # a sort reads the binary files, this long after they were written
    text_scans: tuple[int, ...] = ()  # jobs that read the text files, this long after they were written
    extra_text_scan: float = 0.0  # share of blocks that the last of ``text_scans`` reads
    reduces: bool = False  # written by a sort's reducers: files of many full blocks

    @property
    def scanned_again(self) -> float:
        """Chance that a verified block is verified once more: half on an idle scanner, else next to none."""
        return 0.5 if self.scan else 0.05


JOBS = (
    Job("rand", 1, 0, 12, 3700, 50_150, 0.69, scan=4265),
    Job("sortrand", 2, 0, 9_996, 5600, 40_180, 0.25, reduces=True),
    Job("randtxt", 3, 0, 16_024, 3840, 34_095, 0.06, text_scans=(10_400, 20_500, 24_600, 29_300), extra_text_scan=0.52),
    Job("rand", 1, 1, 50_203, 3770, 37_790, 0.57, scan=8400),
    Job("randtxt2", 2, 1, 54_124, 3700, 53_582, 0.23, text_scans=(25_000, 48_500), extra_text_scan=0.8),
    Job("sortrand2", 3, 1, 64_309, 5810, 23_656, 0.06, reduces=True),
    Job("rand3", 5, 1, 88_010, 3810, 3_878, 0.01),
    Job("randtxt3", 7, 1, 91_913, 3820, 23_788, 0.14),
    Job("rand4", 9, 1, 107_746, 3960, 7_929, 0.04),
    Job("randtxt4", 10, 1, 111_796, 3770, None, 0.09),
    Job("rand5", 11, 1, 115_720, 3810, 11_550, 0.05),
    Job("randtxt5", 12, 1, 119_547, 3730, 3_869, 0.01),
    Job("rand6", 13, 1, 123_438, 3750, 7_601, 0.015),
    Job("rand7", 14, 1, 127_288, 3670, None, 0.03),
    Job("rand8", 15, 1, 131_116, 3570, None, 0.04),
    Job("randtxt9", 16, 1, 134_795, 3640, 3_762, 0.01),
)


@dataclass(frozen=True, slots=True)
class JobRun:
    """A job that runs in this simulation; ``index`` counts the runs, times in seconds since its start."""

    job: Job
    index: int
    start: int
    seconds: int
    blocks: int
    path: bytes  # of its tasks' files, up to the task's number
    cycle_start: int
    cycle_seconds: int  # of this simulation; ``CYCLE_SECONDS`` unless it is compressed

    def scaled(self, seconds: int) -> int:
        """A time span of HDFS_v1's traffic as long as it is in this simulation."""
        return seconds * self.cycle_seconds // CYCLE_SECONDS


def plan_runs(blocks: int, start: datetime, cycle_seconds: int = CYCLE_SECONDS) -> Iterator[JobRun]:
    """Deals the blocks to jobs, in the order in which the jobs start.

    All jobs of one cycle run, with few blocks each, if there are fewer blocks than a cycle of HDFS_v1 has.
    """
    per_cycle = min(blocks, CYCLE_BLOCKS)
    index = 0
    while blocks > 0:
        cycle, slot = divmod(index, len(JOBS))
        share = per_cycle * (slot + 1) // len(JOBS) - per_cycle * slot // len(JOBS)
        taken = min(share, blocks)
        if taken > 0:
            yield _run(JOBS[slot], index, taken, start, cycle * cycle_seconds, cycle_seconds)
        blocks -= taken
        index += 1


def _run(job: Job, index: int, blocks: int, start: datetime, cycle_start: int, cycle_seconds: int) -> JobRun:
    tracker = start + timedelta(seconds=cycle_start + _TRACKERS[job.tracker] * cycle_seconds // CYCLE_SECONDS)
    role = "r" if job.reduces else "m"
    path = f"/user/root/{job.name}/_temporary/_task_{tracker:%Y%m%d%H%M}_{job.number:04d}_{role}_"
    begins = cycle_start + job.start * cycle_seconds // CYCLE_SECONDS
    seconds = max(1, job.seconds * cycle_seconds // CYCLE_SECONDS)
    return JobRun(job, index, begins, seconds, blocks, path.encode(), cycle_start, cycle_seconds)
