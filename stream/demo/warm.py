"""The demo's daemon and its page: loads what takes long while the broker still starts, then is the command itself.

``python -m stream.demo.warm COMMAND FLAGS [CHECKPOINT]``: FLAGS is a file that appears, whole, once there is a broker;
it holds a flag a line.
"""

import runpy
import sys
import time
from contextlib import suppress
from pathlib import Path

_POLL_S = 0.05


def main(command: str, flags_file: str, checkpoint: str | None = None) -> None:
    """Load, wait for the flags, be the command; does not return."""
    _load(command, Path(checkpoint) if checkpoint else None)
    while not (file := Path(flags_file)).exists():
        time.sleep(_POLL_S)
    sys.argv = ["tinylogbert", command, *file.read_text().splitlines()]
    runpy.run_module("stream", run_name="__main__", alter_sys=True)


def _load(command: str, checkpoint: Path | None) -> None:
    """The daemon needs its model at once; the page is there before its own is, and loads that beside its work."""
    from stream.errors import InputError

    if command == "serve":
        import stream.serve.run  # noqa: F401

        return
    from model.scorers import scorer_of

    with suppress(InputError):  # consume says it in its own words, once it starts
        scorer_of(checkpoint)


if __name__ == "__main__":
    main(*sys.argv[1:])
