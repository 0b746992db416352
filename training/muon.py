"""The optimiser: Muon for the encoder's matrices, AdamW for all else.

Muon (Jordan et al. 2024) makes the directions of a matrix's step equally long, so that what is seldom in the gradient
is learned as fast as what is common; here a window that only few samples show. With steps as large as AdamW's would be
(Liu et al. 2025, "Muon is scalable for LLM training", section 2.2) both share a learning rate. Torch has it, too, but
one matrix after the other, which takes many times as long as the same products of all matrices at once.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from training.precision import quick

# Odd polynomials a x + b x³ + c x⁵, each the nearest to 1 (Chebyshev) on the range in which the one before leaves what
# began in [.01, 1] (Amsel et al. 2025, "The Polar Express"): it ends in [.73, 1.27], and what is below grows 78-fold.
# Five rounds of Jordan's, from .0015 on, took 1.6 times as long and taught no more (LOG.md).
_ROUNDS = ((8.0934, -23.6204, 17.4462), (3.6366, -2.7219, 0.5365), (2.6613, -1.9772, 0.4526))
_LIKE_ADAM = 0.2
_DECAY = 0.01
_FASTER = 2.0  # of the matrices' rate against that of all else


class Muon(Optimizer):
    """Steps along the orthogonalised momentum (Nesterov's, 0.95), decoupled weight decay; matrices alone."""

    def __init__(
        self, matrices: Sequence[nn.Parameter], lr: float, momentum: float = 0.95, decay: float = 0.01
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take a step; matrices of one shape, or its transpose, are orthogonalised together."""
        for group in self.param_groups:
            alike: dict[tuple[int, int], list[nn.Parameter]] = defaultdict(list)
            for matrix in group["params"]:
                alike[min(matrix.shape), max(matrix.shape)].append(matrix)
            for shape, matrices in alike.items():
                wide = torch.stack([_wide(self._direction(one, group["momentum"])) for one in matrices])
                moves = orthogonal(wide) * (_LIKE_ADAM * shape[1] ** 0.5 * group["lr"])
                for matrix, move in zip(matrices, moves, strict=True):
                    matrix.mul_(1 - group["lr"] * group["decay"]).sub_(move if move.shape == matrix.shape else move.T)

    def _direction(self, matrix: nn.Parameter, momentum: float) -> Tensor:
        gradient = torch.zeros_like(matrix) if matrix.grad is None else matrix.grad
        state = self.state[matrix]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(matrix)
        mean: Tensor = state["momentum"].lerp_(gradient, 1 - momentum)
        return torch.lerp(gradient, mean, momentum)


def _wide(matrix: Tensor) -> Tensor:
    return matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T


def orthogonal(matrices: Tensor) -> Tensor:
    """Each of ``(n, rows, columns)``, rows ≤ columns, with its singular values moved close to 1; those below a
    hundredth of its norm come less close. A matrix of zeros stays one.
    """
    norms = matrices.norm(dim=(-2, -1), keepdim=True)
    found: Tensor = (matrices / norms.clamp_min(1e-7)).to(torch.bfloat16 if quick(matrices.device) else torch.float32)
    for a, b, c in _ROUNDS:
        gram = found @ found.mT
        found = torch.baddbmm(found, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    return found.float()


class Both:
    """The two optimisers of a module as one; ``rate`` is set before each step."""

    def __init__(self, module: nn.Module) -> None:
        named = dict(module.named_parameters())
        hidden = {name for name, parameter in named.items() if ".layer." in name and parameter.ndim == 2}
        self._muon = Muon([named[name] for name in sorted(hidden)], lr=0.0, decay=_DECAY)
        rest = [parameter for name, parameter in named.items() if name not in hidden]
        self._adam = AdamW(rest, lr=0.0, weight_decay=_DECAY, fused=True)

    def step(self, rate: float) -> None:
        """Take a step with this learning rate."""
        for optimizer, times in ((self._adam, 1.0), (self._muon, _FASTER)):
            for group in optimizer.param_groups:
                group["lr"] = rate * times
            optimizer.step()

    def of(self, parameter: nn.Parameter) -> dict[str, Tensor]:
        """What is remembered of a parameter, to be read and to be put back."""
        muons = any(parameter is one for one in self._muon.param_groups[0]["params"])
        state: dict[str, Tensor] = (self._muon if muons else self._adam).state[parameter]
        return state
