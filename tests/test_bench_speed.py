"""The measure of speed: its arithmetic, its lines, one short run on a real broker, and that nothing stays behind."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from pipeline import wait_until
from rich.console import Console

from bench.speed.__main__ import main as bench_speed
from bench.speed.contestants import Place
from bench.speed.figures import Figure, compared
from bench.speed.latency import LINES_A_BLOCK, Steady, blocks_of
from bench.speed.log import laid_over, simulated, stream_lines
from bench.speed.moving import figures, measure, preload
from bench.speed.packages import Missing, installed
from bench.speed.rows import latency_figures
from bench.speed.run import Limits, Run, Watched, with_totals
from bench.speed.show import table
from bench.speed.watch import Family, Look
from stream.broker import EmbeddedBroker
from stream.errors import BrokerError, InputError
from stream.lines import LineReader, block_ids
from stream.settings import load_settings

LINES = [
    (b"blk_1", b"081109 203518 143 INFO dfs.DataNode: Receiving block blk_1 src: /10.0.0.1:1 dest: /10.0.0.2:2"),
    (b"blk_1", b"081109 203519 143 INFO dfs.DataNode: Received block blk_1 of size 91 from /10.0.0.1"),
    (b"blk_-2", b"081109 235959 144 INFO dfs.DataNode: Receiving block blk_-2 src: /10.0.0.1:1 dest: /10.0.0.2:2"),
]
NOOP = Figure("moved", "noop", "lines/s", [100.0, 300.0, 200.0])


def test_a_ratio_is_that_of_the_medians() -> None:
    ours = Figure("moved", "keyed", "lines/s", [90.0, 110.0, 1000.0], "noop", goal=0.5)
    base, row = compared([NOOP, ours])
    assert (base.figure.median, base.ratio, base.reached) == (200.0, None, None)
    assert (row.figure.median, row.ratio, row.reached) == (110.0, 0.55, True)
    assert compared([NOOP, replace(ours, goal=0.56)])[1].reached is False


def test_a_median_is_held_against_a_goal_that_it_may_not_exceed() -> None:
    start = Figure("start", "keyed", "s", [4.0, 6.0, 5.5], goal=5.0, least=False)
    assert compared([start])[0].reached is False
    assert compared([replace(start, values=[4.0, 6.0, 5.0])])[0].reached is True


def test_there_is_no_ratio_and_no_verdict_where_what_it_is_held_against_was_not_measured() -> None:
    alone = Figure("moved", "keyed", "lines/s", [90.0], "noop", goal=0.5)
    elsewhere = replace(NOOP, section="processor time")
    assert [(row.ratio, row.reached) for row in compared([alone, elsewhere])] == [(None, None), (None, None)]


def test_the_table_has_a_row_a_figure_with_spread_ratio_and_verdict() -> None:
    ours = Figure("moved", "keyed", "lines/s", [12_345.6, 45.678, 110.0], "noop", goal=0.5)
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table(compared([NOOP, ours, Figure("start", "keyed", "s", [4.5], goal=5.0, least=False)]), "title"))
    rows = [line.replace("│", " ").split() for line in console.export_text().splitlines() if "│" in line]
    assert rows == [
        ["moved"],
        ["noop", "200", "100", "300", "lines/s"],
        ["keyed", "110", "45.7", "12,346", "lines/s", "0.550", "≥", "0.5", "reached"],
        ["start"],
        ["keyed", "4.50", "4.50", "4.50", "s", "≤", "5", "reached"],
    ]


def test_json_says_values_medians_ratios_and_goals() -> None:
    ours = Figure("moved", "keyed", "lines/s", [50.0, 70.0, 60.0], "noop", goal=0.5)
    plain = json.loads(json.dumps([row.plain() for row in compared([NOOP, ours])]))
    assert plain[0].keys() == {"section", "name", "unit", "values", "median", "of", "ratio"}
    assert plain[1]["values"] == [50.0, 70.0, 60.0]
    assert (plain[1]["median"], plain[1]["ratio"], plain[1]["goal"], plain[1]["reached"]) == (60.0, 0.3, 0.5, False)


def looked(*commits: tuple[float, int, int]) -> Watched:
    """Looks at these times, with so many lines read and done; a line is 2 ms of processor time and 1 ms of Kafka's."""
    watched = Watched(1000, Limits(warm_up=100, seconds=10.0))
    for when, read, done in commits:
        watched.add(Look(when, read, done, 0, own_cpu_s=done * 0.002, broker_cpu_s=done * 0.001, resident=2**20 * read))
    return watched


