"""What training starts from: the tokens of a line with its counts lie in a row, and no place means anything."""

import pytest
import torch

from model.encoding import COUNTS
from model.inference import Inference
from training.base import fresh

KINDS = ["Receiving block <block>", "Deleting block <block>"]


def test_the_tokens_of_a_line_lie_on_a_straight_line_in_the_order_of_their_counts() -> None:
    torch.manual_seed(0)
    model, encoder = fresh(KINDS)
    weight = model.encoder.get_input_embeddings().weight.detach()
    for kind in KINDS:
        tokens = weight[list(encoder.lines[kind])]
        steps = tokens[1:] - tokens[:-1]
        direction = tokens[-1] - tokens[0]
        along = steps @ direction / direction.norm()
        assert len(tokens) == len(COUNTS)
        assert (along > 0).all()
        assert torch.allclose(steps.norm(dim=1), along, atol=1e-5)


def test_each_line_has_a_direction_of_its_own() -> None:
    torch.manual_seed(0)
    model, encoder = fresh(KINDS)
    weight = model.encoder.get_input_embeddings().weight.detach()
    first, second = (weight[ids[7]] - weight[ids[0]] for ids in encoder.lines.values())
    assert abs(torch.cosine_similarity(first, second, dim=0)) < 0.3


def test_where_a_line_stands_says_nothing_before_training() -> None:
    torch.manual_seed(0)
    model, encoder = fresh(KINDS)
    cls, flag, first, second, sep = encoder.encode(KINDS, True)
    orders = [(cls, flag, first, second, sep), (cls, flag, second, first, sep)]
    one, other = Inference(model).scores(orders).values()
    assert one == pytest.approx(other, abs=1e-3)
