"""A training on so many lines, by the command that a user has, with its defaults."""

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from stream.errors import InputError


def seconds(lines: Iterable[bytes], folder: Path) -> float:
    """Seconds of ``tinylogbert train``, from its start to a checkpoint on disk; raise InputError if it fails."""
    log = folder / "training.log"
    with log.open("wb") as file:
        file.writelines(raw + b"\n" for raw in lines)
    begun = time.monotonic()
    command = [sys.executable, "-m", "stream", "train", str(log), "--out", str(folder / "trained")]
    if (code := subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode) != 0:
        raise InputError(f"the training ended with exit code {code}; see above")
    return time.monotonic() - begun
