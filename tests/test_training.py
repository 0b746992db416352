"""Training: from lines to a checkpoint, the same for a seed, and one clear line where it cannot be."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from logs import simulated, write_base_model

from model import load_checkpoint
from model.scorer import BertScorer
from stream.commands.train import train_command
from stream.errors import InputError
from stream.windows.files import windows_of
from stream.windows.settings import WindowSettings
from training.fit import Recipe, train


def no_progress(stage: str, done: int, of: int, loss: float) -> None:
    pass


@pytest.fixture(scope="session")
def base_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base_model(tmp_path_factory.mktemp("base") / "bert-tiny")


def trained(out: Path, base_model: Path, blocks: int = 120, **chosen: object) -> BertScorer:
    recipe = Recipe(**{"epochs": 1, "steps": 25, "base_model": str(base_model), **chosen})  # type: ignore[arg-type]
    return BertScorer(train(simulated(blocks), out, recipe, WindowSettings(), no_progress))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_model(tmp_path: Path, base_model: Path) -> None:
    trained(tmp_path / "a", base_model)
    trained(tmp_path / "b", base_model)
    trained(tmp_path / "c", base_model, seed=1)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a")["model.safetensors"] != files(tmp_path / "c")["model.safetensors"]


def test_a_checkpoint_holds_its_files_and_curves_and_what_was_calibrated_is_what_is_loaded(
    tmp_path: Path, base_model: Path
) -> None:
    before = trained(tmp_path / "out", base_model)
    names = {"model.safetensors", "config.json", "tokenizer.json", "calibration.json", "README.md", "curves.csv"}
    assert set(files(tmp_path / "out")) == names
    after = BertScorer(load_checkpoint(tmp_path / "out"))
    windows = [window.texts for window in windows_of(simulated(40, seed=3))]
    assert before.score(windows, [True] * len(windows)) == after.score(windows, [True] * len(windows))
    assert after.checkpoint.startswith("hdfs-")


def test_zero_is_the_threshold_of_complete_windows(tmp_path: Path, base_model: Path) -> None:
    scorer = trained(tmp_path / "out", base_model)
    windows = [window.texts for window in windows_of(simulated(120))]
    scores = scorer.score(windows, [True] * len(windows))
    assert load_checkpoint(tmp_path / "out").calibration.closed.threshold == pytest.approx(0, abs=1e-3)
    assert all(score.anomalous == (score.value >= 0) for score in scores if abs(score.value) > 1e-3)
    assert min(score.value for score in scores) < -1e-3


def test_the_model_card_tells_data_command_seed_and_figures(tmp_path: Path, base_model: Path) -> None:
    trained(tmp_path / "out", base_model, source="Lines of a test.", command="tinylogbert train x", seed=5)
    card = (tmp_path / "out" / "README.md").read_text()
    for fact in ("Lines of a test.", "tinylogbert train x", "seed 5", "ways of behaving", "120 windows"):
        assert fact in card


def test_the_command_writes_the_folder_prints_it_and_may_be_repeated(tmp_path: Path, base_model: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"\n".join(simulated(60)))
    (tmp_path / "labels.csv").write_text("BlockId,Label\nblk_1,Anomaly\n")
    arguments = [
        str(tmp_path / "a.log"), "--out", str(tmp_path / "out"), "--epochs", "1", "--steps", "3",
        "--base-model", str(base_model), "--normal-only", str(tmp_path / "labels.csv"),
    ]  # fmt: skip
    for _ in range(2):
        result = CliRunner().invoke(train_command, arguments, catch_exceptions=False)
        assert result.exit_code == 0
        assert result.stdout == f"{tmp_path / 'out'}\n"
    card = (tmp_path / "out" / "README.md").read_text()
    assert "Lines of a.log." in card
    assert str(tmp_path) not in card, "a card that is passed on tells nothing of where its files lay"
    assert {path.name for path in tmp_path.iterdir()} == {"a.log", "labels.csv", "out"}
    card = (tmp_path / "out" / "README.md").read_text()
    assert "`tinylogbert train a.log --out out --base-model" in card
    assert "--seed 0 --steps 3 --timezone UTC --normal-only labels.csv`" in card
    words = card.split("`tinylogbert train ")[1].split("`")[0].split()
    train_command.make_context("train", words)  # it is a command line that the command takes


def test_out_may_be_a_link_to_a_checkpoint_which_is_replaced(tmp_path: Path, base_model: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"\n".join(simulated(60)))
    (tmp_path / "current").symlink_to(tmp_path / "first")
    arguments = [
        str(tmp_path / "a.log"), "--out", str(tmp_path / "current"), "--epochs", "0", "--steps", "2",
        "--base-model", str(base_model),
    ]  # fmt: skip
    for seed in ("1", "2"):
        result = CliRunner().invoke(train_command, [*arguments, "--seed", seed], catch_exceptions=False)
        assert result.exit_code == 0
        assert f"seed {seed}" in (tmp_path / "first" / "README.md").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"a.log", "current", "first"}
    assert (tmp_path / "current").is_symlink()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is no checkpoint; choose another folder with --out"):
        CliRunner().invoke(train_command, ["x.log", "--out", str(tmp_path)], catch_exceptions=False)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_what_lies_beside_the_checkpoint_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"\n".join(simulated(60)))
    for mine in ("out.old", "out.new"):
        (tmp_path / mine).mkdir()
        (tmp_path / mine / "mine.txt").write_text("mine")
    arguments = [str(tmp_path / "a.log"), "--out", str(tmp_path / "out"), "--detector", "rarity"]
    for _ in range(2):
        assert CliRunner().invoke(train_command, arguments, catch_exceptions=False).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a.log", "out", "out.old", "out.new"}
    assert (tmp_path / "out.old" / "mine.txt").exists()
    assert (tmp_path / "out.new" / "mine.txt").exists()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "there is no line to train on"),
        ([b"nothing to see"] * 9, "none of 9 lines can be used: 9 name no block, 0 have no readable time"),
        ([b"block blk_1 without a time"] * 9, "none of 9 lines can be used: 0 name no block, 9 have no readable time"),
        (
            [b"081109 203518 143 INFO dfs.DataNode: caf\xe9 blk_1"] * 9,
            "none of 9 lines can be used: 0 name no block, 0 have no readable time, 9 are refused (encoding)",
        ),
        (simulated(5), "5 windows are too few to learn from; at least 20 are needed"),
        (
            [b"0811%02d 203518 143 INFO dfs.DataNode: Receiving blk_1" % day for day in range(1, 31)],
            "30 windows are of too few blocks to learn from some and hold out others",
        ),
    ],
)
def test_too_little_to_learn_from_is_one_clear_line(tmp_path: Path, lines: list[bytes], message: str) -> None:
    with pytest.raises(InputError) as error:
        train(lines, tmp_path / "out", Recipe(), WindowSettings(), no_progress)
    assert str(error.value) == message


def test_a_log_of_which_all_is_left_out_is_one_clear_line(tmp_path: Path) -> None:
    lines = [b"081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_%d" % n for n in range(3)]
    with pytest.raises(InputError) as error:
        train(lines, tmp_path / "out", Recipe(), WindowSettings(), no_progress, {"blk_0", "blk_1", "blk_2"})
    assert str(error.value) == "all blocks of 3 lines are left out as anomalous; there is nothing to train on"


def test_logs_whose_windows_are_all_alike_can_be_trained_on(tmp_path: Path, base_model: Path) -> None:
    lines = [b"081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_%d" % n for n in range(200)]
    recipe = Recipe(epochs=1, steps=20, base_model=str(base_model))
    scorer = BertScorer(train(lines, tmp_path / "out", recipe, WindowSettings(), no_progress))
    [usual] = scorer.score([["dfs.DataNode$DataXceiver: Receiving block <block>"]], [True])
    assert not usual.anomalous


def test_a_base_model_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    recipe = Recipe(base_model=str(tmp_path / "nowhere"))
    with pytest.raises(InputError) as error:
        train(simulated(60), tmp_path / "out", recipe, WindowSettings(), no_progress)
    assert str(error.value).startswith(f"the base model {tmp_path / 'nowhere'} cannot be used: ")
    assert "\n" not in str(error.value)


def test_the_module_trains_as_the_command_does_and_ends_with_one_line_on_a_failure(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training", str(tmp_path / "none.log"), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert done.stderr == f"error: cannot read {tmp_path / 'none.log'}: No such file or directory\n"
    assert not list(tmp_path.iterdir())
