"""The order of the demo: broker, topics, daemon, a stream with failures in it, its alarms, and figures at the end."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from stream.demo.log import DemoLog, write_log
from stream.demo.parts import Daemon, Playing, broker, daemon, playing
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
from training.evaluate import figures

_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to play: ``seconds`` is how long the stream takes, ``folder`` holds all that is left afterwards."""

    folder: Path
    blocks: int
    seed: int
    seconds: float
    checkpoint: Path | None


def play(plan: Plan, show: Show) -> dict[str, Any]:
    """Play it all and return the figures; nothing runs afterwards. Raises UserError."""
    show.say("simulating a log with failures in it")
    quiet = Settings()
    log = write_log(plan.folder, plan.blocks, plan.seed, quiet.close_after + quiet.lateness)
    with (
        daemon(plan.folder / "daemon.log", plan.checkpoint) as consumer,
        broker(plan.folder / "broker", show.say) as address,
    ):
        settings = Settings(bootstrap_servers=address, group_id="demo", worker_id="demo", partitions=2, idle_after=500)
        show.say("creating the topics")
        create_topics(new_admin(settings), settings)
        show.say("starting the daemon")
        consumer.consume(settings)
        closed, blocks = _watch(settings, log, plan.seconds, consumer, show)
        consumer.end()
    _, scores, verdicts, labels = blocks.judged()
    found = {"blocks": len(scores), "lines": len(log.lines), **figures(scores, verdicts, labels)}
    with open_output(str(plan.folder / "scores.csv")) as file:
        RowWriter(file).write(closed)
    with open_output(str(plan.folder / "figures.json")) as file:
        file.write(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    return found


def _watch(
    settings: Settings, log: DemoLog, seconds: float, consumer: Daemon, show: Show
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


def _check(player: Playing, consumer: Daemon, patience: float) -> None:
    consumer.check()
    if player.error:
        raise player.error
    if time.monotonic() > patience:
        raise BrokerError(f"the daemon has scored nothing for {_PATIENCE_S:.0f} s")
