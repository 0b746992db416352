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
STEPS = 24


class Stopped(Exception):
    """Training was left in the midst of it."""


class Talk:
    """A progress that remembers what it was told, and kills its process at a step, or raises there, if asked."""

    def __init__(self, stage: str = "", at: int = 0, raises: bool = False) -> None:
        self.said: list[str] = []
        self.steps: list[tuple[str, int]] = []
        self._end = (stage, at)
        self._raises = raises

    def __call__(self, stage: str, done: int, of: int, loss: float | None) -> None:
        self.steps.append((stage, done))
        if (stage, done) == self._end:
            if self._raises:
                raise Stopped
            print(*self.said, sep="\n", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

    def say(self, text: str) -> None:
        self.said.append(text)


def run(
    folder: Path, talk: Talk, keep: str = "out.partial", out: str = "out", plots: bool = True, **chosen: object
) -> dict[str, bytes]:
    recipe = Recipe(**{"epochs": 3, "steps": STEPS, "base_model": str(folder / "base"), **chosen})  # type: ignore[arg-type]
    train(simulated(BLOCKS), folder / out, recipe, WindowSettings(), talk, keep=folder / keep, plots=plots)
    return {path.name: path.read_bytes() for path in (folder / out).iterdir()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One base model for all, since its place is a part of the recipe."""
    folder = tmp_path_factory.mktemp("resume")
    write_base_model(folder / "base")
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> dict[str, bytes]:
    """What a training makes that nobody disturbs: the files by name."""
    return run(folder, Talk(), keep="undisturbed.partial", out="undisturbed")


def killed(folder: Path, stage: str, at: int) -> str:
    program = f"from test_resume import *; run(Path({str(folder)!r}), Talk({stage!r}, {at}))"
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout


def test_killed_in_both_stages_it_ends_with_the_bytes_of_a_run_that_nobody_disturbed(
    folder: Path, undisturbed: dict[str, bytes]
) -> None:
    assert "going on" not in killed(folder, "masked language model", 9)
    assert "going on from out.partial" in killed(folder, "head", 13)
    talk = Talk()
    resumed = run(folder, talk)
    assert talk.said == ["going on from out.partial"]
    assert ("head", 1) not in talk.steps
    assert ("head", STEPS) in talk.steps
    assert set(resumed) >= {"curves.csv", "learning.png", "scores.png", "model.safetensors"}
    assert resumed == undisturbed


def test_what_was_kept_by_another_seed_or_is_damaged_is_said_and_not_used(
    folder: Path, undisturbed: dict[str, bytes]
) -> None:
    wanted = {name: content for name, content in undisturbed.items() if not name.endswith(".png")}
    with pytest.raises(Stopped):
        run(folder, Talk("head", 5, raises=True), keep="kept", seed=1)
    talk = Talk()
    assert run(folder, talk, keep="kept", out="other", plots=False) == wanted
    assert talk.said == ["kept belongs to another command, other lines or another version: training begins anew"]
    content = (folder / "kept").read_bytes()
    (folder / "kept").write_bytes(content[: len(content) // 2])
    talk = Talk()
    assert run(folder, talk, keep="kept", out="damaged", plots=False) == wanted
    assert talk.said[0].startswith("kept is damaged (")


def test_interrupted_the_command_says_how_it_goes_on_and_fresh_begins_anew(tmp_path: Path) -> None:
    folder = tmp_path
    write_base_model(folder / "base")
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