def test_time_begins_with_the_first_commit_behind_the_warm_up_and_ends_with_the_last_line() -> None:
    watched = looked((5.0, 0, 0), (6.0, 90, 90), (7.0, 200, 200), (8.0, 200, 200), (9.0, 600, 600), (11.0, 1000, 1000))
    assert watched.over
    run = watched.result()
    assert (run.lines, run.seconds, run.lines_per_s) == (800, 4.0, 200.0)
    assert (round(run.own_us), round(run.broker_us), run.peak_mib) == (2000, 1000, 1000.0)


def test_time_begins_when_all_workers_take_part() -> None:
    watched = Watched(1000, Limits(warm_up=100, seconds=10.0))
    for when, done, together in [(5.0, 0, False), (6.0, 300, False), (7.0, 400, True), (8.0, 800, True)]:
        watched.add(Look(when, done, done, 0, 0.0, 0.0, 0, together))
    assert watched.result().lines_per_s == 400.0


def test_workers_that_never_all_take_part_are_no_figure() -> None:
    watched = Watched(1000, Limits(warm_up=100, seconds=10.0))
    for when, done in [(5.0, 0), (6.0, 500), (7.0, 1000)]:
        watched.add(Look(when, done, done, 0, 0.0, 0.0, 0, together=False))
    assert watched.over
    with pytest.raises(BrokerError, match="before each worker had partitions"):
        watched.result()


def test_what_the_first_of_two_stages_did_before_the_time_began_is_not_counted_and_all_has_to_be_done() -> None:
    watched = looked((6.0, 300, 0), (30.0, 1000, 100))
    assert not watched.over  # though the time is over: the second stage is behind
    watched.add(Look(41.0, 1000, 1000, 0, 2.0, 1.0, 0))
    assert watched.over
    assert watched.result().lines_per_s == pytest.approx(700 / 35)


def test_time_ends_with_the_last_event_where_windows_are_judged_after_the_last_line() -> None:
    watched = Watched(1000, Limits(100, 10.0), still=1.5)
    for when, done, later in [(5.0, 0, 0), (6.0, 500, 0), (7.0, 1000, 20), (8.0, 1000, 90), (8.5, 1000, 90)]:
        watched.add(Look(when, done, done, later, min(when, 8.0), 0.0, 0))
        assert not watched.over
    watched.add(Look(9.6, 1000, 1000, 90, 8.0, 0.0, 0))
    assert watched.over
    assert watched.result().seconds == 2.0


def test_windows_that_become_quiet_one_by_one_behind_the_last_line_are_no_work() -> None:
    watched = Watched(1000, Limits(100, 10.0), still=1.5)
    for when, done, later in [(5.0, 0, 0), (6.0, 500, 0), (7.0, 1000, 20), (8.0, 1000, 21), (9.0, 1000, 22)]:
        watched.add(Look(when, done, done, later, min(when, 7.0), 0.0, 0))
    assert watched.over
    assert watched.result().seconds == 1.0


def test_whoever_works_is_not_at_its_end_though_nothing_is_committed() -> None:
    watched = Watched(1000, Limits(100, 10.0), still=1.5)
    for when, cpu in [(5.0, 0.0), (6.0, 0.5), (7.0, 1.0), (8.0, 1.5), (9.0, 1.55), (9.4, 1.56)]:
        done = 500 if when < 6 else 1000
        watched.add(Look(when, done, done, 0, cpu, 0.0, 0))
        assert not watched.over
    watched.add(Look(9.6, 1000, 1000, 0, 1.57, 0.0, 0))
    assert watched.over
    assert watched.result().seconds == 1.0


def test_a_child_that_has_ended_is_forgotten_and_its_parent_is_missed() -> None:
    program = "import subprocess as s, sys; p = s.Popen(['sleep', '60']); print(flush=True); p.wait(); sys.stdin.read()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe) as head:
        assert head.stdout is not None
        head.stdout.readline()
        family = Family(psutil.Process(head.pid))
        both = family.use()[1]
        [child] = psutil.Process(head.pid).children()
        child.kill()
        wait_until(lambda: not psutil.pid_exists(child.pid), "it has ended")
        assert 0 < family.use()[1] < both
        head.kill()
    with pytest.raises(psutil.Error):
        family.use()


