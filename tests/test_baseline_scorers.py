"""Simple detectors wherever a scorer stands: on their own, beside a checkpoint, in each command, in the daemon."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import Command
from logs import simulated, write_base_model
from pipeline import (
    CONSUME,
    all_read,
    assert_same_windows,
    daemon,
    far_later,
    new_settings,
    send,
    until_closed,
    wait_until,
)
from tiny_checkpoint import write_tiny_checkpoint

from model.baselines import BaselineScorer, load_baseline
from model.folder import beside
from model.scorers import scorer_of
from stream.commands.scorers import checkpoint_files, load_scorer
from stream.errors import InputError
from stream.settings import load_settings
from stream.simulator import simulate
from stream.windows.settings import WindowSettings
from training.baselines import BaselineRecipe, train_baseline

ROOT = Path(__file__).parents[1]


def no_progress(stage: str, done: int, of: int, loss: float | None = None) -> None:
    pass


@pytest.fixture(scope="module")
def pca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("baselines") / "pca"
    train_baseline(simulated(400), out, BaselineRecipe("pca"), WindowSettings(), no_progress)
    return out


@pytest.fixture
def command(capsysbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capsysbinary)


# ── which scorer of a checkpoint ──


@pytest.fixture
def both(pca: Path, tmp_path: Path) -> Path:
    """TinyLogBERT with a PCA beside it."""
    checkpoint = write_tiny_checkpoint(tmp_path / "both")
    shutil.copytree(pca, checkpoint / "baselines" / "pca")
    return checkpoint


def test_a_checkpoint_is_what_it_is_unless_another_scorer_beside_it_is_asked_for(pca: Path, both: Path) -> None:
    name = load_baseline(pca).name
    for scorer, folder, found in [
        ("auto", both, "tiny-"),
        ("bert", both, "tiny-"),
        ("pca", both, name),
        ("auto", pca, name),
        ("pca", pca, name),
    ]:
        assert load_scorer(load_settings(scorer=scorer, checkpoint=folder)).checkpoint.startswith(found)


def test_a_scorer_that_a_checkpoint_does_not_hold_is_one_line(pca: Path, both: Path) -> None:
    for scorer, folder, held in [
        ("rarity", both, "bert"),
        ("bert", pca, "pca"),
        ("forest", pca, "pca"),
    ]:
        with pytest.raises(InputError) as error:
            load_scorer(load_settings(scorer=scorer, checkpoint=folder))
        out = folder / "baselines" / scorer if held == "bert" else "DIR"
        train = f"tinylogbert train FILE --detector {scorer} --out {out}"
        assert str(error.value) == (
            f"{folder} holds {held}, and not {scorer}; leave out --scorer, or train one: {train}"
        )
    with pytest.raises(InputError, match="nowhere is no checkpoint: it has no "):
        load_scorer(load_settings(scorer="pca", checkpoint=Path("nowhere")))


def test_a_scorer_that_lies_beside_its_checkpoint_is_watched_for_changes(both: Path) -> None:
    watched = checkpoint_files(load_settings(scorer="pca", checkpoint=both))
    assert {both / "config.json", both / "baselines" / "pca" / "detector.safetensors"} <= set(watched)


# ── wherever a scorer stands ──


def test_train_writes_what_score_and_evaluate_take(command: Command, tmp_path: Path) -> None:
    log, out, labels = tmp_path / "a.log", tmp_path / "pca", tmp_path / "labels.csv"
    simulation = simulate(120, 0.2, seed=2)
    log.write_bytes(b"".join(line + b"\n" for line in simulation.lines()))
    known = simulate(120, 0.2, seed=2).labels()
    labels.write_text("BlockId,Label\n" + "".join(f"{label.block_id},{int(label.anomalous)}\n" for label in known))
    ran = command("train", log, "--detector", "pca", "--out", out, "--seed", "3", "--false-alarms", "1e-2")
    assert (ran.code, ran.out) == (0, f"{out}\n".encode()), ran.err
    card = (out / "README.md").read_text()
    assert "`tinylogbert train a.log --detector pca --out pca --false-alarms 1e-2 --name hdfs --seed 3" in card
    scores = tmp_path / "scores.csv"
    assert command("score", log, "--checkpoint", out, "--out", scores).code == 0
    ran = command(
        *("evaluate", "--scores", scores, "--labels", labels, "--log", log),
        *("--checkpoint", out, "--report", tmp_path / "report"),
    )
    assert json.loads(ran.out)["roc_auc"] > 0.9
    assert (tmp_path / "report" / "tsne.png").read_bytes().startswith(b"\x89PNG")
    replayed = json.loads(command("replay", log, "--labels", labels, "--checkpoint", out).out)
    assert replayed["roc_auc"] == json.loads(ran.out)["roc_auc"]
    assert replayed["checkpoint"] == load_baseline(out).name


def test_a_checkpoint_of_ones_own_has_them_beside_it_for_every_command_and_is_the_same_without(
    command: Command, tmp_path: Path
) -> None:
    log, labels, base = tmp_path / "a.log", tmp_path / "labels.csv", write_base_model(tmp_path / "base")
    log.write_bytes(b"\n".join(simulated(60)))
    known = simulate(60, anomaly_rate=0.05, seed=1, hours=2).labels()
    labels.write_text("BlockId,Label\n" + "".join(f"{label.block_id},{int(label.anomalous)}\n" for label in known))
    train = ("train", log, "--steps", "2", "--no-plots", "--base-model", base, "--name", "mine")
    folders = [tmp_path / name / "out" for name in ("first", "again", "alone")]
    for out, flags in zip(folders, ((), (), ("--no-baselines",)), strict=True):
        ran = command(*train, "--out", out, *flags)
        assert ran.code == 0, ran.err
    first, again, alone = ({p.relative_to(out): p.read_bytes() for p in out.rglob("*.*")} for out in folders)
    assert first == again
    assert {path for path in first if "baselines" in path.parts} == set(first) - set(alone)
    assert all(first[path] == content for path, content in alone.items())
    assert sorted(beside(folders[0])) == ["forest", "pca", "rarity"]
    assert not beside(folders[2])
    assert "`tinylogbert train a.log --out out" in (folders[0] / "baselines" / "pca" / "README.md").read_text()
    ran = command("score", log, "--checkpoint", folders[0], "--scorer", "pca")
    assert (ran.code, ran.out.count(b"\n")) == (0, 61), ran.err
    ran = command("replay", log, "--labels", labels, "--checkpoint", folders[0])
    judged = json.loads(ran.out)["baselines"]["detectors"]
    assert sorted(row["detector"] for row in judged) == ["forest", "pca", "rarity"], ran.err


@pytest.mark.parametrize("flag", ["--epochs", "--steps", "--base-model"])
def test_what_only_bert_has_is_wrong_usage_with_another_detector(command: Command, tmp_path: Path, flag: str) -> None:
    ran = command("train", "a.log", "--detector", "rarity", "--out", tmp_path / "out", flag, "1")
    assert ran.code == 2
    assert f"{flag} goes with --detector bert, and not with rarity" in ran.err


def test_a_simple_detector_is_trained_and_scores_without_torch(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"\n".join(simulated(60)))
    code = (
        "import sys\nfrom stream.__main__ import main\n"
        "for words in ('train a.log --detector pca --out pca', 'score a.log --checkpoint pca --out a.csv'):\n"
        "    try: main(words.split())\n"
        "    except SystemExit as ended: assert ended.code == 0, ended.code\n"
        "print(*{'torch', 'tokenizers', 'transformers', 'sklearn'} & set(sys.modules))"
    )
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "pca\n\n"


def test_another_kind_of_checkpoint_in_the_same_folder_is_noticed(tmp_path: Path) -> None:
    watched = {path.name for path in checkpoint_files(load_settings(checkpoint=tmp_path))}
    assert {"model.safetensors", "tokenizer.json", "detector.safetensors", "kinds.json", "config.json"} <= watched


@pytest.mark.parametrize("shipped", [False, True])
def test_the_daemon_runs_with_it(broker: str, pca: Path, tmp_path: Path, shipped: bool) -> None:
    settings = new_settings(broker)
    lines = [*simulated(40, seed=6, rate=0.2), far_later()]
    send(settings, lines)
    flags = ("--scorer", "pca") if shipped else ("--checkpoint", str(pca))
    scorer = scorer_of(None, scorer="pca") if shipped else BaselineScorer.load(pca)
    with daemon(settings, tmp_path / "log", *flags, program=CONSUME) as process:
        until_closed(settings, lines, scorer)
        wait_until(lambda: all_read(settings), "all lines are read")
        process.terminate()
        assert process.wait(30) == 0
    found = assert_same_windows(settings, lines, scorer)
    assert {event["checkpoint"] for event in found.values()} == {scorer.checkpoint}
    assert any(event["evidence"] for event in found.values())
