"""Whether a daemon or a server is well: exit code 0 or 1, and one line that says why not. Needs Python alone.

    python healthcheck.py [URL] [--fresh SECONDS]

URL is HEALTH_URL's, or else the daemon's metrics. With --fresh its work loop must have moved within so many seconds;
without, it is enough that the process answers: a daemon whose broker is away waits, and to restart it mends nothing.
"""

import os
import re
import sys
import time
from http.client import HTTPException
from urllib.request import ProxyHandler, build_opener

URL = "http://127.0.0.1:9464/metrics"
_MOVED = re.compile(r"^tinylogbert_figures_timestamp_seconds(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
_TIMEOUT_S = 4


def problem(url: str, fresh: float | None, now: float) -> str | None:
    """What is wrong, or None; ``now`` is Unix time in s."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=_TIMEOUT_S) as answer:
            text = answer.read(8_000_000).decode(errors="replace")
    except (OSError, HTTPException, ValueError) as error:
        return f"{url}: {error}"
    if fresh is None:
        return None
    moved = [float(seconds) for seconds in _MOVED.findall(text)]
    if not moved:
        return f"{url} does not say when its work loop moved"
    silent = now - max(moved)
    return f"{url}: the work loop has not moved for {silent:.0f} s" if silent > fresh else None


def main(arguments: list[str]) -> int:
    """Print what is wrong and return the exit code."""
    fresh = None
    if "--fresh" in arguments:
        at = arguments.index("--fresh")
        fresh = float(arguments[at + 1])
        arguments = arguments[:at] + arguments[at + 2 :]
    url = arguments[0] if arguments else os.environ.get("HEALTH_URL", URL)
    found = problem(url, fresh, time.time())
    if found:
        print(found, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
