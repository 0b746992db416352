"""``--device`` and ``--threads``: what is asked for is what computes, and what is not there is said in one line."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from command import Command
from tiny_checkpoint import write_tiny_checkpoint

from model.device import device_of
from model.inference import Ids, Inference
from model.scorer import BertScorer
from model.scorers import scorer_of
from stream.errors import InputError
from stream.settings import load_settings

without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
LINE = "081109 203518 143 INFO dfs.DataNode: Receiving block blk_1"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_tiny_checkpoint(tmp_path / "tiny")


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


def test_the_processor_computes_unless_something_else_is_asked_for() -> None:
    settings = load_settings()
    assert (settings.device, settings.threads) == ("cpu", 1)
    assert device_of("cpu") == "cpu"


@without_cuda
def test_auto_is_the_processor_where_there_is_nothing_else() -> None:
    assert device_of("auto") == "cpu"


@without_cuda
@pytest.mark.parametrize("arguments", [["score", "--text", LINE], ["train", "x.log", "--out", "out"]])
def test_cuda_that_is_not_there_is_one_clear_line(command: Command, arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text(f"{LINE}\n")
    placed = [str(tmp_path / text) if text in ("x.log", "out") else text for text in arguments]
    code, out, error = command(*placed, "--device", "cuda")
    assert (code, out) == (1, b"")
    assert error.splitlines()[-1].startswith("error: --device cuda: torch finds no CUDA device here")
    assert not (tmp_path / "out").exists()


def test_the_number_of_threads_changes_no_score(checkpoint: Path) -> None:
    windows = [["a line"] * n for n in range(1, 40)]
    one, two = (scorer_of(checkpoint, False, "cpu", n).score(windows, [True] * len(windows)) for n in (1, 2))
    assert [score.value for score in one] == pytest.approx([score.value for score in two], abs=1e-4)


def test_what_others_compute_keeps_its_threads(checkpoint: Path) -> None:
    class Noting:
        """A forward pass that notes how many threads it has."""

        def __init__(self) -> None:
            self.threads: list[int] = []

        def scores(self, windows: Sequence[Ids]) -> list[float]:
            self.threads.append(torch.get_num_threads())
            return [0.0] * len(windows)

        def cls(self, windows: Sequence[Ids]) -> torch.Tensor:
            self.threads.append(torch.get_num_threads())
            return torch.zeros(len(windows), 1)

    before, noting = torch.get_num_threads(), Noting()
    inference = Inference(noting, threads=before + 2)
    inference.scores([(1, 2)])
    inference.vectors([(1, 2)])
    assert noting.threads == [before + 2, before + 2]
    assert torch.get_num_threads() == before


def test_a_device_that_torch_does_not_know_is_refused(checkpoint: Path) -> None:
    with pytest.raises(InputError, match="damaged or of another kind"):
        BertScorer.load(checkpoint, device="abacus")
