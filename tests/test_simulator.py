"""What the simulator promises: real lines, real timing, named failures, the same bytes for the same seed."""

import csv
import gzip
import hashlib
import itertools
import os
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from stream.errors import UserError
from stream.lines import LineReader, block_ids
from stream.simulator import FAILURES, BlockLabel, Simulation, simulate

Bag = frozenset[tuple[str, int]]

NOT_IN_THE_SAMPLE = {
    "dfs.FSNamesystem: BLOCK* ask <address> to delete <block>": "FSNamesystem.java of HDFS 0.20 and all of HDFS_v1; "
    "none of the sample's blocks is named by one",
}


def bags(lines: Iterable[bytes]) -> dict[str, Bag]:
    """Multiset of masked lines of each block."""
    reader, counts = LineReader(), defaultdict[str, Counter[str]](Counter)
    for line in lines:
        for block in block_ids(line):
            counts[block.decode()][reader.read(line).text] += 1
    return {block: frozenset(count.items()) for block, count in counts.items()}


def times(lines: Iterable[bytes]) -> dict[bytes, list[int]]:
    """Seconds of each block's lines."""
    reader, found = LineReader(), defaultdict[bytes, list[int]](list)
    for line in lines:
        for block in block_ids(line):
            found[block].append(reader.read(line).time // 1000)
    return found


@pytest.fixture(scope="module")
def two_thousand() -> Simulation:
    return simulate(2000, seed=5)


@pytest.fixture(scope="module")
def real_lines(shared_data: Path) -> list[bytes]:
    with gzip.open(shared_data / "hdfs-1pct.log.gz") as file:
        return file.read().splitlines()


def digest(simulation: Simulation) -> str:
    return hashlib.sha256(b"\n".join(simulation.lines())).hexdigest()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert digest(simulate(300, seed=1)) == digest(simulate(300, seed=1)) != digest(simulate(300, seed=2))


def test_bytes_do_not_depend_on_pythons_hash_seed() -> None:
    code = (
        "import hashlib; from stream.simulator import simulate;"
        "print(hashlib.sha256(b'\\n'.join(simulate(200, 0.5, 9).lines())).hexdigest())"
    )
    found = {
        subprocess.check_output([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, text=True)
        for seed in ("1", "2")
    }
    assert found == {digest(simulate(200, 0.5, 9)) + "\n"}


def test_a_simulation_can_be_read_again_and_in_parallel(two_thousand: Simulation) -> None:
    assert all(one == other for one, other in zip(two_thousand.lines(), two_thousand.lines(), strict=True))


def test_lines_come_in_order_of_time(two_thousand: Simulation) -> None:
    reader = LineReader()
    stamps = [reader.read(line).time for line in two_thousand.lines()]
    assert stamps == sorted(stamps)


def test_lines_have_no_newline_and_every_one_names_a_block(two_thousand: Simulation) -> None:
    assert all(block_ids(line) and b"\n" not in line for line in two_thousand.lines())


def test_every_block_is_labelled_once_in_order_of_appearance(two_thousand: Simulation) -> None:
    seen = dict.fromkeys(block.decode() for line in two_thousand.lines() for block in block_ids(line))
    assert [label.block_id for label in two_thousand.labels()] == list(seen)


def test_labels_come_with_the_chunk_that_holds_their_first_line(two_thousand: Simulation) -> None:
    seen: set[bytes] = set()
    for chunk in two_thousand.chunks():
        new = dict.fromkeys(block for line in chunk.lines for block in block_ids(line) if block not in seen)
        assert [label.block_id.encode() for label in chunk.labels] == list(new)
        seen.update(new)


@pytest.mark.parametrize(("rate", "expected"), [(0, 0), (0.03, 60), (0.5, 1000), (1, 2000)])
def test_the_rate_is_kept_exactly(rate: float, expected: int) -> None:
    assert sum(label.anomalous for label in simulate(2000, rate).labels()) == expected


def test_a_label_names_the_failure_of_an_anomalous_block_only(two_thousand: Simulation) -> None:
    assert {(label.anomalous, label.failure in FAILURES) for label in two_thousand.labels()} == {
        (False, False),
        (True, True),
    }


def test_there_are_at_least_eight_failures_each_with_a_sentence() -> None:
    assert len(FAILURES) >= 8
    assert all(failure.description.endswith(".") for failure in FAILURES.values())


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_changes_what_is_written_about_its_block(name: str) -> None:
    healthy = bags(simulate(150, 0, seed=3).lines())
    failing = simulate(150, 1, seed=3, failures=[name])
    assert set(failing.labels()) == {BlockLabel(block, True, name) for block in healthy}
    changed = bags(failing.lines())
    assert all(changed[block] != healthy[block] for block in healthy)
    assert not set(changed.values()) & set(healthy.values())


def test_only_the_chosen_failures_happen() -> None:
    chosen = ["lost_write", "stale_replica"]
    found = {label.failure for label in simulate(400, 0.5, failures=chosen).labels()}
    assert found == {None, *chosen}


def test_a_healthy_block_is_written_the_same_whatever_the_rate() -> None:
    healthy = bags(simulate(150, 0, seed=3).lines())
    mixed = simulate(150, 0.5, seed=3)
    after = bags(line for line in mixed.lines() if b" to delete " not in line)
    assert all(after[label.block_id] == healthy[label.block_id] for label in mixed.labels() if not label.anomalous)


def test_some_orders_name_several_blocks() -> None:
    named = [len(block_ids(line)) for line in simulate(5000).lines() if b" to delete blk" in line]
    assert named
    assert min(named) >= 2


def test_lives_last_for_hours_with_long_silences(two_thousand: Simulation) -> None:
    lives = times(two_thousand.lines()).values()
    silences = [max((b - a for a, b in itertools.pairwise(life)), default=0) for life in lives]
    assert 3600 < statistics.median(life[-1] - life[0] for life in lives) < 3 * 3600
    assert 0.03 < sum(silence > 36_000 for silence in silences) / len(silences) < 0.1


def test_many_lives_are_open_at_once_and_lines_come_in_bursts(two_thousand: Simulation) -> None:
    lives = times(two_thousand.lines()).values()
    middle = statistics.median(life[0] for life in lives)
    per_second = Counter(second for life in lives for second in life)
    assert sum(life[0] <= middle <= life[-1] for life in lives) > 100
    assert max(per_second.values()) > 20


def test_fewer_hours_compress_the_traffic() -> None:
    lives = times(simulate(500, hours=0.5).lines()).values()
    assert statistics.median(life[-1] - life[0] for life in lives) < 600


def test_two_thousand_blocks_take_a_moment() -> None:
    began = time.monotonic()
    assert sum(1 for _ in simulate(2000).lines()) > 30_000
    assert time.monotonic() - began < 10


def test_one_block_on_a_tiny_cluster_is_enough() -> None:
    assert len(list(simulate(1, nodes=5).labels())) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"blocks": 0}, "blocks must be at least 1"),
        ({"blocks": 1, "anomaly_rate": 1.5}, "rate must be from 0 to 1"),
        ({"blocks": 1, "anomaly_rate": float("nan")}, "rate must be from 0 to 1"),
        ({"blocks": 1, "seed": -1}, "seed must be 0 or more"),
        ({"blocks": 1, "hours": 0}, "hours must be"),
        ({"blocks": 1, "nodes": 3}, "nodes must be"),
        ({"blocks": 1, "failures": ["lost_write", "sunspots"]}, "no failure 'sunspots'; choose from lost_write, "),
    ],
)
def test_a_wrong_argument_is_one_clear_error(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        simulate(**arguments)  # type: ignore[arg-type]


def test_every_masked_form_occurs_in_the_real_log(shared_data: Path, real_lines: list[bytes]) -> None:
    reader = LineReader()
    with gzip.open(shared_data / "hdfs-burst-20k.log.gz") as file:
        real = {reader.read(line).text for line in (*real_lines, *file.read().splitlines())}
    simulated = {reader.read(line).text for line in simulate(3000, 0.3).lines()}
    assert simulated - real == set(NOT_IN_THE_SAMPLE)


def test_skeletons_of_common_lines_are_those_of_the_real_log(real_lines: list[bytes]) -> None:
    """Lines without digits, paths aside, are equal byte for byte, levels and spaces included."""

    def skeletons(lines: Iterable[bytes]) -> Counter[bytes]:
        return Counter(
            line.translate(None, b"0123456789").replace(b"blk_-", b"blk_") for line in lines if b"/user/" not in line
        )

    real, simulated = skeletons(real_lines), skeletons(simulate(3000).lines())
    unknown = sum(count for skeleton, count in simulated.items() if skeleton not in real)
    assert unknown / simulated.total() < 0.002


def test_normal_blocks_have_bags_of_lines_of_real_normal_blocks(shared_data: Path, real_lines: list[bytes]) -> None:
    with (shared_data / "hdfs-1pct.labels.csv").open() as file:
        normal = {row["BlockId"] for row in csv.DictReader(file) if row["Label"] == "Normal"}
    real = {bag for block, bag in bags(real_lines).items() if block in normal}
    simulation = simulate(5000)
    found = bags(simulation.lines())
    healthy = [found[label.block_id] for label in simulation.labels() if not label.anomalous]
    assert sum(bag in real for bag in healthy) / len(healthy) >= 0.95
