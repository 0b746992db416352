"""Everything merged in time order: jobs planned, blocks lived, a few of them failed, rows written as lines.

A job's blocks are planned when it begins, so that memory holds the lines still to come of the last half day's jobs
(40 bytes each) and never grows with the number of blocks beyond one cycle of traffic (see ``jobs``).

All chance comes from numpy's PCG64 with integers and comparisons only: one seed gives the same bytes on every platform.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from stream.errors import InputError
from stream.simulator.afterlife import FAILURES, check_failures
from stream.simulator.blocks import Blocks, plan_blocks
from stream.simulator.draws import generator
from stream.simulator.events import EVENT, Ints, Rows, life_of_rows, order_key, rows_of_life
from stream.simulator.failures import Life
from stream.simulator.forms import Writer, node_addresses
from stream.simulator.jobs import CYCLE_SECONDS, REAL_START, JobRun, plan_runs
from stream.simulator.lives import healthy_rows
from stream.simulator.orders import ask_to_delete

_CHUNK = 20_000
_NORMAL, _FIRST_FAILURE = 1, 2


@dataclass(frozen=True, slots=True)
class BlockLabel:
    """What a block was: its id as in the log (``blk_…``), and the failure's name if it is anomalous."""

    block_id: str
    anomalous: bool
    failure: str | None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines in order of time, without newlines, and the labels of the blocks that first appear in them."""

    lines: list[bytes]
    labels: list[BlockLabel]


@dataclass(frozen=True, slots=True)
class Simulation:
    """A log that can be written any number of times, always the same; made by ``simulate``."""

    blocks: int
    anomaly_rate: float
    seed: int
    failures: tuple[str, ...]
    nodes: int
    start: datetime
    cycle_seconds: int

    def lines(self) -> Iterator[bytes]:
        """All lines in order of time, without newlines."""
        for chunk in self.chunks():
            yield from chunk.lines

    def labels(self) -> Iterator[BlockLabel]:
        """One label a block, in order of first appearance."""
        for rows in self._rows():
            yield from self._labels(rows)

    def chunks(self) -> Iterator[Chunk]:
        """Lines and labels together, some ten thousand lines at a time."""
        writer = Writer(self.start, node_addresses(self.nodes, generator(self.seed, 0)))
        for rows in self._rows(writer):
            yield Chunk(writer.lines(rows), self._labels(rows))

    def _rows(self, writer: Writer | None = None) -> Iterator[Rows]:
        """Sorted rows; what a job writes comes out when the next job begins, since that adds nothing earlier."""
        weights = np.cumsum([FAILURES[name].weight for name in self.failures])
        waiting, planned = np.empty(0, EVENT), 0
        for run in plan_runs(self.blocks, self.start, self.cycle_seconds):
            early = waiting["time"] < run.start
            yield from _sorted_chunks(waiting[early])
            doomed = int((planned + run.blocks) * self.anomaly_rate) - int(planned * self.anomaly_rate)
            waiting = np.concatenate([waiting[~early], self._run_rows(run, doomed, weights, writer)])
            planned += run.blocks
        yield from _sorted_chunks(waiting)

    def _run_rows(self, run: JobRun, doomed: int, weights: Ints, writer: Writer | None) -> Rows:
        """All rows of a job; its healthy lives are the same whatever the rate and the failures."""
        rng, fate = generator(self.seed, 1, run.index), generator(self.seed, 3, run.index)
        blocks = plan_blocks(run, self.nodes, rng)
        rows = healthy_rows(blocks, self.nodes, rng)
        failing = np.sort(fate.choice(run.blocks, doomed, replace=False))
        failed = np.zeros(run.blocks, bool)
        failed[failing] = True
        sick = failed[rows["owner"]]
        which = np.searchsorted(weights, fate.integers(0, weights[-1], doomed), side="right")
        lives = self._failed_lives(blocks, rows[sick], failing, which)
        orders, block_lists = ask_to_delete(blocks, np.flatnonzero(~failed), fate)
        if writer is not None:
            writer.paths[run.index] = run.path
            writer.block_lists.update(block_lists)
        rows = np.concatenate([rows[~sick], *lives])
        rows["time"] = np.maximum(rows["time"], run.start)
        first = _first_rows(rows)
        labels = np.full(run.blocks, _NORMAL)
        labels[failing] = _FIRST_FAILURE + which
        rows["label"][first] = labels[rows["owner"][first]]
        return np.concatenate([rows, orders])

    def _failed_lives(self, blocks: Blocks, rows: Rows, failing: Ints, which: Ints) -> Iterator[Rows]:
        """The rows of each failing block after its failure."""
        rows = rows[np.argsort(rows["owner"], kind="stable")]
        bounds = np.searchsorted(rows["owner"], [*failing.tolist(), len(blocks.ids)])
        for i, owner in enumerate(failing.tolist()):
            life = self._life(blocks, owner, rows[bounds[i] : bounds[i + 1]])
            FAILURES[self.failures[int(which[i])]].apply(life)
            yield rows_of_life(life.events, owner, int(blocks.ids[owner]))

    def _life(self, blocks: Blocks, owner: int, rows: Rows) -> Life:
        one, two, three = blocks.nodes[owner].tolist()
        first, second, third = blocks.threads[owner].tolist()
        return Life(
            events=life_of_rows(rows),
            nodes=(one, two, three),
            threads=(first, second, third),
            size=int(blocks.size[owner]),
            start=int(blocks.start[owner]),
            written=int(blocks.acknowledged[owner].min()),
            complete=int(blocks.added[owner].max()),
            node_count=self.nodes,
            rng=generator(self.seed, 2, blocks.run.index, owner),
        )

    def _labels(self, rows: Rows) -> list[BlockLabel]:
        named = rows[rows["label"] > 0]
        return [
            BlockLabel(f"blk_{block}", label >= _FIRST_FAILURE, None if label == _NORMAL else self.failures[label - 2])
            for block, label in zip(named["block"].tolist(), named["label"].tolist(), strict=True)
        ]


def simulate(
    blocks: int,
    anomaly_rate: float = 0.03,
    seed: int = 0,
    failures: Sequence[str] | None = None,
    *,
    hours: float | None = None,
    nodes: int = 203,
    start: datetime = REAL_START,
) -> Simulation:
    """Plan an HDFS log of this many blocks (about 19.5 lines each); nothing is written until it is iterated.

    Args:
        blocks: how many blocks are written.
        anomaly_rate: share of them that fail, 0 to 1; the number is ``int(blocks * anomaly_rate)``.
        seed: 0 or more; the same seed gives the same bytes.
        failures: names from ``FAILURES`` to choose from; all of them by default.
        hours: how long one cycle of sixteen jobs lasts. By default it is that of HDFS_v1's log, and a block lives for
            two hours in the median; with fewer hours reads and deletions come sooner, writing stays as slow.
        nodes: data nodes of the cluster.
        start: time of the beginning, without a zone, as HDFS's log has it.

    Raises:
        InputError: a value out of its range, or an unknown failure.
    """
    if blocks < 1:
        raise InputError(f"blocks must be at least 1, not {blocks}")
    if not 0 <= anomaly_rate <= 1:
        raise InputError(f"the anomaly rate must be from 0 to 1, not {anomaly_rate}")
    if seed < 0:
        raise InputError(f"the seed must be 0 or more, not {seed}")
    cycle_seconds = CYCLE_SECONDS if hours is None else round(hours * 3600)
    if not 60 <= cycle_seconds <= 3_600_000:
        raise InputError(f"hours must be from 0.0167 (a minute) to 1000, not {hours}")
    if not 5 <= nodes <= 50_000:
        raise InputError(f"nodes must be from 5 to 50000, not {nodes}")
    return Simulation(blocks, anomaly_rate, seed, check_failures(failures), nodes, start, cycle_seconds)


def _first_rows(rows: Rows) -> Ints:
    """Index of the first row of each owner, in the order in which rows are written."""
    order = np.lexsort((order_key(rows), rows["owner"]))
    owners = rows["owner"][order]
    return np.asarray(order[np.flatnonzero(np.diff(owners, prepend=-1))], np.int64)


def _sorted_chunks(rows: Rows) -> Iterator[Rows]:
    rows = rows[np.argsort(order_key(rows), kind="stable")]
    for begin in range(0, len(rows), _CHUNK):
        yield rows[begin : begin + _CHUNK]
