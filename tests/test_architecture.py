"""The arrows between the rooms: the contracts of pyproject.toml hold, and each of them bites."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}

# An import that each contract forbids, straight or by a way round, and where it stands.
FORBIDDEN = [
    ("pure", "stream/windows/store.py", "import torch"),
    ("pure", "stream/lines/mask.py", "import sklearn"),
    ("pure", "stream/scoring.py", "from model.scorer import TinyLogBertScorer"),
    ("layers", "stream/lines/reader.py", "from stream.windows.window import Window"),
    ("layers", "stream/simulator/draws.py", "from stream.kafka.topics import topic_specs"),
    ("layers", "stream/settings.py", "from stream.commands.options import settings_options"),
    ("model", "model/encoding.py", "from stream.windows.window import Window"),
    ("model", "model/bert.py", "from training.loop import Loop"),
    ("training", "training/loop.py", "from stream.kafka.replay import Reader"),
    ("training", "training/fit.py", "from stream.commands.progress import reading"),
    ("scorer", "stream/kafka/score.py", "from model import load_checkpoint"),
    ("client", "stream/commands/topics.py", "def run():\n    import confluent_kafka"),
    ("web", "stream/commands/topics.py", "def run():\n    import fastapi"),
    ("serve", "stream/kafka/follow.py", "def run():\n    from stream.serve.store import Store"),
    ("torch", "stream/commands/topics.py", "def run():\n    import torch"),
    ("prometheus", "stream/kafka/worker.py", "import prometheus_client"),
    ("bench", "stream/commands/produce.py", "from bench.content_daemon import ContentScorer"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_import_rules_hold() -> None:
    found = lint(ROOT)
    assert found.returncode == 0, found.stdout
    assert f"{len(CONTRACTS)} kept, 0 broken" in found.stdout


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the packages, to be spoiled."""
    for name in ("stream", "model", "training", "bench"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=lambda _, names: [n for n in names if n == "checkpoint"])
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_rule_bites(copied: Path) -> None:
    """All forbidden imports at once: each contract's part of the report names the modules that break it."""
    for _, module, line in FORBIDDEN:
        path = copied / module
        path.write_text(path.read_text() + f"\n{line}\n")
    found = lint(copied)
    assert found.returncode == 1
    report = found.stdout.split("Broken contracts")[1]
    begins = {name: report.index(title) for name, title in CONTRACTS.items()}
    for name, module, _ in FORBIDDEN:
        end = min((begin for begin in begins.values() if begin > begins[name]), default=len(report))
        assert module.removesuffix(".py").replace("/", ".") in report[begins[name] : end]


def test_every_rule_is_tried() -> None:
    assert {name for name, *_ in FORBIDDEN} == set(CONTRACTS)


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("stream.windows.task", {"torch", "confluent_kafka", "model", "training", "pydantic", "click"}),
        ("stream.windows.files", {"torch", "confluent_kafka", "model", "training", "pydantic", "click"}),
        ("stream.lines", {"torch", "confluent_kafka", "model", "training", "stream.windows"}),
        ("stream.kafka.worker", {"torch", "model", "training"}),
        ("model.baselines", {"torch", "tokenizers", "transformers", "sklearn", "training", "confluent_kafka"}),
        ("training.baselines", {"torch", "tokenizers", "transformers", "sklearn", "confluent_kafka"}),
        ("stream.__main__", {"torch", "confluent_kafka", "sklearn", "matplotlib"}),
    ],
)
def test_what_is_imported_brings_nothing_that_it_must_not_know(module: str, absent: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split()
    assert module in loaded
    assert absent.isdisjoint(loaded)
