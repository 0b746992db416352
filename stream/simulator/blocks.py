"""What a job writes, and where: its blocks as columns of numbers, one row a block.

Tasks write files block after block; full blocks but the last of a file. Spans are those of HDFS_v1's log.
Does not know lines, nor what happens to a block once it is written.
"""

from dataclasses import dataclass

import numpy as np

from stream.simulator.draws import Knots, spread, uniform
from stream.simulator.events import Ints
from stream.simulator.jobs import JobRun
from stream.simulator.threads import data_threads

FULL_BLOCK = 64 * 1024 * 1024
REPLICAS = 3

#: Blocks in the file of a map (1 GB) and of a sort's reducer, and how many files are written at once.
_FILE_BLOCKS, _REDUCE_BLOCKS = 17, 170
_WRITERS = 400
#: Share of blocks that an attempt writes which loses its race, and is deleted soon; share of second attempts.
_LOST_RACE = 0.03
_SECOND_ATTEMPT = 0.034

# Knots: (probability in 1/1000, value); times in seconds, sizes in bytes.
_LAST_SIZE: Knots = ((0, 3_471_945), (50, 3_533_433), (700, 3_554_000), (760, 28_492_770), (850, 42_105_567),
                     (1000, 65_945_713))  # fmt: skip
_FIRST_RECEIVING: Knots = ((0, -1), (30, 0), (940, 1), (1000, 3))
_NEXT_RECEIVING: Knots = ((0, 0), (650, 1), (900, 3), (990, 5), (1000, 30))
_WRITING: Knots = ((0, 8), (40, 12), (250, 28), (500, 37), (750, 45), (900, 54), (950, 60), (990, 92), (1000, 400))
_WRITING_SMALL: Knots = ((0, 1), (800, 4), (1000, 9))
_ACKNOWLEDGED: Knots = ((0, 0), (870, 1), (990, 2), (1000, 5))
_ADDED: Knots = ((0, 0), (850, 1), (980, 3), (990, 86), (1000, 590))
_LOSER_LIVES: Knots = ((0, 70), (500, 230), (1000, 450))
_JOB_DELETION_SECONDS = 22


@dataclass(frozen=True, slots=True)
class Blocks:
    """The ``n`` blocks of a run; times in seconds since the simulation's start."""

    run: JobRun
    ids: Ints  # (n,) signed 64 bits, as HDFS draws them
    start: Ints  # (n,) when the name node allocates it
    task: Ints  # (n,) number of the task that writes it
    attempt: Ints  # (n,)
    size: Ints  # (n,) bytes
    nodes: Ints  # (n, 3) data nodes in the order of the pipeline; the first is the writer's own
    threads: Ints  # (n, 3) the thread that receives on each
    received: Ints  # (n, 3) when each begins to receive
    acknowledged: Ints  # (n, 3) when each has the whole block
    added: Ints  # (n, 3) when the name node hears of it
    invalidated: Ints  # (n,) when the name node deletes it; -1 if it outlives the log
    lost_race: Ints  # (n,) 1 for a block of an attempt that is thrown away

    @property
    def complete(self) -> Ints:
        """When the last replica is known (n,)."""
        return np.asarray(self.added.max(axis=1), np.int64)

    def lifetime(self) -> tuple[Ints, Ints]:
        """First and last second (n,), (n,) in which a block can be read; nobody reads it after its cycle."""
        end = np.where(self.invalidated < 0, self.run.cycle_start + self.run.cycle_seconds, self.invalidated - 1)
        low = self.complete + 1
        return low, np.maximum(low, end)


def plan_blocks(run: JobRun, node_count: int, rng: np.random.Generator) -> Blocks:
    """Draws the blocks of a run on ``node_count`` (at least 4) data nodes."""
    n = run.blocks
    task, start, last = _files(run, rng)
    size = np.where(last, spread(rng, _LAST_SIZE, n), FULL_BLOCK)
    received = start[:, None] + spread(rng, _FIRST_RECEIVING, n)[:, None] + np.zeros((n, REPLICAS), np.int64)
    received[:, 1:] += spread(rng, _NEXT_RECEIVING, 2 * n).reshape(n, 2).cumsum(axis=1)
    writing = np.where(last, spread(rng, _WRITING_SMALL, n), spread(rng, _WRITING, n))
    written = received.max(axis=1) + writing
    acknowledged = written[:, None] + spread(rng, _ACKNOWLEDGED, REPLICAS * n).reshape(n, REPLICAS)
    added = acknowledged + spread(rng, _ADDED, REPLICAS * n).reshape(n, REPLICAS)
    lost_race = (rng.random(n) < _LOST_RACE).astype(np.int64)
    return Blocks(
        run=run,
        ids=rng.integers(-(2**63), 2**63 - 1, n),
        start=start,
        task=task,
        attempt=(rng.random(n) < _SECOND_ATTEMPT).astype(np.int64),
        size=size,
        nodes=_pipelines(task, node_count, rng),
        threads=data_threads(rng, np.repeat(start, REPLICAS)).reshape(n, REPLICAS),
        received=received,
        acknowledged=acknowledged,
        added=added,
        invalidated=_invalidated(run, added.max(axis=1), lost_race, rng),
        lost_race=lost_race,
    )


def _files(run: JobRun, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Task, time of allocation, and 1 for the last block of a file; all tasks of a wave begin together."""
    n, per_file = run.blocks, _REDUCE_BLOCKS if run.job.reduces else _FILE_BLOCKS
    writers = max(1, min(_WRITERS, n // per_file))
    order, writer = np.divmod(np.arange(n), writers)
    step = run.seconds * writers // n
    offset = uniform(rng, 0, max(step - 1, 0), n)
    offset[order == 0] %= 15
    start = 1 + run.start + run.seconds * writers * order // n + offset
    file, place = np.divmod(order, per_file)
    return writer + writers * file, start, (place == per_file - 1).astype(np.int64)


def _pipelines(task: Ints, node_count: int, rng: np.random.Generator) -> Ints:
    """Three different nodes a block; a task's blocks are all written from the node on which it runs."""
    n = len(task)
    first = rng.integers(0, node_count, int(task.max()) + 1)[task]
    second = (first + uniform(rng, 1, node_count - 1, n)) % node_count
    low, high = np.minimum(first, second), np.maximum(first, second)
    third = uniform(rng, 0, node_count - 3, n)
    third += third >= low
    third += third >= high
    return np.stack((first, second, third), axis=1)


def _invalidated(run: JobRun, complete: Ints, lost_race: Ints, rng: np.random.Generator) -> Ints:
    n = len(complete)
    early = complete + spread(rng, _LOSER_LIVES, n)
    if run.job.deleted is None:
        return np.where(lost_race, early, -1)
    at_once = run.start + run.scaled(run.job.deleted) + uniform(rng, 0, _JOB_DELETION_SECONDS, n)
    late = np.maximum(at_once, complete + uniform(rng, 10, 60, n))
    return np.asarray(np.where(lost_race, np.minimum(early, late), late), np.int64)
