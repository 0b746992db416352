"""The optimiser of training: matrices are orthogonalised, all else is AdamW's, and both can be saved."""

import pytest
import torch
from torch import nn

from model.bert import TinyLogBERT, mini_config, new_encoder
from training.muon import Both, Muon, orthogonal


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 16, 64)])
def test_singular_values_move_close_to_one_and_the_directions_stay(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    left, _ = torch.linalg.qr(torch.randn(shape[0], shape[1], shape[1]))
    right, _ = torch.linalg.qr(torch.randn(shape[0], shape[2], shape[1]))
    values = torch.logspace(-1, 0.5, shape[1])  # the least is .019 of the norm
    found = left.mT @ orthogonal((left * values) @ right.mT) @ right  # diagonal, if the directions stay
    inner = found.diagonal(dim1=1, dim2=2)
    assert inner.min() > 0.7
    assert inner.max() < 1.28
    assert (found - torch.diag_embed(inner)).abs().max() < 0.1


def test_nothing_is_divided_by_a_gradient_of_zero() -> None:
    assert torch.equal(orthogonal(torch.zeros(1, 4, 8)), torch.zeros(1, 4, 8))


def test_a_step_is_as_long_as_adams_whatever_the_gradients_size_and_the_matrixs_side() -> None:
    torch.manual_seed(0)
    matrices = [nn.Parameter(torch.randn(32, 128)), nn.Parameter(torch.randn(128, 32))]
    before = [matrix.detach().clone() for matrix in matrices]
    for matrix, size in zip(matrices, (1e-4, 1e4), strict=True):
        matrix.grad = size * torch.randn_like(matrix)
    Muon(matrices, lr=0.01, decay=0.0).step()
    for matrix, was in zip(matrices, before, strict=True):
        assert (matrix - was).pow(2).mean().sqrt().item() == pytest.approx(0.2 * 0.01, rel=0.3)


def test_the_encoders_matrices_are_muons_and_embeddings_biases_and_head_are_adams() -> None:
    torch.manual_seed(0)
    model = TinyLogBERT(new_encoder(mini_config(60, hidden_size=32, intermediate_size=64)))
    both = Both(model)
    model(torch.ones(2, 4, dtype=torch.long), torch.ones(2, 4, dtype=torch.long)).sum().backward()
    both.step(1e-3)
    kept = {name: set(both.of(parameter)) for name, parameter in model.named_parameters()}
    assert kept["encoder.encoder.layer.0.attention.self.query.weight"] == {"momentum"}
    assert "exp_avg" in kept["encoder.embeddings.word_embeddings.weight"]
    assert "exp_avg" in kept["encoder.encoder.layer.0.attention.self.query.bias"]
    assert "exp_avg" in kept["anomaly_head.0.weight"]
