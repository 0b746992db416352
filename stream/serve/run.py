"""Starts the server and what it stands on, and ends all of it in good order."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from types import FrameType

import uvicorn

from stream.errors import InputError
from stream.kafka.blocklines import BlockLines
from stream.logs import Log
from stream.metrics.server import ServerMetrics
from stream.scoring import Scorer
from stream.serve.address import Address
from stream.serve.app import new_app
from stream.serve.daemon import daemon_metrics
from stream.serve.desk import desk
from stream.serve.following import following
from stream.serve.grading import Grading
from stream.serve.labelled import labelled
from stream.serve.parts import Parts
from stream.serve.pulse import pulse
from stream.serve.rate import Rate
from stream.serve.store import Store
from stream.serve.token import Token
from stream.settings import Settings

_BACKLOG = 128
_GRACE_S = 3
_LOOK_S = 0.1


def run_server(
    settings: Settings,
    address: Address,
    token: Token | None,
    load: Callable[[], Scorer],
    log: Log,
    grading: Grading,
) -> None:
    """Serve until SIGTERM or Ctrl-C; raise UserError for what ends it otherwise. ``grading`` knows labels.

    A broker that is away does not: it is waited for, and ``/health/ready`` says so.
    """
    with ExitStack() as stack:
        listening = stack.enter_context(_listen(address))
        address = Address(address.host, listening.getsockname()[1])
        store, metrics = Store(seen=grading.see), ServerMetrics()
        parts = Parts(
            settings=settings,
            log=log,
            store=store,
            following=stack.enter_context(following(settings, store, metrics, log)),
            pulse=stack.enter_context(pulse(settings, log)),
            desk=stack.enter_context(desk(load)),
            block_lines=stack.enter_context(closing(BlockLines(settings, settings.new_reader()))),
            daemon=stack.enter_context(daemon_metrics(settings.daemon_metrics)),
            rate=Rate(lambda: store.taken),
            grading=grading,
            token=token,
            local=address.local,
            metrics=metrics,
        )
        stack.enter_context(labelled(settings, store, grading))
        server = _Server(parts)
        log.info("serving", url=address.url, token=token is not None)
        stack.enter_context(_logged(log))
        server.run([listening])
    if failed := parts.desk.failed:
        raise failed
    log.info("ended")


class _Server(uvicorn.Server):
    """Ends its streams when it is told to end, and itself where the checkpoint cannot be loaded."""

    def __init__(self, parts: Parts) -> None:
        app = new_app(parts, lambda: self.should_exit)
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="on",
                timeout_graceful_shutdown=_GRACE_S,
                h11_max_incomplete_event_size=128 * 1024,
                limit_concurrency=1_000,
            )
        )
        self._parts = parts

    async def main_loop(self) -> None:
        """As uvicorn's, and it looks at what may end it."""
        looking = asyncio.create_task(self._look())
        try:
            await super().main_loop()
        finally:
            looking.cancel()

    async def _look(self) -> None:
        while not self.should_exit:
            if self._parts.desk.failed:
                self.should_exit = True
            await asyncio.sleep(_LOOK_S)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends it in good order, a second one at once; the process does not die of the first."""
        super().handle_exit(sig, frame)
        self._captured_signals.clear()
        signal.signal(sig, signal.SIG_DFL)


@contextmanager
def _listen(address: Address) -> Iterator[socket.socket]:
    """A socket that listens already, so that no port is announced that is not ours."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with closing(socket.socket(family)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((address.host, address.port))
            listening.listen(_BACKLOG)
        except OSError as error:
            why = error.strerror or str(error)
            raise InputError(
                f"cannot listen at {address.host}:{address.port}: {why}; say another with --listen-address"
            ) from error
        yield listening


@contextmanager
def _logged(log: Log) -> Iterator[None]:
    """What uvicorn has to say as a warning goes to our log."""
    handler = _Handler(log)
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "asyncio", "nicegui")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()[:1000]
        if record.exc_info and record.exc_info[0]:
            text += f": {record.exc_info[1]!r}"[:1000]
        self._log.warning("server", error=text, logger=record.name)
