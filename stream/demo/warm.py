"""The demo's daemon: loads what takes long while the broker still starts, then is ``tinylogbert consume``.

``python -m stream.demo.warm FLAGS [CHECKPOINT]``: FLAGS is a file that appears, whole, once there is a broker; it holds
a flag a line.
"""

import runpy
import sys
import time
from contextlib import suppress
from pathlib import Path

_POLL_S = 0.05


def main(flags_file: str, checkpoint: str | None = None) -> None:
    """Load, wait for the flags, consume; does not return."""
    from model.scorers import scorer_of
    from stream.errors import InputError

    with suppress(InputError):  # consume says it in its own words, once it starts
        scorer_of(Path(checkpoint) if checkpoint else None)
    while not (file := Path(flags_file)).exists():
        time.sleep(_POLL_S)
    sys.argv = ["tinylogbert", "consume", *file.read_text().splitlines()]
    runpy.run_module("stream", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
