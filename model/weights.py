"""The weights of a TinyLogBERT by the names that its checkpoint has, checked, ready to be multiplied with rows.

Loads no transformers, which takes several times longer to import than torch: a daemon that scores does without.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

Activation = Callable[[Tensor], Tensor]

_ACTIVATIONS: dict[str, Activation] = {
    "gelu": functional.gelu,
    "gelu_new": partial(functional.gelu, approximate="tanh"),
    "gelu_pytorch_tanh": partial(functional.gelu, approximate="tanh"),
    "relu": functional.relu,
    "silu": functional.silu,
}


class Linear(NamedTuple):
    """Weight ``(out, in)`` and bias ``(out,)``."""

    weight: Tensor
    bias: Tensor

    def __call__(self, rows: Tensor) -> Tensor:
        """``(rows, in)`` → ``(rows, out)``."""
        return functional.linear(rows, self.weight, self.bias)


class Norm(NamedTuple):
    """Scale and shift ``(hidden,)`` of a layer normalisation, and what keeps it from dividing by 0."""

    weight: Tensor
    bias: Tensor
    eps: float

    def __call__(self, rows: Tensor) -> Tensor:
        """``(rows, hidden)`` → the same."""
        return functional.layer_norm(rows, self.bias.shape, self.weight, self.bias, self.eps)


class Weights:
    """A model's state dict with its configuration, that of ``transformers.BertConfig``; moved to ``device``.

    There it is single precision, on CUDA half. Raises KeyError for what is missing, ValueError for what does not fit.
    """

    def __init__(self, values: Mapping[str, Tensor], config: Mapping[str, Any], device: torch.device) -> None:
        self._values = values
        self.device = device
        self.dtype = torch.float16 if device.type == "cuda" else torch.float32
        self.layers, self.heads = int(config["num_hidden_layers"]), int(config["num_attention_heads"])
        self.hidden, self.inner = int(config["hidden_size"]), int(config["intermediate_size"])
        self.vocabulary, self.positions = int(config["vocab_size"]), int(config["max_position_embeddings"])
        self.types, self._eps = int(config["type_vocab_size"]), float(config["layer_norm_eps"])
        if min(self.layers, self.heads) < 1 or self.hidden % self.heads:
            raise ValueError(f"{self.layers} layers and {self.hidden} in {self.heads} heads are no BERT")
        if not 0 < self._eps < 1:
            raise ValueError(f"its layer_norm_eps is {self._eps}, which keeps nothing from being divided by 0")
        if config["hidden_act"] not in _ACTIVATIONS:
            raise ValueError(f"its activation is {config['hidden_act']}, not one of {', '.join(_ACTIVATIONS)}")
        self.activation = _ACTIVATIONS[config["hidden_act"]]

    def tensor(self, name: str, *size: int) -> Tensor:
        """The weight of this name and size."""
        found = self._values[name]
        if found.shape != size:
            raise ValueError(f"{name} is {tuple(found.shape)} and not {size}")
        return found.detach().to(self.device, self.dtype)

    def linear(self, name: str, out: int, into: int) -> Linear:
        """The linear map of this name from ``into`` to ``out``."""
        return Linear(self.tensor(f"{name}.weight", out, into), self.tensor(f"{name}.bias", out))

    def norm(self, name: str) -> Norm:
        """The layer normalisation of this name."""
        weight, bias = (self.tensor(f"{name}.{part}", self.hidden) for part in ("weight", "bias"))
        return Norm(weight, bias, self._eps)
