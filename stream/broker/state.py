"""What a data folder remembers of the broker that runs on it, and whether that process is still the same one.

A pid alone may have been given to another process since: the time of its creation and the path of the folder
in its command line must fit as well, so that no foreign process is ever taken for the broker.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from stream.broker.files import write_atomically

# psutil derives the time from the boot time, which moves when the clock is set.
_CREATE_TIME_TOLERANCE_S = 5.0


@dataclass(frozen=True)
class BrokerStatus:
    """Whether a broker runs on ``data_dir``; ``pid`` and ``bootstrap_servers`` are None when none does."""

    running: bool
    pid: int | None
    bootstrap_servers: str | None
    data_dir: Path
    log_file: Path
    version: str


@dataclass(frozen=True)
class Remembered:
    """The state file: a broker's process when it was started; ``created`` in seconds since the epoch."""

    pid: int
    created: float
    bootstrap_servers: str
    log_file: str
    version: str


def remember(file: Path, state: Remembered) -> None:
    """Writes the state file. Raises OSError if it cannot."""
    write_atomically(file, json.dumps(asdict(state), indent=1) + "\n")


def recall(file: Path) -> Remembered | None:
    """The state file's content; None if there is none or it cannot be understood."""
    try:
        return Remembered(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def living_process(state: Remembered, data_dir: Path) -> psutil.Process | None:
    """The remembered process if it still lives and is the same one; None if not."""
    try:
        process = psutil.Process(state.pid)
        same = abs(process.create_time() - state.created) < _CREATE_TIME_TOLERANCE_S
        ours = any(str(data_dir) in word for word in process.cmdline())
        return process if same and ours and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, TypeError, ValueError, OverflowError):
        return None
