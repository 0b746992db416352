"""``tinylogbert consume``: the daemon."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

from stream.commands.options import settings_options
from stream.commands.scorers import load_scorer
from stream.settings import Settings

if TYPE_CHECKING:
    from stream.logs import Log
    from stream.scoring import Scorer


@click.command(
    "consume",
    epilog="""\b
Examples:
  tinylogbert consume
  tinylogbert consume --checkpoint my-model --quiet-after 1m --close-after 2h
  tinylogbert consume --stage score --group-id tinylogbert --worker-id score-1
  tinylogbert consume --kafka security.protocol=SSL --kafka ssl.ca.location=ca.pem

SIGTERM or Ctrl-C ends it in good order; a second one ends it at once, which loses nothing either.""",
)
@settings_options(*Settings.model_fields)
def consume_command(settings: Settings) -> None:
    """Run the daemon: raw lines in, scored windows out.

    Reads the raw topic, windows the lines of each block in event time, scores the windows with TinyLogBERT, and writes
    scores, anomalies and dead letters. Any number of daemons in one group share the partitions. Logs go to stderr.
    """
    from stream.logs import new_log

    with until_told() as stop:
        run_daemon(settings, new_log(sys.stderr), stop)


def run_daemon(
    settings: Settings, log: "Log", stop: Callable[[], bool], load: "Callable[[Settings], Scorer]" = load_scorer
) -> None:
    """Create the topics that are missing, load the scorer, work until ``stop``; raise UserError for what ends it."""
    from zoneinfo import ZoneInfo

    from stream.kafka.clients import new_admin
    from stream.kafka.figures import Figures
    from stream.kafka.topics import create_topics, require_fitting
    from stream.kafka.worker import Worker
    from stream.lines import LineReader

    admin = new_admin(settings)
    for topic in create_topics(admin, settings):
        log.info("topic created", topic=topic)
    require_fitting(admin, settings)
    scorer = None
    if settings.stage != "route":
        scorer = load(settings)
        log.info("checkpoint loaded", checkpoint=scorer.checkpoint)
    worker = Worker(settings, scorer, LineReader(ZoneInfo(settings.timezone)), log)
    log.info("started", bootstrap_servers=settings.bootstrap_servers, group_id=settings.group_id, stage=settings.stage)
    figures = Figures(worker, log)
    worker.run(stop, figures)
    log.info("ended", **figures.totals())


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
