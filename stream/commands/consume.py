"""``tinylogbert consume``: the daemon."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

from stream.commands.denied import rights_named
from stream.commands.options import settings_options
from stream.commands.scorers import checkpoint_files, load_scorer, scorer_folder
from stream.garbage import collected_rarely
from stream.settings import DAEMON, Settings

if TYPE_CHECKING:
    from stream.kafka.worker import Worker
    from stream.logs import Log
    from stream.scoring import Scorer
    from stream.swap import Swapper


@click.command(
    "consume",
    epilog="""\b
Examples:
  tinylogbert consume
  tinylogbert consume --checkpoint my-model --quiet-after 1m --close-after 2h
  tinylogbert consume --scorer pca
  tinylogbert consume --workers 2
  tinylogbert consume --metrics-address 9464
  tinylogbert consume --stage score --group-id tinylogbert --worker-id score-1
  tinylogbert consume --kafka security.protocol=SSL --kafka ssl.ca.location=ca.pem

SIGTERM or Ctrl-C ends it in good order; a second one ends it at once, which loses nothing either.

A new checkpoint in the folder of --checkpoint takes over while it runs, two seconds after the last file has changed, or
at once on SIGHUP; a broken one is refused, and the old one goes on.""",
)
@settings_options(*DAEMON)
def consume_command(settings: Settings) -> None:
    """Run the daemon: raw lines in, scored windows out.

    Reads the raw topic, windows the lines of each block in event time, scores the windows with TinyLogBERT, and writes
    scores, anomalies and dead letters. Any number of daemons in one group share the partitions. Logs go to stderr.
    """
    from stream.logs import new_log

    log = new_log(sys.stderr, settings.hidden)
    if settings.workers == 1:
        _work(settings, lambda: False)
        return
    from stream.commands.workers import run_workers

    with until_told() as stop, on_hangup() as hangup:
        _ready_topics(settings, log)  # once, and not by all of them
        run_workers(settings, _work, stop, hangup, log)


def _work(settings: Settings, orphaned: Callable[[], bool]) -> None:
    from stream.logs import new_log

    with until_told() as stop, on_hangup() as hangup, rights_named(settings, "consume"):
        log = new_log(sys.stderr, settings.hidden)
        run_daemon(settings, log, lambda: stop() or orphaned(), hangup=hangup, warm=import_model)


def run_daemon(
    settings: Settings,
    log: "Log",
    stop: Callable[[], bool],
    load: "Callable[[Settings], Scorer]" = load_scorer,
    hangup: Callable[[], bool] = lambda: False,
    warm: Callable[[Settings], None] = lambda _: None,
) -> None:
    """Create the topics that are missing, load the scorer, work until ``stop``; raise UserError for what ends it.

    ``warm`` is called beside the first questions to Kafka. When ``hangup`` says so the scorer is loaded again, and
    exchanged for what is found then.
    """

    with ThreadPoolExecutor(1, "checkpoint") as beside:
        importing = beside.submit(warm, settings)  # meanwhile Kafka is asked for topics
        from stream.kafka.figures import Figures
        from stream.kafka.worker import Worker

        _ready_topics(settings, log)
        swapper = _swapper(settings, load, beside, log, importing) if settings.stage != "route" else None
        scorer = swapper.scorer if swapper else None
        worker = Worker(settings, scorer, settings.new_reader(), log)
        started = {"bootstrap_servers": settings.bootstrap_servers, "group_id": settings.group_id}
        log.info("started", **started, stage=settings.stage)
        figures = Figures(worker, log)

        def every() -> None:
            figures()
            metrics()
            collect()
            if swapper and swapper.tick(time.monotonic(), hangup()) and worker.score:
                worker.score.look_again()

        with metrics_of(worker, settings, log) as metrics, collected_rarely() as collect:
            worker.run(stop, every)
        log.info("ended", **figures.totals())


@contextmanager
def metrics_of(worker: "Worker", settings: Settings, log: "Log") -> Iterator[Callable[[], None]]:
    """Show a worker's metrics where the settings say; what is yielded is to be called often by whoever works."""
    if settings.metrics_address is None:
        yield lambda: None
        return
    from stream.metrics.daemon import WorkerMetrics
    from stream.metrics.endpoint import endpoint

    metrics = WorkerMetrics(worker)
    with endpoint(settings.metrics_address, metrics.exporter) as url:
        log.info("metrics", url=url)
        yield metrics


def _ready_topics(settings: Settings, log: "Log") -> None:
    from stream.kafka.clients import new_admin
    from stream.kafka.topics import create_topics, require_fitting

    admin = new_admin(settings)
    for topic in create_topics(admin, settings):
        log.info("topic created", topic=topic)
    require_fitting(admin, settings)


def import_model(settings: Settings) -> None:
    """Import what the scorer will need: that takes longer than all else in loading it."""
    from model.folder import detector_of

    if settings.stage != "route" and detector_of(scorer_folder(settings)) is None:
        import model.scorer  # noqa: F401


def _swapper(
    settings: Settings, load: "Callable[[Settings], Scorer]", beside: Executor, log: "Log", importing: "Future[None]"
) -> "Swapper":
    from stream.swap import Swapper, fingerprint

    importing.exception()  # whatever it is, loading raises it again, and says it better
    files = checkpoint_files(settings)
    return Swapper(lambda: load(settings), lambda: fingerprint(files), beside, log)


@contextmanager
def until_told() -> Iterator[Callable[[], bool]]:
    """Yield whether SIGTERM or Ctrl-C has come. The first one gives both back their usual meaning."""
    told = False
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def tell(_number: int, _frame: FrameType | None) -> None:
        nonlocal told
        told = True
        for number in before:
            signal.signal(number, signal.SIG_DFL)
        if sys.stderr.isatty():  # not through the stream: it may be in the midst of a line
            os.write(sys.stderr.fileno(), b"ending, what was read is committed first; Ctrl-C again ends at once\n")

    for number in before:
        signal.signal(number, tell)
    try:
        yield lambda: told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def on_hangup() -> Iterator[Callable[[], bool]]:
    """Yield whether SIGHUP has come since that was last asked; it never has on a platform without it."""
    if (number := getattr(signal, "SIGHUP", None)) is None:
        yield lambda: False
        return
    come = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal come
        come = True

    def asked() -> bool:
        nonlocal come
        before, come = come, False
        return before

    earlier = signal.signal(number, note)
    try:
        yield asked
    finally:
        signal.signal(number, earlier)
