"""The order of the demo: broker, topics, daemon, page, a stream with failures, its alarms, and figures at the end."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from model.folder import BASELINE_FILES, BERT_FILES, detector_of, require
from stream.demo.child import Child
from stream.demo.log import DemoLog, write_log
from stream.demo.parts import Playing, broker, consume, daemon, page, playing, serve
from stream.demo.show import Show
from stream.errors import BrokerError
from stream.kafka.clients import new_admin
from stream.kafka.follow import Follower
from stream.kafka.topics import create_topics
from stream.output import open_output
from stream.rows import RowWriter
from stream.settings import Settings
from stream.show import parse_event
from training.blockscores import BlockScores
from training.evaluate import figures as figures_of

_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to play: ``seconds`` is how long the stream takes, ``folder`` holds all that is left afterwards."""

    folder: Path
    blocks: int
    seed: int
    seconds: float
    checkpoint: Path | None
    page: bool = True


class Played(NamedTuple):
    """What came out, while all still runs: the figures, the page's URL if there is one, and whether it still runs.

    ``check`` raises BrokerError if the page has ended.
    """

    figures: dict[str, Any]
    url: str | None
    check: Callable[[], None]


def play(plan: Plan, show: Show, linger: Callable[[Played], None]) -> None:
    """Play it all; ``linger`` is called at its end, and nothing runs once that has returned. Raises UserError."""
    if plan.checkpoint:
        require(plan.checkpoint, BASELINE_FILES if detector_of(plan.checkpoint) else BERT_FILES)
    show.say("simulating a log with failures in it")
    quiet = Settings()
    log = write_log(plan.folder, plan.blocks, plan.seed, quiet.close_after + quiet.lateness)
    with (
        daemon(plan.folder / "daemon.log", plan.checkpoint) as consumer,
        page(plan.folder / "page.log", plan.checkpoint) if plan.page else nullcontext() as server,
        broker(plan.folder / "broker", show.say) as address,
    ):
        try:
            settings = Settings(
                bootstrap_servers=address, group_id="demo", worker_id="demo", partitions=2, idle_after=500
            ).model_copy(update={"kafka": {}})  # what the environment says is about another broker
            url = _start(settings, plan.folder, consumer, server, show)
            closed, blocks = _watch(settings, log, plan.seconds, consumer, show)
            figures = _write(plan.folder, len(log.lines), closed, blocks)
            linger(Played(figures, url, server.check if server else lambda: None))
        finally:  # before the broker, which they would wait for
            for child in filter(None, (server, consumer)):
                child.end()


def _start(settings: Settings, folder: Path, consumer: Child, server: Child | None, show: Show) -> str | None:
    """Topics, daemon and page; return the page's URL."""
    show.say("creating the topics")
    create_topics(new_admin(settings), settings)
    show.say("starting the daemon")
    metrics = consume(consumer, settings)
    if server is None:
        return None
    show.say("starting the page")
    url = serve(server, settings, metrics, folder / "labels.csv")
    show.tell(f"the page is at {url}")
    return url


def _write(folder: Path, lines: int, closed: list[dict[str, Any]], blocks: BlockScores) -> dict[str, Any]:
    """Write scores and figures; return the figures."""
    _, scores, verdicts, labels = blocks.judged()
    found = {"blocks": len(scores), "lines": lines, **figures_of(scores, verdicts, labels)}
    with open_output(str(folder / "scores.csv")) as file:
        RowWriter(file).write(closed)
    with open_output(str(folder / "figures.json")) as file:
        file.write(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    return found


def _watch(
    settings: Settings, log: DemoLog, seconds: float, consumer: Child, show: Show
) -> tuple[list[dict[str, Any]], BlockScores]:
    """Play the log and follow the scores, until every block that has a label is closed; return the closed windows."""
    blocks = BlockScores(log.labels)
    closed: list[dict[str, Any]] = []
    with (
        Follower(settings, settings.scores_topic, True, show.say) as follower,
        playing(settings, log, seconds) as player,
    ):
        patience = time.monotonic() + _PATIENCE_S
        for batch in follower.batches():
            for message in batch:
                _take(parse_event(message.value()), blocks, closed, show)
            if batch or not player.done:
                patience = time.monotonic() + _PATIENCE_S
            _check(player, consumer, patience)
            if blocks.scores:
                show.progress(player.sent, log, blocks)
            if sum(score.closed for score in blocks.scores.values()) >= len(log.labels):
                break
    return closed, blocks


def _take(event: dict[str, Any], blocks: BlockScores, closed: list[dict[str, Any]], show: Show) -> None:
    is_closed = event["status"] == "closed"
    blocks.see(event["block_id"], event["score"], event["anomalous"], is_closed)
    if is_closed:
        closed.append(event)
    show.event(event)


def _check(player: Playing, consumer: Child, patience: float) -> None:
    consumer.check()
    if player.error:
        raise player.error
    if time.monotonic() > patience:
        raise BrokerError(f"the daemon has scored nothing for {_PATIENCE_S:.0f} s")
