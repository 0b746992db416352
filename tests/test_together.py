"""Two processes that ``torchrun`` starts train what one would have trained, and only the first one shows and writes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from logs import simulated, write_base_model

from stream.commands.train import train_command
from training.mlm import Masked, placed
from training.together import Crew

STEPS = ("--epochs", "1", "--steps", "7", "--no-plots")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = write_base_model(tmp_path / "base") / "config.json"
    dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}  # two processes draw it otherwise
    config.write_text(json.dumps({**json.loads(config.read_text()), **dropout}))
    (tmp_path / "a.log").write_bytes(b"\n".join(simulated(60)))
    return tmp_path


def by_two(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Train with two processes; what they say is in the order in which they said it."""
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "training")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run(
        [sys.executable, *launch, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def losses(checkpoint: Path) -> list[float]:
    """The loss of every step."""
    return [float(row.split(",")[2]) for row in (checkpoint / "curves.csv").read_text().splitlines()[1:]]


def test_two_processes_train_what_one_trains_and_the_first_alone_shows_and_writes(folder: Path) -> None:
    alone = [str(folder / "a.log"), "--out", str(folder / "one"), "--base-model", str(folder / "base"), *STEPS]
    assert CliRunner().invoke(train_command, alone, catch_exceptions=False).exit_code == 0
    done = by_two(folder, "a.log", "--out", "two", "--base-model", "base", *STEPS)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "two\n"
    assert done.stderr.count("head: 100%") == done.stderr.count("checkpoint hdfs-") == 1
    assert {path.name for path in folder.iterdir()} == {"a.log", "base", "one", "two"}
    assert len(losses(folder / "one")) > 7
    assert losses(folder / "two") == pytest.approx(losses(folder / "one"), rel=5e-3)  # bfloat16 rounds other sums
    one, two = (json.loads((folder / name / "calibration.json").read_text()) for name in ("one", "two"))
    assert two["closed"]["threshold"] == pytest.approx(one["closed"]["threshold"], abs=1e-2)
    assert two["closed"]["windows"] == one["closed"]["windows"]


def test_what_a_person_can_mend_is_said_by_each_process_that_met_it_and_nothing_is_left(folder: Path) -> None:
    done = by_two(folder, "none.log", "--out", "two")
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert "error: cannot read none.log: No such file or directory" in said
    assert {path.name for path in folder.iterdir()} == {"a.log", "base"}


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("number", [0, 1, 2, 7, 64])
def test_every_sample_is_one_processes_and_shares_differ_by_one_at_most(size: int, number: int) -> None:
    samples = list(range(number))
    shares = [samples[Crew(rank, size).share(number)] for rank in range(size)]
    assert [sample for share in shares for sample in share] == samples
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("windows", [1, 2, 5])
def test_hidden_tokens_are_found_in_the_batch_of_whichever_process_has_their_window(windows: int) -> None:
    hidden = [Masked(tuple(range(10 * n, 10 * n + n + 3)), (1,), (10 * n + 1,)) for n in range(windows)]
    parts = [placed(mine) for rank in range(3) if (mine := hidden[Crew(rank, 3).share(windows)])]
    assert len(parts) == min(windows, 3)
    for batch, places, labels in parts:
        assert batch.ids[places].tolist() == labels.tolist()
    assert [label for _, _, labels in parts for label in labels.tolist()] == [10 * n + 1 for n in range(windows)]
