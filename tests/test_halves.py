"""Halves of a training step: their gradients are the whole's, whichever of them is done first."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from training.halves import Gradients, Part, halves

CPU = torch.device("cpu")


@pytest.fixture
def module() -> nn.Module:
    """In double precision, which nothing makes half of, whatever the processor can do."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1)).double()


def loss_of(module: nn.Module, rows: Tensor) -> Tensor:
    return module(rows).pow(2).sum() / 10


def gradients_of(module: nn.Module) -> list[Tensor | None]:
    return [None if one.grad is None else one.grad.clone() for one in module.parameters()]


def after(event: threading.Event, compute: Part) -> Part:
    """What computes once the event happened, which it has to within ten seconds."""

    def wait() -> Tensor:
        assert event.wait(10)
        return compute()

    return wait


def before(event: threading.Event, compute: Part) -> Part:
    """What computes and lets the event happen then."""

    def tell() -> Tensor:
        found = compute()
        event.set()
        return found

    return tell


def test_each_thing_is_in_one_half() -> None:
    assert halves([1, 2, 3, 4, 5], CPU) == [[1, 3, 5], [2, 4]]


def test_no_half_is_empty() -> None:
    assert halves([1], CPU) == [[1]]
    assert halves([], CPU) == []


def test_what_is_no_processor_gets_all_at_once() -> None:
    assert halves([1, 2, 3], torch.device("cuda")) == [[1, 2, 3]]


def test_loss_and_gradients_are_those_of_the_whole(module: nn.Module) -> None:
    rows = torch.randn(10, 8, dtype=torch.double)
    whole = loss_of(module, rows)
    whole.backward()
    wanted = gradients_of(module)
    with Gradients(module) as gradients:
        loss = gradients.set([partial(loss_of, module, rows[0::2]), partial(loss_of, module, rows[1::2])])
    assert loss.item() == pytest.approx(whole.item(), rel=1e-5)
    for found, want in zip(gradients_of(module), wanted, strict=True):
        torch.testing.assert_close(found, want)


@pytest.mark.parametrize("first", [0, 1])
def test_the_half_that_is_done_first_changes_no_bit(module: nn.Module, first: int) -> None:
    rows, event = torch.randn(10, 8, dtype=torch.double), threading.Event()
    plain: list[Part] = [partial(loss_of, module, rows[i::2]) for i in range(2)]
    order: list[Callable[[threading.Event, Part], Part]] = [before, after] if first == 0 else [after, before]
    with Gradients(module) as gradients:
        one_by_one = [gradients.set([part]).clone() for part in plain]
        apart = []
        for part in plain:
            gradients.set([part])
            apart.append(gradients_of(module))
        loss = gradients.set([place(event, part) for place, part in zip(order, plain, strict=True)])
    assert torch.equal(loss, one_by_one[0] + one_by_one[1])
    for found, a, b in zip(gradients_of(module), *apart, strict=True):
        assert found is not None
        assert a is not None
        assert b is not None
        assert torch.equal(found, a + b)


def test_halves_are_computed_beside_each_other(module: nn.Module) -> None:
    rows, met = torch.randn(4, 8, dtype=torch.double), threading.Barrier(2, timeout=10)

    def meet(part: Tensor) -> Tensor:
        met.wait()  # breaks if the other one only begins when this one is done
        return loss_of(module, part)

    with Gradients(module) as gradients:
        assert gradients.set([partial(meet, rows[:2]), partial(meet, rows[2:])]).item() > 0


def test_where_the_module_is_left_to_chance_a_seed_gives_the_same_all_the_same() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.5), nn.Linear(16, 1)).double()
    rows = torch.randn(64, 8, dtype=torch.double)
    found = []
    with Gradients(module) as gradients:
        for _ in range(20):
            torch.manual_seed(1)
            found.append(gradients.set([partial(loss_of, module, rows[i::2]) for i in range(2)]).item())
    assert len(set(found)) == 1


def test_without_a_part_there_is_no_gradient(module: nn.Module) -> None:
    with Gradients(module) as gradients:
        assert gradients.set([]).tolist() == [0.0]
    assert gradients_of(module) == [None] * 4


def test_what_a_half_raises_is_raised(module: nn.Module) -> None:
    def fails() -> Tensor:
        raise ArithmeticError("of the second half")

    with Gradients(module) as gradients, pytest.raises(ArithmeticError, match="second half"):
        gradients.set([partial(loss_of, module, torch.randn(4, 8, dtype=torch.double)), fails])


def test_the_threads_of_torch_are_what_they_were(module: nn.Module) -> None:
    before = torch.get_num_threads()
    with Gradients(module) as gradients:
        gradients.set([partial(loss_of, module, torch.randn(4, 8, dtype=torch.double)) for _ in range(2)])
    assert torch.get_num_threads() == before
