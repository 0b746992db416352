"""docs/tutorial.md, run: each of its commands in its order, on a small simulated log that stands for the reader's own.

The model is trained for two steps and finds nothing, so what runs on Kafka scores with the PCA that the page has fitted
beside it.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
from docpages import ROOT, fenced, uncommented
from docshell import Shell, own_topics, shell, url_in, write_log

from stream.broker import EmbeddedBroker

PAGE = (ROOT / "docs" / "tutorial.md").read_text()
BLOCKS = [[uncommented(line) for line in block.splitlines()] for block in fenced(PAGE, "sh")]


def run_on_kafka(lines: list[str], opened: Shell) -> None:
    """The block of daemons, and the one behind it that sends the log; ends when an alarm has come out of ``tail``."""
    consume, tail, serve, produce = lines
    own = {"TINYLOGBERT_SCORER": "pca", "TINYLOGBERT_MAX_JUMP": "30d"}  # the page says why, of short logs
    opened.environment |= own
    daemon, alarms, server = (opened.start(line) for line in (consume, tail, serve))
    opened.saying(daemon, '"assigned"')
    opened.saying(alarms, "is empty yet")
    opened.saying(server, '"serving"')
    opened.run(produce)
    opened.saying(alarms, '"anomalous":true')
    assert httpx.get(f"{url_in(server)}/health/ready", trust_env=False).status_code == 200
    assert opened.end() == {consume: 0, tail: 130, serve: 0}
    opened.environment = {name: value for name, value in opened.environment.items() if name not in own}


def test_the_page_has_the_whole_way() -> None:
    said = " ".join(line for block in BLOCKS for line in block)
    judged = ("parse", "train", "score", "evaluate", "compare")
    for command in (*judged, "broker start", "topics create", "consume", "tail", "serve", "produce"):
        assert re.search(rf"\btinylogbert {command}\b", said), command


def test_every_command_does_what_the_page_says(embedded_broker: EmbeddedBroker, tmp_path: Path) -> None:
    environment = own_topics()
    [daemons] = [number for number, block in enumerate(BLOCKS) if block[0].startswith("tinylogbert consume")]
    printed: dict[str, str] = {}
    with shell(tmp_path, embedded_broker.data_dir, environment) as opened:
        for line in BLOCKS[0]:
            printed[line] = opened.run(line.replace("5000", "50"))
        write_log(tmp_path / "your.log", tmp_path / "labels.csv", 300)  # who has a log does not need that one
        for block in BLOCKS[1:daemons]:
            printed |= {line: opened.run(line) for line in block}
        run_on_kafka([*BLOCKS[daemons], *BLOCKS[daemons + 1]], opened)
        opened.environment["TRAINING"] = "--detector pca"  # it was trained once
        for block in BLOCKS[daemons + 2 :]:
            for line in block:
                printed[line] = opened.run(line.replace("hdfs.raw", environment["TINYLOGBERT_RAW_TOPIC"]))
    _is_as_said(printed, tmp_path)


def _is_as_said(printed: dict[str, str], folder: Path) -> None:
    def of(found: Callable[[str], bool]) -> str:
        return next(out for line, out in printed.items() if found(line))

    assert of(lambda line: line == "tinylogbert parse your.log").count("blk_") == 3
    judged = json.loads(of(lambda line: line.startswith("python3 -m json.tool")))
    began_later = (folder / "later.csv").read_text().count("\n") - 1
    assert 0 < judged["windows"] == began_later < 200
    worst = judged["worst"][0]
    raw_lines = of(lambda line: line.startswith("grep ")).splitlines()
    assert len(raw_lines) == worst["lines"]
    beside = json.loads(of(lambda line: "--scorer pca" in line and "evaluate" in line))
    only_pca = [line for line in of(lambda line: line.startswith("comm ")).splitlines() if line.startswith("\t")]
    assert len(only_pca) == beside["alarms"]["windows"] > 0
    assert "TinyLogBERT" in of(lambda line: "compare" in line)
    assert (folder / "checkpoint" / "config.json").is_file()
