"""The forward pass that scoring uses is the published model's, and a score depends on its window alone."""

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from logs import write_base_model
from tiny_checkpoint import write_tiny_checkpoint
from transformers import BertConfig, BertModel

from model import TinyLogBERT, load_checkpoint
from model.bert import mini_config, new_encoder, padded
from model.flat import FlatBert
from model.inference import Ids, flat
from model.tile import ROWS_PER_WINDOW, Tile, cut

POSITIONS = 48
SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": POSITIONS,
}
SHAPES: dict[str, dict[str, Any]] = {
    "mini": {},
    "small": SIZES,
    "one layer": {**SIZES, "num_hidden_layers": 1},
    "two types": {**SIZES, "type_vocab_size": 2},
    "another activation": {**SIZES, "hidden_act": "gelu_new"},
}


def new_model(**chosen: Any) -> TinyLogBERT:
    """Weights large enough that attention and activation matter."""
    torch.manual_seed(1)
    model = TinyLogBERT(new_encoder(mini_config(90, initializer_range=0.2, **chosen))).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def windows(count: int, longest: int = POSITIONS, seed: int = 0) -> list[Ids]:
    rng = random.Random(seed)
    return [tuple(rng.randrange(90) for _ in range(rng.choice((1, 4, 11, longest)))) for _ in range(count)]


def published(model: TinyLogBERT, some: list[Ids]) -> list[float]:
    """Scores of the model's own forward pass, each window alone."""
    with torch.inference_mode():
        return [model(*padded([ids], len(ids), 1)).item() for ids in some]


@pytest.mark.parametrize("shape", SHAPES)
def test_scores_and_vectors_are_those_of_the_published_forward_pass(shape: str) -> None:
    model, some = new_model(**SHAPES[shape]), windows(40)
    forward = flat(model)
    assert forward.scores(some) == pytest.approx(published(model, some), abs=1e-5)
    with torch.inference_mode():
        vectors = torch.cat([model.cls(*padded([ids], len(ids), 1)) for ids in some])
    torch.testing.assert_close(forward.cls(some), vectors, atol=1e-4, rtol=1e-4)


def test_a_pretrained_encoder_with_its_pooler_is_scored_too(tmp_path: Path) -> None:
    write_base_model(tmp_path / "base")
    model = TinyLogBERT(BertModel.from_pretrained(tmp_path / "base")).eval()
    some = [(2, 5, 3), (2, 7, 8, 9, 3)]
    assert flat(model).scores(some) == pytest.approx(published(model, some), abs=1e-5)


def test_what_is_scored_are_the_weights_as_they_were() -> None:
    model, some = new_model(**SIZES), windows(3)
    forward = flat(model)
    before = forward.scores(some)
    with torch.no_grad():
        model.encoder.get_input_embeddings().weight.mul_(2)
    assert forward.scores(some) == pytest.approx(before, abs=1e-6)
    assert flat(model).scores(some) != pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize("shape", ["mini", "small"])
def test_a_score_has_the_same_bits_alone_and_in_any_company(shape: str) -> None:
    forward, some = flat(new_model(**SHAPES[shape])), windows(60, POSITIONS)
    together = forward.scores(some)
    assert [forward.scores([ids])[0] for ids in some] == together
    assert forward.scores(some[::-1])[::-1] == together
    assert forward.scores(some[:7] * 3) == together[:7] * 3


def test_there_is_one_number_of_rows_where_several_would_not_give_the_same_bits() -> None:
    class Differing(FlatBert):
        """A machine whose sums depend on the number of rows."""

        def _vectors(self, tile: Tile) -> torch.Tensor:
            return super()._vectors(tile) + 1e-3 * len(tile.ids)

    model, some = new_model(**SIZES), windows(60)
    forward = Differing(model.state_dict(), model.encoder.config.to_dict())
    assert len(forward.sizes) == 1
    assert [forward.scores([ids])[0] for ids in some] == forward.scores(some)


