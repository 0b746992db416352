"""The log that the demo plays: a simulated cluster with failures, and one line of the day after. Knows no Kafka."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from stream.errors import InputError
from stream.lines import LineReader
from stream.output import open_output
from stream.simulator import simulate

_HOURS = 6.0
_NEXT_DAY = "{:%y%m%d %H%M%S} 19 INFO dfs.FSNamesystem: BLOCK* NameSystem.allocateBlock: /user/root/next-day. blk_1"


class DemoLog(NamedTuple):
    """Raw lines in order of time, the labels of their blocks, and how long the log lasts, in s of its own time.

    ``tick`` is one more line, of a block without a label, so much later that the windows of all others are over: event
    time only goes on when lines come.
    """

    lines: list[bytes]
    tick: bytes
    labels: Mapping[str, bool]
    seconds: float


def write_log(folder: Path, blocks: int, seed: int, silence_ms: int) -> DemoLog:
    """Simulate ``blocks`` blocks and write ``stream.log.gz`` and ``labels.csv``; raise InputError if that fails.

    ``silence_ms`` is the silence after which every window is over.
    """
    simulation = simulate(blocks, seed=seed, hours=_HOURS)
    lines = list(simulation.lines())
    labels = {label.block_id: label.anomalous for label in simulation.labels()}
    read = LineReader().read
    first, last = read(lines[0]).time, read(lines[-1]).time
    tick = _NEXT_DAY.format(datetime.fromtimestamp(last / 1000, UTC) + timedelta(milliseconds=silence_ms + 60_000))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from error
    with open_output(str(folder / "stream.log.gz")) as file:
        file.write(b"\n".join((*lines, tick.encode(), b"")))
    with open_output(str(folder / "labels.csv")) as file:
        rows = (f"{block},{'Anomaly' if anomalous else 'Normal'}\n" for block, anomalous in labels.items())
        file.write(("BlockId,Label\n" + "".join(rows)).encode())
    return DemoLog(lines, tick.encode(), labels, (last - first) / 1000)
