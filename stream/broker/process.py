"""A detached child process with a log file: started, ended, and its failure told in one line.

Knows Kafka's log format, nothing of its settings.
"""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from stream.broker import tied

_LOG_LIMIT_BYTES = 10 * 1024 * 1024
_DATED = re.compile(r"\d{4}-\d\d-\d\d[T ]")
_DECISIVE = (
    "No space left on device",
    "Address already in use",
    "Failed to acquire lock",
    "OutOfMemoryError",
)


def spawn(
    command: Sequence[str], environ: Mapping[str, str], log_file: Path, *, die_with_parent: bool = False
) -> psutil.Process:
    """Starts ``command`` in a session of its own, so that a terminal's Ctrl-C does not reach it.

    Its output is added to ``log_file``. With ``die_with_parent`` (Linux) it gets SIGTERM when the thread that
    calls this ends, even if by SIGKILL. Raises OSError.
    """
    if die_with_parent:
        command = [sys.executable, "-I", "-S", tied.__file__, str(os.getpid()), *command]
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log_file), append, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    # Not subprocess.Popen: its object complains if it is dropped while the process lives on, as it should.
    pid = os.posix_spawn(command[0], [*command], environ, file_actions=actions, setsid=True)
    return psutil.Process(pid)


def exit_code(process: psutil.Process, within_s: float) -> int | None:
    """Waits for the end of ``process``: its exit code (-1 if unknown), or None if it still lives."""
    try:
        code = process.wait(timeout=within_s)
    except psutil.TimeoutExpired:
        return None
    return -1 if code is None else int(code)


def end(process: psutil.Process, grace_s: float) -> bool:
    """SIGTERM, then SIGKILL after ``grace_s`` seconds; returns whether the first was enough."""
    try:
        process.terminate()
        if exit_code(process, grace_s) is not None:
            return True
        process.kill()
        exit_code(process, grace_s)
    except psutil.NoSuchProcess:
        return True
    return False


def start_log(log_file: Path) -> int:
    """Puts a log that has grown past 10 MiB aside; returns the size of what is there, in bytes."""
    if not log_file.exists():
        return 0
    if log_file.stat().st_size > _LOG_LIMIT_BYTES:
        log_file.replace(log_file.with_suffix(".old.log"))
        return 0
    return log_file.stat().st_size


def decisive_line(log_file: Path, offset: int) -> str:
    """The line of a log, from byte ``offset`` on, that says best why the process died; may be empty."""
    with log_file.open("rb") as file:
        file.seek(offset)
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    known = [line for line in lines if any(words in line for words in _DECISIVE)]
    if known:
        return known[0]
    errors = [i for i, line in enumerate(lines) if " ERROR " in line or " FATAL " in line]
    if errors:
        return _cause(lines[errors[-1] :])
    return "; ".join([line for line in lines if not line.startswith("at ")][:2])  # the JVM's own complaint


def _cause(lines: list[str]) -> str:
    """The innermost cause of an error and its stack trace; without a trace, the error itself."""
    trace: list[str] = []
    for line in lines[1:]:
        if _DATED.match(line):
            break
        trace.append(line)
    causes = [line for line in trace if not line.startswith(("at ", "... "))]
    return causes[-1].removeprefix("Caused by: ") if causes else lines[0]