def test_small_tiles_are_left_out_where_they_alone_would_not_give_the_same_bits() -> None:
    class Differing(FlatBert):
        """A machine that computes few rows in another way."""

        def _vectors(self, tile: Tile) -> torch.Tensor:
            return super()._vectors(tile) + (1e-3 if len(tile.ids) < 128 else 0.0)

    model, some = new_model(**SIZES), windows(60)
    forward = Differing(model.state_dict(), model.encoder.config.to_dict())
    assert forward.sizes[0] == 128
    assert [forward.scores([ids])[0] for ids in some] == forward.scores(some)


def test_windows_as_long_as_the_positions_and_longer_than_the_ladder_are_scored() -> None:
    model = new_model(**{**SIZES, "max_position_embeddings": 700})
    some = windows(4, 700, seed=3)
    assert max(map(len, some)) == 700
    assert flat(model).scores(some) == pytest.approx(published(model, some), abs=1e-5)


def test_nothing_to_score_has_no_scores() -> None:
    forward = flat(new_model(**SIZES))
    assert forward.scores([]) == []
    assert forward.cls([]).shape == (0, 32)


# ── tiles ──


def test_every_window_is_in_one_tile_that_holds_it_and_is_no_larger_than_it_must_be() -> None:
    sizes, some = (64, 128, 256), sorted(windows(300), key=len)
    groups = list(cut(some, sizes))
    assert [ids for group, _ in groups for ids in group] == some
    for group, rows in groups:
        wanted = max(sum(map(len, group)), len(group) * ROWS_PER_WINDOW)
        assert wanted <= rows
        assert all(size < wanted for size in sizes if size < rows)
    assert [rows for _, rows in groups[:-1]] == [256] * (len(groups) - 1)


def test_rows_are_the_tokens_of_windows_and_runs_say_where_equal_lengths_are() -> None:
    tile = Tile([(7,), (1, 2), (3, 4), (5, 6, 8)], 64, torch.device("cpu"))
    assert tile.ids.tolist() == [7, 1, 2, 3, 4, 5, 6, 8] + [0] * 56
    assert tile.positions.tolist() == [0, 0, 1, 0, 1, 0, 1, 2] + [0] * 56
    assert [tuple(run) for run in tile.runs] == [(0, 0, 1, 1), (1, 1, 2, 2), (5, 3, 1, 3)]
    assert [tile.ids[run.starts].tolist() for run in tile.runs] == [[7], [1, 3], [5]]


# ── what does not belong together ──


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"num_attention_heads": 3}, "2 layers and 32 in 3 heads are no BERT"),
        ({"num_hidden_layers": 0}, "0 layers and 32 in 2 heads are no BERT"),
        ({"hidden_act": "swish9"}, "its activation is swish9, not one of gelu"),
        ({"intermediate_size": 63}, r"intermediate.dense.weight is \(64, 32\) and not \(63, 32\)"),
    ],
)
def test_a_configuration_of_other_weights_is_refused(change: dict[str, object], said: str) -> None:
    model = new_model(**SIZES, num_hidden_layers=2)
    with pytest.raises(ValueError, match=said):
        FlatBert(model.state_dict(), {**model.encoder.config.to_dict(), **change})


def test_the_model_of_a_checkpoint_is_built_when_it_is_asked_for_and_scores_the_same(tmp_path: Path) -> None:
    checkpoint = load_checkpoint(write_tiny_checkpoint(tmp_path / "tiny"))
    some = [checkpoint.encoder.encode(["a line"] * n, True) for n in range(1, 5)]
    assert isinstance(checkpoint.model.encoder, BertModel)
    assert checkpoint.model is checkpoint.model
    scale = max(map(abs, published(checkpoint.model, some)))
    assert checkpoint.forward.scores(some) == pytest.approx(published(checkpoint.model, some), abs=1e-5 * scale)


def test_scoring_does_not_wait_for_transformers(tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path / "tiny")
    code = f"""
import sys
from pathlib import Path
from model.scorers import scorer_of
scorer = scorer_of(Path({str(folder)!r}))
scorer.explain(["a line"], True), scorer.score([["a line"]], [True])
print("transformers" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "False\n"


def test_the_configuration_that_is_stored_is_that_of_the_encoder(tmp_path: Path) -> None:
    checkpoint = load_checkpoint(write_tiny_checkpoint(tmp_path / "tiny"))
    assert BertConfig(**checkpoint.config).to_dict() == checkpoint.model.encoder.config.to_dict()
