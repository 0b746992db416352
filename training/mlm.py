"""Masked-language-model pretraining (Devlin et al. 2019): the encoder learns which lines and words go together.

Known lines are read now as one token, now as their words (in the spirit of BPE-dropout, Provilkov et al. 2020), so that
both readings of a line come to mean the same. Does not know what is anomalous.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from model.bert import TinyLogBERT
from model.encoding import WindowEncoder
from training.bags import Bag
from training.halves import Part, halves
from training.loop import Ids, Progress, optimise
from training.packed import Batch, hidden_at
from training.together import crew

_MASKED = 0.15
_AS_WORDS = 0.1


class MaskedLM(nn.Module):
    """The encoder with BERT's output layer for masked tokens, its decoder tied to the word embeddings."""

    def __init__(self, model: TinyLogBERT) -> None:
        super().__init__()
        from transformers.models.bert.modeling_bert import BertLMPredictionHead

        self.encoder = model.encoder
        self.output = BertLMPredictionHead(model.encoder.config)
        self.output.decoder.weight = model.encoder.get_input_embeddings().weight

    def forward(self, batch: Batch, places: Tensor, labels: Tensor) -> Tensor:
        """Mean cross entropy of ``labels`` at ``places`` of the batch, both ``(masked,)``."""
        device = self.encoder.device
        hidden = hidden_at(self.encoder, batch.to(device), places.to(device))
        logits = self.output(hidden)  # (masked, vocabulary): only where it matters
        return nn.functional.cross_entropy(logits.float(), labels.to(device))


def pretrain(
    model: TinyLogBERT,
    bags: Sequence[tuple[Counter[Bag], bool]],
    encoder: WindowEncoder,
    epochs: int,
    batch: int,
    rate: float,
    rng: np.random.Generator,
    progress: Progress,
    most: int | None = None,
) -> float:
    """Pretrain on bags with their completeness; return the last running loss (nats a masked token).

    An epoch reads every distinct bag as often as the square root of the number of its windows, so that what is
    frequent does not drown what is rare; or, if that is more than ``most`` readings, so many of them, drawn anew.
    """
    reader = _Reader(encoder, rng)
    texts = [(bag, complete) for counted, complete in bags for bag, n in counted.items() for _ in range(_times(n))]
    readings = min(len(texts), most or len(texts))
    steps = epochs * math.ceil(readings / batch)
    if steps == 0:
        return math.nan
    module = MaskedLM(model).to(model.encoder.device)

    def losses() -> Iterator[list[Part]]:
        for _ in range(epochs):
            chosen = rng.permutation(len(texts))[:readings].tolist()
            for i in range(0, readings, batch):
                read = [reader.read(*texts[j]) for j in chosen[i : i + batch]]
                yield _parts(module, masked(read, encoder, rng))

    return optimise(module, losses(), steps, rate, "masked language model", progress)


def readings_of(bags: Sequence[tuple[Counter[Bag], bool]]) -> int:
    """How many readings an epoch has."""
    return sum(_times(n) for counted, _ in bags for n in counted.values())


class Masked(NamedTuple):
    """A window with hidden tokens: ``labels`` are what stood at ``places`` of its ids."""

    ids: Ids
    places: tuple[int, ...]
    labels: tuple[int, ...]


def masked(sequences: Sequence[Ids], encoder: WindowEncoder, rng: np.random.Generator) -> list[Masked]:
    """Windows in which 15 % of the tokens are to be predicted, at least one a window.

    Of those 80 % are masked, 10 % are another token, 10 % stay (Devlin et al. 2019, section 3.1).
    """
    return [_masked(np.array(ids), encoder, rng) for ids in sequences]


def _masked(ids: npt.NDArray[np.int64], encoder: WindowEncoder, rng: np.random.Generator) -> Masked:
    inner = np.arange(1, len(ids) - 1)
    chosen = inner[rng.random(len(inner)) < _MASKED]
    places = chosen if len(chosen) else rng.choice(inner, 1)
    labels, chance = ids[places], rng.random(len(places))
    other = rng.integers(encoder.tokenizer.get_vocab_size(), size=len(places))
    hidden = ids.copy()
    hidden[places] = np.where(chance < 0.8, encoder.mask, np.where(chance < 0.9, other, labels))
    return Masked(tuple(hidden.tolist()), tuple(places.tolist()), tuple(labels.tolist()))


def _parts(module: MaskedLM, windows: Sequence[Masked]) -> list[Part]:
    """What computes this process's parts of the mean loss of a batch."""
    mine = windows[crew().share(len(windows))]
    hidden = sum(len(window.places) for window in windows)
    return [partial(_loss, module, part, hidden) for part in halves(mine, module.encoder.device)]


def _loss(module: MaskedLM, windows: Sequence[Masked], hidden: int) -> Tensor:
    loss: Tensor = module(*placed(windows))
    return loss * (sum(len(window.places) for window in windows) / hidden)


def placed(windows: Sequence[Masked]) -> tuple[Batch, Tensor, Tensor]:
    """A batch of windows, where its hidden tokens are, and what they were: both ``(hidden,)``."""
    batch = Batch([window.ids for window in windows])
    starts = zip(windows, batch.starts.tolist(), strict=True)
    places = torch.tensor([start + place for window, start in starts for place in window.places])
    return batch, places, torch.tensor([label for window in windows for label in window.labels])


class _Reader:
    """Token ids of a bag, some of its known lines read as words."""

    def __init__(self, encoder: WindowEncoder, rng: np.random.Generator) -> None:
        self._encoder = encoder
        self._rng = rng

    def read(self, bag: Bag, complete: bool) -> Ids:
        chances = self._rng.random(len(bag)).tolist()
        as_words = {text for (text, _), chance in zip(bag, chances, strict=True) if chance < _AS_WORDS}
        return self._encoder.encode(dict(bag), complete, as_words)


def _times(windows: int) -> int:
    return math.isqrt(windows - 1) + 1
