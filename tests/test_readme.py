"""README.md, run: every command of its blocks that is no ``make``, against the session's broker, and its Python.

What scores on Kafka is the PCA that ships beside TinyLogBERT, and trainings are PCA's: this is about commands, and
``test_tutorial.py`` trains TinyLogBERT.
"""

import json
import math
import re
from pathlib import Path

import httpx
import pytest
from docpages import ROOT, fenced, uncommented
from docshell import Shell, own_topics, shell, url_in, write_log
from pipeline import wait_until

from stream.broker import EmbeddedBroker
from stream.labels import read_labels

PAGE = (ROOT / "README.md").read_text()
BLOCKS = [[line for text in block.splitlines() if (line := uncommented(text))] for block in fenced(PAGE, "")]
PROGRAMS, SHOWN = {"make", "tinylogbert", "curl", "export"}, {"TIME", "stream/"}
"""First words of blocks with commands, and of those that show an output or the tree."""


def commands() -> list[list[str]]:
    """The blocks of commands, without what makes the program."""
    wanted = [[line for line in block if not line.startswith("make ")] for block in BLOCKS]
    return [block for block in wanted if block and block[0].split()[0] in PROGRAMS]


class Reader:
    """Who runs the lines; knows which run until they are ended, and when such a one is at work."""

    def __init__(self, opened: Shell) -> None:
        self._opened = opened
        self._url = ""
        self.printed: dict[str, str] = {}

    def run(self, line: str) -> None:
        """Run a line to its end, or start it and wait until it works."""
        local = line.replace("http://localhost:8080", self._url).replace("localhost:8080", self._url)
        local = local.replace("hdfs.raw", self._opened.environment["TINYLOGBERT_RAW_TOPIC"])
        if line.startswith("tinylogbert consume"):
            self._opened.saying(self._opened.start(local), '"assigned"')
        elif line.startswith("tinylogbert tail"):
            self._opened.saying(self._opened.start(local), "nothing new in ", " is empty yet", '"anomalous":true')
        elif line.startswith("tinylogbert serve"):
            self._opened.saying(log := self._opened.start(local), '"serving"')
            self._url = url_in(log)
        elif line.endswith("/events"):
            self._opened.start(local)
            wait_until(lambda: "tinylogbert_http_streams 1.0" in self._metrics(), "the stream is open")
        else:
            self.printed[line] = self._opened.run(local)

    def _metrics(self) -> str:
        return httpx.get(f"{self._url}/metrics", trust_env=False).text

    def end(self) -> None:
        """End what runs with Ctrl-C, as whoever goes on to the next chapter."""
        for line, code in self._opened.end().items():
            wanted = {0} if "consume" in line or "serve" in line else {130} if "tail" in line else {-2, 130}
            assert code in wanted, line


def test_no_block_is_passed_over() -> None:
    assert {block[0].split()[0].split("/")[0] for block in BLOCKS} <= PROGRAMS | {word.rstrip("/") for word in SHOWN}
    assert {"broker", "topics", "consume", "produce", "tail", "replay", "train", "score", "serve"} <= {
        word for block in commands() for line in block for word in re.findall(r"tinylogbert (\w+)", line)
    }


def test_every_command_runs(embedded_broker: EmbeddedBroker, tmp_path: Path) -> None:
    write_log(tmp_path / "hdfs.log", tmp_path / "other.csv", 60)
    write_log(tmp_path / "hdfs.log.gz", tmp_path / "labels.csv", 250)
    write_log(tmp_path / "your.log.gz", tmp_path / "other.csv", 250, hours=0.3)  # 5/hour is a share that can be kept
    environment = {
        **own_topics(),
        "TINYLOGBERT_SCORER": "pca",
        "TINYLOGBERT_QUIET_AFTER": "2s",
        "TRAINING": "--detector pca",
    }
    environment["TINYLOGBERT_BOOTSTRAP_SERVERS"] = embedded_broker.status().bootstrap_servers or ""
    with shell(tmp_path, embedded_broker.data_dir, environment) as opened:
        reader = Reader(opened)
        for block in commands():
            for line in block:
                reader.run(line)
            reader.end()
    replayed = json.loads(next(out for line, out in reader.printed.items() if "replay --topic" in line))
    assert replayed["anomalous"] + replayed["normal"] == len(read_labels(tmp_path / "labels.csv"))
    assert replayed["roc_auc"] > 0.95
    scored = next(out for line, out in reader.printed.items() if "grep ,true," in line)
    assert scored.count("\n") >= 5
    events = next(out for line, out in reader.printed.items() if "/score" in line)
    assert events.count("block_id") >= 50


@pytest.mark.parametrize("block", list(fenced(PAGE, "python")))
def test_its_python_runs(block: str) -> None:
    *_, last = block.strip().splitlines()
    names: dict[str, object] = {}
    for line in block.strip().splitlines():
        exec(line, names)
        if line.startswith("get_anomaly_score"):
            assert math.isfinite(eval(line, names))
    assert eval(last, names) == 1.0
    assert re.search(r"# ROC-AUC$", last)


@pytest.mark.parametrize("block", list(fenced(PAGE, "json")))
def test_its_event_has_the_fields_of_events(block: str) -> None:
    from test_show import event

    shown = json.loads(block)
    assert shown.keys() == event().keys() | {"grades"}
