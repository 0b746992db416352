"""The threads that stamp the lines, and the ports they speak from."""

import numpy as np

from stream.simulator.draws import uniform
from stream.simulator.events import Ints

#: Threads of the name node that answer requests; its monitor, which shares its number with a data node's services.
HANDLERS = (26, 35)
MONITOR = 19
SCANNER = 13
_PORTS = (32_768, 60_999)


def handlers(rng: np.random.Generator, count: int) -> Ints:
    """Threads of the name node."""
    return uniform(rng, *HANDLERS, count)


def ports(rng: np.random.Generator, count: int) -> Ints:
    """Ports that Linux hands out to clients."""
    return uniform(rng, *_PORTS, count)


def services(rng: np.random.Generator, count: int) -> Ints:
    """A data node's thread for the name node's orders: 19, or 18 on one node in eleven."""
    return np.asarray(MONITOR - (rng.integers(0, 11, count) == 0), np.int64)


def data_threads(rng: np.random.Generator, times: Ints) -> Ints:
    """Threads of data nodes, one for each transfer: numbers that grow while a cluster runs."""
    return 143 + times * 19 // 100 + uniform(rng, 0, 300, len(times))
