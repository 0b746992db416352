"""``tinylogbert consume --workers N``: daemons of one group, each a process of its own; Kafka shares the work out.

All begin and end together: when one ends that was not told to, it is reported, the others end in good order, and so
does the command, with an error. Knows nothing of what a worker does.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING

from stream.errors import BrokerError, UserError
from stream.settings import Settings, host_and_port

if TYPE_CHECKING:
    from stream.logs import Log

Work = Callable[[Settings, Callable[[], bool]], None]
"""A worker: its settings, and whether the process that started it is gone. Called in a fresh process."""

_LOOK_S = 0.1
_END_S = 60.0  # for the commit of what is read, before a worker that does not end is killed


def run_workers(
    settings: Settings, work: Work, stop: Callable[[], bool], hangup: Callable[[], bool], log: "Log"
) -> None:
    """Start ``settings.workers`` processes and wait until ``stop``, which they are told, too; ``hangup`` is handed on.

    Raises BrokerError, once all have ended, if one ended that was not told to.
    """
    _share_processors(settings.workers)
    spawn = multiprocessing.get_context("spawn")
    of_each = [_settings_of(settings, number) for number in range(1, settings.workers + 1)]
    workers: list[BaseProcess] = [
        spawn.Process(target=partial(_run, work, os.getpid()), args=(own,)) for own in of_each
    ]
    try:
        for worker in workers:
            worker.start()
        log.info("workers started", pids=[worker.pid for worker in workers])
        failed = _watch(workers, stop, hangup)
    finally:
        _end(workers)
    if failed is not None:
        number, code = workers.index(failed) + 1, failed.exitcode
        raise BrokerError(f"worker {number} of {len(workers)} ended with {_said(code)}; so all have ended")
    if bad := [worker.exitcode for worker in workers if worker.exitcode]:
        raise BrokerError(f"a worker ended with {_said(bad[0])} when it was told to end")


def _watch(workers: Sequence[BaseProcess], stop: Callable[[], bool], hangup: Callable[[], bool]) -> BaseProcess | None:
    """Wait until told to end, and return None, or until a worker has ended, and return that."""
    while not stop():
        wait([worker.sentinel for worker in workers], timeout=_LOOK_S)
        if hangup():
            _tell(workers, signal.SIGHUP)
        if not stop() and (ended := [worker for worker in workers if worker.exitcode is not None]):
            time.sleep(_LOOK_S)  # Ctrl-C reaches all processes of a terminal: a worker may be the first to end
            if not stop():
                return ended[0]
    return None


def _end(workers: Sequence[BaseProcess]) -> None:
    """Let the workers commit what they have read, and end; kill what does not."""
    started = [worker for worker in workers if worker.pid is not None]
    _tell(started, signal.SIGTERM)
    deadline = time.monotonic() + _END_S
    for worker in started:
        worker.join(max(0.0, deadline - time.monotonic()))
        if worker.exitcode is None:
            worker.kill()
            worker.join()


def _tell(workers: Sequence[BaseProcess], number: int) -> None:
    for worker in workers:
        if worker.pid is not None and worker.exitcode is None:
            os.kill(worker.pid, number)


def _run(work: Work, parent: int, settings: Settings) -> None:
    try:
        work(settings, lambda: os.getppid() != parent)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def _settings_of(settings: Settings, number: int) -> Settings:
    """Each worker has a name of its own, if names are given: the same after a restart. And a port of its own for
    metrics. Of the plain class, which can be sent to another process.
    """
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    named = None if settings.worker_id is None else f"{settings.worker_id}-{number}"
    own = {"workers": 1, "worker_id": named, "metrics_address": _address_of(settings.metrics_address, number)}
    return Settings.model_construct(**{**values, **own})


def _address_of(address: str | None, number: int) -> str | None:
    if address is None or host_and_port(address)[1] == 0:  # any port that is free
        return address
    host, port = host_and_port(address)
    return f"[{host}]:{port + number - 1}" if ":" in host else f"{host}:{port + number - 1}"


def _share_processors(workers: int) -> None:
    """Threads of torch that are more than processors wait for each other; what the environment says goes first."""
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))


def _said(code: int | None) -> str:
    return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