def test_control_records_behind_the_last_line_are_no_work() -> None:
    watched = Watched(1000, Limits(100, 10.0), still=1.5)
    for when, done in [(5.0, 0), (6.0, 500), (7.0, 1000), (8.0, 1004), (9.0, 1008)]:
        watched.add(Look(when, done, done, 0, 0.0, 0.0, 0))
    assert watched.over
    assert watched.result().seconds == 1.0


def test_one_stage_is_stopped_at_the_first_commit_after_its_time() -> None:
    assert not looked((6.0, 100, 100), (15.9, 200, 200)).over
    assert looked((6.0, 100, 100), (15.9, 200, 200), (16.5, 300, 300)).over


def test_one_commit_is_no_rate() -> None:
    with pytest.raises(BrokerError, match="1,000 lines are too few"):
        looked((6.0, 1000, 1000)).result()


def test_a_contestant_that_commits_nothing_is_not_waited_for_for_ever() -> None:
    with pytest.raises(BrokerError, match="after 300 lines, nothing was committed for 120 s"):
        looked((6.0, 300, 300), (127.0, 300, 300))
    with pytest.raises(BrokerError, match="after 0 lines"):
        looked((6.0, 0, 0), (127.0, 0, 0))


def test_of_ours_the_log_says_how_much_was_published_and_remembered(tmp_path: Path) -> None:
    log = tmp_path / "daemon.log"
    log.write_text('{"event": "started"}\n{"event": "ended", "lines": 2000, "scored": 90, "remembered": 0.8}\nbye\n')
    run = looked((6.0, 100, 100), (7.0, 1000, 1000)).result()
    assert with_totals(run, log) == replace(run, published=45.0, remembered=0.8)
    log.write_text('{"event": "started"}\n')
    assert with_totals(run, log) == run


def test_a_log_is_laid_over_itself_in_the_order_of_time_with_blocks_of_its_own() -> None:
    lines = list(laid_over(LINES, 10))
    read = LineReader().read
    assert len(lines) == 10
    times = [read(raw).time for _, raw in lines]
    assert times == sorted(times)
    assert all(block_ids(raw) == [block] for block, raw in lines)
    assert Counter(Counter(block for block, _ in lines).values())[2] >= 3  # blocks of two lines stay blocks of two
    assert {read(raw).text for _, raw in lines} == {read(raw).text for _, raw in LINES}
    assert list(laid_over(LINES, 3)) == LINES
    assert list(laid_over(LINES, 10)) == lines


def test_a_log_that_cannot_be_laid_over_itself_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "empty.log"
    log.write_bytes(b"081109 203518 no block\n081109 203518 two blk_1 blk_2\n")
    with pytest.raises(InputError, match="names one block alone"):
        next(stream_lines(10, log))
    with pytest.raises(InputError, match="YYMMDD"):
        list(laid_over([(b"blk_1", b"2008-11-09 20:35:18 blk_1")], 2))


def test_simulated_lines_name_one_block_each() -> None:
    lines = simulated(500)
    assert len(lines) == 500
    assert all(block_ids(raw) == [block] for block, raw in lines)


def test_each_block_of_the_latency_makes_the_one_before_it_due() -> None:
    blocks = blocks_of(simulated(3000), 20)
    times = [{LineReader().read(raw).time for _, raw in lines} for lines in blocks]
    assert [len(lines) for lines in blocks] == [LINES_A_BLOCK] * 20
    assert [len(each) for each in times] == [1] * 20
    steps = {min(later) - min(earlier) for earlier, later in pairwise(times)}
    assert steps == {31_000}
    assert min(steps) > load_settings().quiet_after


def test_latency_is_the_median_of_each_rounds_percentile() -> None:
    rounds = [Steady(4.0, [float(n) for n in range(101)]), Steady(6.0, [200.0]), Steady(4.5, [20.0])]
    found = {
        (row.figure.section.split()[1], row.figure.name): row for row in compared(latency_figures({"keyed": rounds}))
    }
    assert found["a", "keyed p50"].figure.median == 50.0
    assert found["a", "keyed p99"].figure.median == 99.0
    assert (found["the", "keyed"].figure.median, found["the", "keyed"].reached) == (4.5, True)


