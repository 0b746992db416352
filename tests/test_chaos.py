"""``python -m bench.chaos``, a short one: daemons and broker are killed, and what is published is what it should be.

What the comparison itself finds is shown beside it: a check that cannot fail would show nothing.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.chaos.compare import Event, none_twice, revisions_ascend, same, same_things

SAID = (1.5, 0.5, False, 3, "2008-11-09T20:00:00Z", "2008-11-09T20:00:10Z")
SHORT = ("--scorer=content", "--lines=20000", "--kills=6", "--freezes=0", "--broker-kills=1", "--joins=2", "--seed=2")
DEATHS = ("--kafka=session.timeout.ms=2000", "--kafka=transaction.timeout.ms=2000")


def event(revision: int, closed: bool = False, block: str = "blk_1") -> Event:
    return Event(block, 1, revision, closed, SAID)


def test_killed_at_random_moments_they_publish_what_an_undisturbed_daemon_does(tmp_path: Path) -> None:
    outcome = tmp_path / "outcome.json"
    command = [sys.executable, "-m", "bench.chaos", *SHORT, *DEATHS, "--folder", str(tmp_path), "--json", str(outcome)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(outcome.read_bytes())
    did = found["did"]
    assert found["ok"]
    names = ("daemons killed", "broker killed", "workers joined", "workers left")
    assert [did[name] for name in names] == [6, 1, 2, 2]
    assert did["windows"] > 1000
    assert all(check["count"] and not check["wrong"] for check in found["found"])


def test_a_window_that_is_missing_or_too_much_or_otherwise_is_found() -> None:
    wanted = {("blk_1", 1): SAID, ("blk_2", 1): SAID}
    windows, scores = same("a file", {("blk_1", 1): (9.5, *SAID[1:]), ("blk_3", 1): SAID}, wanted)
    assert [text.split(":")[0] for text in windows.wrong] == [
        "('blk_2', 1) is missing",
        "('blk_3', 1) should not be there",
    ]
    assert len(scores.wrong) == 1
    assert all(check.ok for check in same("a file", wanted, wanted))


@pytest.mark.parametrize(
    ("events", "wrong"),
    [
        ([event(1), event(2), event(3, closed=True)], 0),
        ([event(1), event(1, block="blk_2"), event(2)], 0),
        ([event(2), event(1)], 1),
        ([event(1), event(1)], 1),
        ([event(1), event(2, closed=True), event(3)], 1),
    ],
)
def test_a_revision_that_goes_back_or_comes_after_the_end_is_found(events: list[Event], wrong: int) -> None:
    assert len(revisions_ascend(events).wrong) == wrong


def test_what_is_there_twice_or_not_at_all_is_found() -> None:
    assert none_twice("keys", ["a", "b", "a"]).wrong == ("a: 2 times",)
    assert len(same_things("letters", ["a", "a", "c"], ["a", "b"]).wrong) == 3
    assert none_twice("keys", "ab").ok
    assert same_things("letters", "ab", "ba").ok
