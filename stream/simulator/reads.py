"""The lines of the reads of healthy blocks: what a sort's maps and the scans of text files leave in the log.

Does not know how a block came to be, nor what goes wrong.
"""

import numpy as np

from stream.simulator.blocks import FULL_BLOCK, REPLICAS, Blocks
from stream.simulator.draws import Knots, spread, uniform
from stream.simulator.events import Ints, Kind, Rows, make_rows
from stream.simulator.jobs import CYCLE_SECONDS
from stream.simulator.threads import data_threads

_AROUND: Knots = ((0, -1800), (50, -900), (250, -300), (500, 0), (750, 300), (950, 750), (1000, 1500))
#: A sort's reads: share where a client breaks off fifteen times, twice (nearly always) or, the rest, never.
_FIFTEEN, _TWICE = 0.076, 0.909
#: A text's scans: share of blocks of which no read breaks off, and of which one read less is asked for.
_UNBROKEN, _ONE_LESS = 0.035, 0.05
#: Share of reads by a client on the replica's own node: of those that are served, and of those that break off.
_LOCAL = {Kind.SERVED: 0.6, Kind.SERVE_EXCEPTION: 0.1}


def read_rows(blocks: Blocks, node_count: int, rng: np.random.Generator) -> list[Rows]:
    """All reads of these blocks, in no order; blocks of lost races are never read."""
    job = blocks.run.job
    readable = np.flatnonzero(blocks.lost_race == 0)
    if job.scan is not None:
        return _sorted(blocks, readable, job.scan, node_count, rng)
    if not job.text_scans:
        return []
    every = rng.random(len(readable)) < job.extra_text_scan
    rows = _scanned(blocks, readable[every], job.text_scans, node_count, rng)
    return rows + _scanned(blocks, readable[~every], job.text_scans[:-1], node_count, rng)


def _sorted(blocks: Blocks, chosen: Ints, delay: int, node_count: int, rng: np.random.Generator) -> list[Rows]:
    """A sort's map reads each block once, to its end; attempts to read break off before it."""
    u = rng.random(len(chosen))
    broken = np.where(u < _FIFTEEN, 15, np.where(u < _FIFTEEN + _TWICE, 2, 0))
    broken[blocks.size[chosen] != FULL_BLOCK] = 0
    return [
        _reads(Kind.SERVED, blocks, chosen, delay, node_count, rng),
        _reads(Kind.SERVE_EXCEPTION, blocks, np.repeat(chosen, broken), delay, node_count, rng),
    ]


def _scanned(
    blocks: Blocks, chosen: Ints, delays: tuple[int, ...], node_count: int, rng: np.random.Generator
) -> list[Rows]:
    """Each scan reads a full block to its end twice and breaks off once; a small block is read about once."""
    u, scans = rng.random(len(chosen)), len(delays)
    full = blocks.size[chosen] == FULL_BLOCK
    broken = chosen[u >= _UNBROKEN]
    reads = np.where(full, 2 * scans - (u > 1 - _ONE_LESS), scans - (scans + 1) % 2)
    rows = []
    for turn, delay in enumerate(delays):
        due = np.clip(reads - 2 * turn, 0, 2)
        rows.append(_reads(Kind.SERVED, blocks, np.repeat(chosen, due), delay, node_count, rng))
        rows.append(_reads(Kind.SERVE_EXCEPTION, blocks, broken, delay, node_count, rng))
    return rows


def _reads(kind: Kind, blocks: Blocks, owner: Ints, delay: int, node_count: int, rng: np.random.Generator) -> Rows:
    """One row for each entry of ``owner``, around this delay after the block was written, while it exists."""
    n, run = len(owner), blocks.run
    node = blocks.nodes[owner, uniform(rng, 0, REPLICAS - 1, n)]
    client = np.where(rng.random(n) < _LOCAL[kind], node, uniform(rng, 0, node_count - 1, n))
    around = spread(rng, _AROUND, n) * run.cycle_seconds // CYCLE_SECONDS
    low, high = blocks.lifetime()
    times = np.clip(blocks.start[owner] + run.scaled(delay) + around, low[owner], high[owner])
    return make_rows(kind, owner, times, data_threads(rng, times), node, client)