def test_a_package_that_cannot_be_installed_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="cannot be installed") as missing:
        installed("-no name-==1", tmp_path)
    assert "\n" not in str(missing.value)


def test_a_package_is_installed_once(tmp_path: Path) -> None:
    (tmp_path / "some-1.0").mkdir()
    (tmp_path / "some-1.0" / ".done").touch()
    assert installed("some==1.0", tmp_path) == tmp_path / "some-1.0"


def test_names_are_those_of_the_help() -> None:
    done = CliRunner().invoke(bench_speed, ["--only", "noop,fastest"])
    assert done.exit_code == 2
    assert "'fastest' is none of noop, noop-default, noop-transactions, quixstreams, keyed, any-key" in done.output
    assert "python -m bench.speed --only noop,keyed" in CliRunner().invoke(bench_speed, ["--help"]).output


def test_two_contestants_move_the_lines_of_one_topic(embedded_broker: EmbeddedBroker, tmp_path: Path) -> None:
    status = embedded_broker.status()
    assert status.bootstrap_servers is not None
    topic = f"input-{uuid.uuid4().hex[:8]}"
    base = load_settings(bootstrap_servers=status.bootstrap_servers, raw_topic=topic, partitions=2, keyed_input=True)
    preload(base, laid_over(LINES, 300_000), 300_000)
    place = Place(base, "", 300_000, tmp_path, commit_s=0.02)
    heard: list[str] = []
    runs: dict[str, list[Run]] = {"noop": [], "noop-transactions": []}
    measure(place, 1, Limits(5_000, 10.0), psutil.Process(status.pid), heard.append, runs)
    found = {(row.figure.section, row.figure.name): row for row in compared(figures(runs))}
    assert len(found) == 2 * 4  # lines, processor time of both and of its own, memory
    assert all(value > 0 for row in found.values() for value in row.figure.values)
    ratio = found["lines moved", "noop-transactions"].ratio
    assert ratio is not None
    assert 0.01 < ratio < 100
    assert [text.partition(":")[0] for text in heard] == ["round 1 of 1, noop", "round 1 of 1, noop-transactions"]


def test_what_has_a_goal_is_held_against_the_loop_with_the_clients_own_settings_too() -> None:
    runs = {
        name: [Run(1_000, 1.0, rate, 2.0, 1.0, 100.0)]
        for name, rate in (("noop", 800.0), ("noop-default", 200.0), ("keyed", 100.0))
    }
    found = {(row.figure.section, row.figure.name): row for row in compared(figures(runs))}
    tuned = found["lines moved", "keyed"]
    plain = found["lines moved, beside the loop with the client's own settings", "keyed"]
    assert (tuned.ratio, tuned.reached) == (0.125, False)
    assert (plain.ratio, plain.reached) == (0.5, True)
    assert ("lines moved, beside the loop with the client's own settings", "noop") not in found


def living(pid: int) -> list[psutil.Process]:
    """The children of a process that are no zombies, with theirs."""
    children = psutil.Process(pid).children(recursive=True)
    return [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_ctrl_c_leaves_no_process_and_no_file_behind_and_shows_what_was_measured(tmp_path: Path) -> None:
    few = ["--rounds", "100", "--lines", "400000", "--commit-s", "0.05"]
    command = [sys.executable, "-m", "bench.speed", "--only", "noop", *few]
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    root = Path(__file__).parents[1]
    told = tmp_path / "stderr"
    with (
        told.open("wb") as stderr,
        subprocess.Popen(command, cwd=root, env=environ, stdout=subprocess.PIPE, stderr=stderr) as bench,
    ):
        deadline = time.monotonic() + 60
        while b"round 1 of 100" not in told.read_bytes() or len(running := living(bench.pid)) < 2:
            assert bench.poll() is None, told.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert len(running) == 2  # the broker, and who moves lines
        bench.send_signal(signal.SIGINT)
        shown, _ = bench.communicate(timeout=60)
    assert bench.returncode != 0
    assert b"lines moved" in shown
    assert not psutil.wait_procs(running, timeout=10)[1]
    assert not list(tmp_path.glob("tinylogbert-speed-*"))
