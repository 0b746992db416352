"""A training that is killed goes on from where it was, to the same bytes; what belongs to another is not used."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from logs import simulated, write_base_model

from stream.windows.settings import WindowSettings
from training.fit import Recipe, train

BLOCKS = 60


class Talk:
    """A progress that remembers what it was told, and kills its process at a step, if asked."""

    def __init__(self, stage: str = "", at: int = 0) -> None:
        self.said: list[str] = []
        self.steps: list[tuple[str, int]] = []
        self._kill = (stage, at)

    def __call__(self, stage: str, done: int, of: int, loss: float | None) -> None:
        self.steps.append((stage, done))
        if (stage, done) == self._kill:
            print(*self.said, sep="\n", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

    def say(self, text: str) -> None:
        self.said.append(text)


def run(folder: Path, talk: Talk, keep: str = "out.partial", out: str = "out", **chosen: object) -> dict[str, bytes]:
    recipe = Recipe(**{"epochs": 4, "steps": 40, "base_model": str(folder / "base"), **chosen})  # type: ignore[arg-type]
    train(simulated(BLOCKS), folder / out, recipe, WindowSettings(), talk, keep=folder / keep, plots=True)
    return {path.name: path.read_bytes() for path in (folder / out).iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_base_model(tmp_path / "base")
    return tmp_path


def killed(folder: Path, stage: str, at: int) -> str:
    program = f"from test_resume import *; run(Path({str(folder)!r}), Talk({stage!r}, {at}))"
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout


def test_killed_in_both_stages_it_ends_with_the_bytes_of_a_run_that_nobody_disturbed(folder: Path) -> None:
    assert "going on" not in killed(folder, "masked language model", 9)
    assert "going on from out.partial" in killed(folder, "head", 23)
    talk = Talk()
    resumed = run(folder, talk)
    assert talk.said == ["going on from out.partial"]
    assert ("head", 1) not in talk.steps
    assert ("head", 40) in talk.steps
    undisturbed = run(folder, Talk(), keep="another.partial", out="another")
    assert set(resumed) >= {"curves.csv", "learning.png", "scores.png", "model.safetensors"}
    assert resumed == undisturbed


def test_what_was_kept_by_another_seed_or_is_damaged_is_said_and_not_used(folder: Path) -> None:
    run(folder, Talk(), seed=1)
    wanted = run(folder, Talk(), keep="fresh.partial", out="wanted")
    talk = Talk()
    assert run(folder, talk, out="other") == wanted
    other = "out.partial belongs to another command, other lines or another version: training begins anew"
    assert talk.said == [other]
    content = (folder / "out.partial").read_bytes()
    (folder / "out.partial").write_bytes(content[: len(content) // 2])
    talk = Talk()
    assert run(folder, talk, out="damaged") == wanted
    assert talk.said[0].startswith("out.partial is damaged (")


def test_interrupted_the_command_says_how_it_goes_on_and_fresh_begins_anew(folder: Path) -> None:
    (folder / "a.log").write_bytes(b"\n".join(simulated(BLOCKS)))
    command = [
        *(sys.executable, "-m", "stream", "train", str(folder / "a.log"), "--out", str(folder / "out")),
        *("--base-model", str(folder / "base"), "--epochs", "1", "--no-plots", "--steps"),
    ]
    process = subprocess.Popen([*command, "100000"], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (folder / "out.partial").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.splitlines()[-1] == "interrupted; the same command goes on from out.partial, --fresh begins anew"
    assert {path.name for path in folder.iterdir()} == {"a.log", "base", "out.partial"}
    done = subprocess.run([*command, "3", "--fresh"], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert "out.partial" not in done.stderr
    assert {path.name for path in folder.iterdir()} == {"a.log", "base", "out"}
    assert not list((folder / "out").glob("*.png"))
