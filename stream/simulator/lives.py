"""The lines of a healthy life: a block is written, verified, sometimes copied, at last deleted; see ``reads`` too.

Works on all blocks of a job at once. How often each thing happens, and after how long, was measured on HDFS_v1's log.
Does not know what goes wrong.
"""

import numpy as np

from stream.simulator.blocks import REPLICAS, Blocks
from stream.simulator.draws import Knots, indices_where, spread, uniform
from stream.simulator.events import Kind, Rows, make_rows
from stream.simulator.reads import read_rows
from stream.simulator.threads import MONITOR, SCANNER, data_threads, handlers, ports, services

#: Sub-folders of a data node's disk; index -1 is the top folder.
_SUBDIRS, _TOP_FOLDER = 64, 0.03
_MOST_VERIFICATIONS = 3
_DELETING: Knots = ((0, 5), (50, 40), (250, 115), (500, 180), (750, 260), (950, 380), (990, 440), (1000, 1500))
#: Share of long-lived blocks of which a replica is out of reach for a while, so that the name node has it copied.
_COPIED = 0.01
_OUT_OF_REACH: Knots = ((0, 300), (500, 900), (1000, 9000))
_COPYING: Knots = ((0, 8), (500, 30), (1000, 60))
_BACK: Knots = ((0, 60), (500, 200), (1000, 400))


def healthy_rows(blocks: Blocks, node_count: int, rng: np.random.Generator) -> Rows:
    """All lines of these blocks, in no order, as if nothing ever went wrong; ``block`` and ``owner`` are set."""
    rows = np.concatenate(
        [
            *_written(blocks, rng),
            *_verified(blocks, rng),
            *read_rows(blocks, node_count, rng),
            *_copied(blocks, node_count, rng),
            *_deleted(blocks, rng),
        ]
    )
    rows["block"] = blocks.ids[rows["owner"]]
    return rows


def _written(blocks: Blocks, rng: np.random.Generator) -> list[Rows]:
    n = len(blocks.ids)
    owner = np.arange(n)
    rows = [
        make_rows(Kind.ALLOCATE, owner, blocks.start, handlers(rng, n), blocks.run.index, blocks.task, blocks.attempt)
    ]
    sources = blocks.nodes[:, [0, 0, 1]]
    responders = blocks.threads + spread(rng, ((0, 1), (750, 2), (1000, 5)), REPLICAS * n).reshape(n, REPLICAS)
    for i in range(REPLICAS):
        source, node, responder, done = sources[:, i], blocks.nodes[:, i], responders[:, i], blocks.acknowledged[:, i]
        rows += [
            make_rows(Kind.RECEIVING, owner, blocks.received[:, i], blocks.threads[:, i], source, ports(rng, n)),
            make_rows(Kind.TERMINATING, owner, done, responder, REPLICAS - 1 - i),
            make_rows(Kind.RECEIVED, owner, done, responder, source, blocks.size),
            make_rows(Kind.ADDED, owner, blocks.added[:, i], handlers(rng, n), node, blocks.size),
        ]
    return rows


def _verified(blocks: Blocks, rng: np.random.Generator) -> list[Rows]:
    """The scanner reads a block at any time of its life, up to once for each of its replicas."""
    job, rows = blocks.run.job, []
    low, high = blocks.lifetime()
    chosen, share = np.flatnonzero(high - low > 60), job.verified
    for _ in range(_MOST_VERIFICATIONS):
        chosen = chosen[indices_where(rng, share, len(chosen))]
        span = high[chosen] - low[chosen]
        times = low[chosen] + span * uniform(rng, 0, 9_999, len(chosen)) // 10_000
        rows.append(make_rows(Kind.VERIFIED, chosen, times, SCANNER))
        share = job.scanned_again
    return rows


def _copied(blocks: Blocks, node_count: int, rng: np.random.Generator) -> list[Rows]:
    """A replica is out of reach, a new one is made, the old one comes back and is deleted again."""
    long_lived = np.flatnonzero(blocks.invalidated < 0)
    chosen = long_lived[indices_where(rng, _COPIED, len(long_lived))]
    n = len(chosen)
    source, lost, size = blocks.nodes[chosen, 0], blocks.nodes[chosen, 1], blocks.size[chosen]
    target = (blocks.nodes[chosen, 2] + uniform(rng, 1, node_count - 1, n)) % node_count
    asked = blocks.complete[chosen] + spread(rng, _OUT_OF_REACH, n)
    begun = asked + uniform(rng, 1, 3, n)
    done = begun + spread(rng, _COPYING, n)
    back = done + spread(rng, _BACK, n)
    thread, port = data_threads(rng, begun), ports(rng, n)
    return [
        make_rows(Kind.ASK_REPLICATE, chosen, asked, MONITOR, source, target),
        make_rows(Kind.TRANSFER, chosen, begun, services(rng, n), source, target),
        make_rows(Kind.RECEIVING, chosen, begun, thread, source, port),
        make_rows(Kind.RECEIVED_COPY, chosen, done, thread, source, port, size),
        make_rows(Kind.TRANSMITTED, chosen, done, data_threads(rng, begun), source, target),
        make_rows(Kind.ADDED, chosen, done, handlers(rng, n), target, size),
        make_rows(Kind.ADDED, chosen, back, handlers(rng, n), lost, size),
        make_rows(Kind.DELETING, chosen, back + uniform(rng, 4, 12, n), services(rng, n), _folders(rng, n)),
    ]


def _deleted(blocks: Blocks, rng: np.random.Generator) -> list[Rows]:
    """The name node orders it at once for all replicas; each data node obeys when it next asks for orders."""
    chosen = np.flatnonzero(blocks.invalidated >= 0)
    n, times = len(chosen), blocks.invalidated[chosen]
    handler = handlers(rng, n)
    rows = []
    for i in range(REPLICAS):
        deleting = times + spread(rng, _DELETING, n)
        rows.append(make_rows(Kind.INVALIDATED, chosen, times, handler, blocks.nodes[chosen, i]))
        rows.append(make_rows(Kind.DELETING, chosen, deleting, services(rng, n), _folders(rng, n)))
    return rows


def _folders(rng: np.random.Generator, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    folders = rng.integers(0, _SUBDIRS, count)
    folders[indices_where(rng, _TOP_FOLDER, count)] = -1
    return folders
