"""Orders of the name node that name several blocks in one line: ``ask … to delete blk_1 blk_2``.

HDFS_v1 has few of them, since the name node writes one only when a data node asks for work just then.
"""

import numpy as np

from stream.simulator.blocks import Blocks
from stream.simulator.draws import uniform
from stream.simulator.events import EVENT, Ints, Kind, Rows, make_rows
from stream.simulator.threads import MONITOR

#: One order for so many deleted blocks, and how many blocks it names at most.
_ONE_IN = 500
_MOST_NAMED = 6


def ask_to_delete(blocks: Blocks, healthy: Ints, rng: np.random.Generator) -> tuple[Rows, dict[int, bytes]]:
    """Rows of such orders, and the blocks that each names by the number in its field ``b``.

    Only blocks in ``healthy`` that the job deletes with its folder are named, each of them in one order at most.
    """
    chosen = healthy[(blocks.invalidated[healthy] >= 0) & (blocks.lost_race[healthy] == 0)]
    rows: list[Rows] = [np.empty(0, EVENT)]
    lists: dict[int, bytes] = {}
    named: set[int] = set()
    for number in np.flatnonzero(rng.integers(0, _ONE_IN, len(chosen)) == 0).tolist():
        first = chosen[number]
        node = blocks.nodes[first, int(rng.integers(0, 3))]
        beside = chosen[(blocks.nodes[chosen] == node).any(axis=1)]
        group = [i for i in beside.tolist() if i not in named][: int(rng.integers(2, _MOST_NAMED + 1))]
        if len(group) < 2:
            continue
        named.update(group)
        key = blocks.run.index * 4096 + len(lists)
        lists[key] = b" ".join(b"blk_%d" % block for block in blocks.ids[group].tolist())
        time = blocks.invalidated[group].max() + uniform(rng, 1, 3, 1)
        order = make_rows(Kind.ASK_DELETE, np.array(group[:1]), time, MONITOR, int(node), key)
        order["block"] = blocks.ids[group[0]]
        rows.append(order)
    return np.concatenate(rows), lists
