"""The long run: a log that goes on for ever, a daemon that is watched, figures and a graph of its memory."""

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

from bench.longrun.endless import endless
from bench.longrun.show import figures
from bench.longrun.watch import Sample
from bench.speed.log import simulated
from stream.lines import LineReader, block_ids

ROOT = Path(__file__).parents[1]


def test_a_sample_goes_on_later_and_with_blocks_of_its_own() -> None:
    sample = simulated(300)
    lines = list(islice(endless(sample, lambda given: True), 900))
    read = LineReader().read
    passes = [lines[start : start + 300] for start in (0, 300, 600)]
    blocks = [{block for raw in part for block in block_ids(raw)} for part in passes]
    times = [[read(raw).time for raw in part] for part in passes]
    assert [read(raw).text for raw in passes[0]] == [read(raw).text for raw in passes[2]]
    assert not blocks[0] & blocks[1]
    assert not blocks[1] & blocks[2]
    assert max(times[0]) < min(times[1])
    assert max(times[1]) < min(times[2])


def test_it_ends_when_nobody_waits_for_more() -> None:
    assert len(list(endless(simulated(300), lambda given: given < 2000))) == 2000


def test_growth_is_that_from_the_second_to_the_last_quarter() -> None:
    samples = [Sample(float(second), 1000 * second, 100.0 if second < 50 else 110.0) for second in range(101)]
    found = figures(samples)
    assert (found["lines"], found["lines_per_s"]) == (100_000, 1000)
    assert (found["mib_second_quarter"], found["mib_last_quarter"], found["growth"]) == (100.0, 110.0, 0.1)


def test_the_command_watches_a_real_daemon(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.longrun", "--lines", "30000", "--minutes", "1"]
    files = ["--png", str(tmp_path / "run.png"), "--json", str(tmp_path / "run.json")]
    done = subprocess.run([*command, *files], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads((tmp_path / "run.json").read_bytes())
    assert said["samples"][-1][1] >= 30_000
    assert said["samples"][-1][2] > 50
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")
    assert "mib_last_quarter" in done.stdout
