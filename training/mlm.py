"""Masked-language-model pretraining (Devlin et al. 2019): the encoder learns which lines and words go together.

Known lines are read now as one token, now as their words (in the spirit of BPE-dropout, Provilkov et al. 2020), so that
both readings of a line come to mean the same. Does not know what is anomalous.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from model.bert import TinyLogBERT
from model.encoding import WindowEncoder
from training.bags import Bag
from training.loop import Ids, Progress, optimise
from training.together import Crew, crew
from training.unpadded import Batch, hidden_at

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
        return nn.functional.cross_entropy(logits, labels.to(device))


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

    def losses() -> Iterator[Callable[[], Tensor]]:
        for _ in range(epochs):
            chosen = rng.permutation(len(texts))[:readings].tolist()
            for i in range(0, readings, batch):
                read = [reader.read(*texts[j]) for j in chosen[i : i + batch]]
                yield _loss(module, *masked(read, encoder, rng))

    return optimise(module, losses(), steps, rate, "masked language model", progress)


def readings_of(bags: Sequence[tuple[Counter[Bag], bool]]) -> int:
    """How many readings an epoch has."""
    return sum(_times(n) for counted, _ in bags for n in counted.values())


def masked(sequences: Sequence[Ids], encoder: WindowEncoder, rng: np.random.Generator) -> tuple[Batch, Tensor, Tensor]:
    """A batch in which 15 % of the tokens are to be predicted, at least one a window, their places and what they were.

    Of those 80 % are masked, 10 % are another token, 10 % stay (Devlin et al. 2019, section 3.1).
    """
    batch = Batch(sequences)
    vocabulary = encoder.tokenizer.get_vocab_size()
    places: list[int] = []
    for start, sequence in zip(batch.starts.tolist(), sequences, strict=True):
        inner = np.arange(1, len(sequence) - 1)
        chosen = inner[rng.random(len(inner)) < _MASKED]
        places.extend((start + (chosen if len(chosen) else rng.choice(inner, 1))).tolist())
    where = torch.tensor(places)
    labels = batch.ids[where]
    chance, other = rng.random(len(places)), rng.integers(vocabulary, size=len(places))
    batch.ids[where[torch.from_numpy(chance < 0.8)]] = encoder.mask
    swapped = torch.from_numpy((chance >= 0.8) & (chance < 0.9))
    batch.ids[where[swapped]] = torch.from_numpy(other)[swapped]
    return batch, where, labels


def _loss(module: MaskedLM, batch: Batch, places: Tensor, labels: Tensor) -> Callable[[], Tensor]:
    """What computes this process's part of the mean loss of a masked batch."""
    mine = part_of(batch, places, labels, crew())
    return lambda: module(*mine) * (len(mine[1]) / len(places)) if mine else torch.zeros(1)


def part_of(batch: Batch, places: Tensor, labels: Tensor, who: Crew) -> tuple[Batch, Tensor, Tensor] | None:
    """Of a masked batch, the windows that a process computes; None if there are none."""
    if who.size == 1:
        return batch, places, labels
    mine = who.share(batch.windows)
    starts = [*batch.starts.tolist(), len(batch.ids)][mine.start : mine.stop + 1]
    if len(starts) < 2:
        return None
    ids = batch.ids.tolist()
    part = Batch([tuple(ids[first:end]) for first, end in pairwise(starts)])
    inside = (places >= starts[0]) & (places < starts[-1])
    return part, places[inside] - starts[0], labels[inside]


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
