"""The forward pass over packed windows is the encoder's own function, and has its gradients."""

from pathlib import Path

import numpy as np
import pytest
import torch
from logs import write_base_model
from torch import Tensor
from transformers import BertModel

from model.bert import TinyLogBERT, mini_config, new_encoder
from training.loop import batch_of
from training.packed import Batch, hidden_at, packed


@pytest.fixture(params=["mini", "pretrained"])
def encoder(request: pytest.FixtureRequest, tmp_path: Path) -> BertModel:
    torch.manual_seed(0)
    if request.param == "mini":
        return new_encoder(mini_config(60, hidden_size=32, intermediate_size=64))
    return BertModel.from_pretrained(write_base_model(tmp_path / "base"), add_pooling_layer=False)


def windows(count: int = 9) -> list[tuple[int, ...]]:
    random = np.random.default_rng(1)
    return [tuple(random.integers(5, 60, int(random.integers(3, 40))).tolist()) for _ in range(count)]


def gradients(encoder: BertModel, states: Tensor) -> list[Tensor]:
    encoder.zero_grad()
    states.pow(2).sum().backward()  # type: ignore[no-untyped-call]
    return [parameter.grad.clone() for parameter in encoder.parameters() if parameter.grad is not None]


def test_cls_vectors_and_gradients_are_those_of_the_padded_batch(encoder: BertModel) -> None:
    encoder.eval()
    sequences = windows()
    batch = Batch(sequences)
    padded = TinyLogBERT(encoder).cls(*batch_of(sequences))
    flat = hidden_at(encoder, batch, batch.starts)
    torch.testing.assert_close(flat, padded, atol=1e-5, rtol=1e-4)
    for ours, theirs in zip(gradients(encoder, flat), gradients(encoder, padded), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)


def test_any_places_can_be_asked_for(encoder: BertModel) -> None:
    encoder.eval()
    sequences = windows()
    batch = Batch(sequences)
    ids, mask = batch_of(sequences)
    whole = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    random = np.random.default_rng(2)
    chosen = [(window, int(random.integers(len(sequences[window])))) for window in random.integers(9, size=25)]
    places = torch.tensor([int(batch.starts[window]) + token for window, token in chosen])
    wanted = torch.stack([whole[window, token] for window, token in chosen])
    torch.testing.assert_close(hidden_at(encoder, batch, places), wanted, atol=1e-5, rtol=1e-4)


def test_windows_share_rows_none_is_cut_and_each_has_its_place() -> None:
    lengths = [len(ids) for ids in windows(40)]
    rows = packed(lengths, 64)
    assert sorted(window for row in rows for window in row) == list(range(40))
    assert all(sum(lengths[window] for window in row) <= 64 for row in rows)
    assert len(rows) <= sum(lengths) / 64 * 1.2 + 1, "first fit of the longest first wastes little"
    with pytest.raises(ValueError, match="a window of 65 tokens does not fit into 64"):
        packed([3, 65], 64)


def test_a_window_that_is_longer_than_a_row_has_longer_rows() -> None:
    batch = Batch([tuple(range(150)), (1, 2, 3)])
    assert batch.width == 192
    assert batch.ids[batch.starts[0] :][:150].tolist() == list(range(150))
    assert batch.ids[batch.starts[1] :][:3].tolist() == [1, 2, 3]


def test_a_single_window_of_one_token_is_a_batch(encoder: BertModel) -> None:
    encoder.eval()
    batch = Batch([(7,)])
    assert hidden_at(encoder, batch, batch.starts).shape == (1, encoder.config.hidden_size)


def test_dropout_falls_where_the_encoder_has_it_and_in_training_alone(tmp_path: Path) -> None:
    config = mini_config(60, hidden_size=32, hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.2)
    encoder = new_encoder(config)
    batch = Batch(windows())

    def differ() -> bool:
        return not torch.equal(hidden_at(encoder, batch, batch.starts), hidden_at(encoder, batch, batch.starts))

    encoder.train()
    assert differ()
    encoder.eval()
    assert not differ()
