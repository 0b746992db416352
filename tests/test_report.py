"""The report of a replay: one page that needs nothing else, the worst mistakes, and what is needed to get the same."""

import hashlib
import json
import re
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from command import Command
from tiny_checkpoint import write_tiny_checkpoint

from stream.errors import InputError
from stream.scoring import Score, Surprise
from stream.simulator import simulate
from stream.windows.window import Reason, Window
from training.blockscores import Judged
from training.evaluate import figures
from training.mistakes import worst_mistakes
from training.page import page
from training.provenance import SEED, checkpoint_checksums, file_checksum, provenance

HOSTILE = "<script>alert(1)</script> & <block>"


class Explains:
    checkpoint, material = "explains", 1.0

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        return [Score(0.0, 1.0, False, "normal") for _ in windows]

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        return [Surprise(len(window) - 1, 2.5, ("rather <this>",))]


def window(block: str, *texts: str) -> Window:
    return Window(block, 1, Reason.SILENCE, texts, tuple(range(0, 1000 * len(texts), 1000)), tuple(range(len(texts))))


def judged(scores: Sequence[float], verdicts: str, labels: str) -> Judged:
    names = tuple(f"blk_{i}" for i in range(len(scores)))
    said, truth = (np.array([char == "x" for char in text]) for text in (verdicts, labels))
    return Judged(names, np.array(scores, float), said, truth)


# ── mistakes ──


def test_the_worst_mistakes_are_those_that_most_of_the_other_class_outdoes() -> None:
    found = judged([9, 3, 2, 1, 5, 4, 2.5, -1], "xx..x..x", "..xx.xxx")
    windows = {block: [window(block, f"line of {block}")] for block in found.blocks}
    mistakes = worst_mistakes(found, windows, Explains())
    # Failed blocks score 2, 1, 4, 2.5, -1 (the last was found), normal ones 9, 3, 5.
    assert [(m.block, m.anomalous, m.badness) for m in mistakes] == [
        ("blk_0", False, 1.0),
        ("blk_2", True, 1.0),
        ("blk_3", True, 1.0),
        ("blk_4", False, 1.0),
        ("blk_6", True, 1.0),
        ("blk_1", False, 0.8),
        ("blk_5", True, 2 / 3),
    ]
    assert mistakes[0].surprises == [Surprise(0, 2.5, ("rather <this>",))]


def test_equal_contents_are_one_mistake_and_there_are_no_more_than_twenty() -> None:
    found = judged([5.0] * 60 + [9.0], "x" * 61, "." * 60 + "x")
    windows = {block: [window(block, f"kind {i % 30}")] for i, block in enumerate(found.blocks)}
    mistakes = worst_mistakes(found, windows, Explains())
    assert len(mistakes) == 20
    assert {m.alike for m in mistakes} == {2}


def test_of_a_block_in_parts_the_longest_window_is_shown() -> None:
    found = judged([1.0, 2.0], "x.", "..")
    windows = {"blk_0": [window("blk_0", "a"), window("blk_0", "b", "c")]}
    assert worst_mistakes(found, windows, Explains())[0].window.texts == ("b", "c")


# ── the page ──


class Parsed(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_whatever_a_line_holds_it_is_text_on_the_page(tmp_path: Path) -> None:
    found = judged([9.0, 1.0, 2.0], "x..", "..x")
    windows = {block: [window(block, HOSTILE, *["more"] * 100, HOSTILE)] for block in found.blocks}
    mistakes = worst_mistakes(found, windows, Explains())
    run = provenance(["replay", HOSTILE], [], {HOSTILE: "1"})
    told = page(figures(*found[1:]), [], mistakes, run)
    parsed = Parsed(told)
    assert parsed.open == []
    assert "script" not in parsed.tags
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;block&gt;" in told
    assert "← +2.50; rather: rather &lt;this&gt;" in told
    assert "… 41 more lines" in told
    assert told.count("<details open>") == 2  # of two mistakes


def test_one_class_alone_has_a_page_with_nothing_where_nothing_can_be_said() -> None:
    told = page(figures(np.array([1.0]), np.array([False]), np.array([False])), [], [], None)
    assert "<td>ROC-AUC</td><td class=n>–</td>" in told
    assert Parsed(told).open == []


# ── provenance ──


def test_passwords_stay_out_of_the_command() -> None:
    asked = ["replay", "--kafka", "sasl.password=secret", "--kafka=ssl.key.password=secret", "--topic", "a b"]
    run = provenance(asked, [], {})
    assert run.command == "tinylogbert replay --kafka sasl.password=… --kafka=ssl.key.password=… --topic 'a b'".replace(
        "sasl.password=…", "'sasl.password=…'"
    ).replace("--kafka=ssl.key.password=…", "'--kafka=ssl.key.password=…'")
    assert "secret" not in json.dumps(run.as_json())


def test_checksums_are_sha_256_of_what_was_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    expected = hashlib.sha256(b"abc").hexdigest()
    run = provenance([], [tmp_path / "a"], checkpoint_checksums(tmp_path, ["a", "b"]))
    assert run.checksums == {str(tmp_path / "a"): expected, "checkpoint a": expected}
    assert run.as_json()["seed"] == SEED
    assert {"python", "tinylogbert", "torch", "numpy"} <= set(run.versions)
    with pytest.raises(InputError, match=r"cannot read .*none: No such file"):
        file_checksum(tmp_path / "none")


# ── the command ──


def test_a_report_can_be_got_again_to_the_last_byte_and_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    chunks = list(simulate(60, 0.2, seed=11).chunks())
    (tmp_path / "hdfs.log").write_bytes(b"".join(raw + b"\n" for chunk in chunks for raw in chunk.lines))
    rows = [f"{one.block_id},{int(one.anomalous)}\n" for chunk in chunks for one in chunk.labels]
    (tmp_path / "labels.csv").write_text("BlockId,Label\n" + "".join(rows))
    write_tiny_checkpoint(tmp_path / "tiny")
    arguments = ["replay", "hdfs.log", "--labels", "labels.csv", "--checkpoint", "tiny", "--report", "report"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tinylogbert", *arguments])
    told, files = [], []
    for _ in range(2):
        ran = Command(capsysbinary)(*arguments)
        assert ran.code == 0, ran.err
        told.append(json.loads(ran.out))
        files.append({path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()})
    curves = {"scores.png", "roc.png", "pr.png", "running.png", "delay.png"}
    pictures = {*curves, "p_values.png", "p_histogram.png", "tsne.png"}
    assert set(files[0]) == {*pictures, "report.json", "report.html"}
    assert files[0] == files[1]
    found = json.loads(files[0]["report.json"])
    run = found.pop("run")
    assert found == told[0] == told[1]
    assert run["command"] == "tinylogbert " + " ".join(arguments)
    log = (tmp_path / "hdfs.log").read_bytes()
    assert run["sha256"]["hdfs.log"] == run["sha256"]["lines as they were read"] == hashlib.sha256(log).hexdigest()
    assert {"labels.csv", "checkpoint model.safetensors", "checkpoint calibration.json"} <= set(run["sha256"])
    told_page = files[0]["report.html"].decode()
    parsed = Parsed(told_page)
    assert len(parsed.sources) == len(pictures)
    assert all(source.startswith("data:image/png;base64,") for source in parsed.sources)
    assert not parsed.tags & {"script", "link", "iframe"}
    assert run["command"] in told_page
    mistakes = found["at_threshold"]["false_positives"] + found["at_threshold"]["false_negatives"]
    assert 0 < len(re.findall("<span class=kind>", told_page)) <= min(20, mistakes)
