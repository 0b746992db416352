"""Masked-language-model pretraining (Devlin et al. 2019): the encoder learns which lines and words go together.

Known lines are read now as one token, now as their words (in the spirit of BPE-dropout, Provilkov et al. 2020), so that
both readings of a line come to mean the same. Does not know what is anomalous.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from model.bert import TinyLogBERT
from model.encoding import WindowEncoder
from training.bags import Bag
from training.loop import Ids, Progress, batch_of, optimise

_MASKED = 0.15
_AS_WORDS = 0.1
_IGNORED = -100
_POOL = 16


class MaskedLM(nn.Module):
    """The encoder with BERT's output layer for masked tokens, its decoder tied to the word embeddings."""

    def __init__(self, model: TinyLogBERT) -> None:
        super().__init__()
        from transformers.models.bert.modeling_bert import BertLMPredictionHead

        self.encoder = model.encoder
        self.output = BertLMPredictionHead(model.encoder.config)
        self.output.decoder.weight = model.encoder.get_input_embeddings().weight

    def forward(self, ids: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        """Mean cross entropy at the places where ``labels`` ``(B, T)`` is not -100."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state  # (B, T, H)
        wanted = labels != _IGNORED
        logits = self.output(hidden[wanted])  # (masked, vocabulary): only where it matters
        return nn.functional.cross_entropy(logits, labels[wanted])


def pretrain(
    model: TinyLogBERT,
    bags: Sequence[tuple[Counter[Bag], bool]],
    encoder: WindowEncoder,
    epochs: int,
    batch: int,
    rate: float,
    rng: np.random.Generator,
    progress: Progress,
) -> float:
    """Pretrain on bags with their completeness; return the last running loss (nats a masked token).

    An epoch reads every distinct bag as often as the square root of the number of its windows, so that what is
    frequent does not drown what is rare.
    """
    reader = _Reader(encoder, rng)
    texts = [(bag, complete) for counted, complete in bags for bag, n in counted.items() for _ in range(_times(n))]
    steps = epochs * math.ceil(len(texts) / batch)
    if steps == 0:
        return math.nan
    module = MaskedLM(model)

    def losses() -> Iterator[Callable[[], Tensor]]:
        for _ in range(epochs):
            for drawn in _batches((reader.read(*texts[j]) for j in rng.permutation(len(texts)).tolist()), batch, rng):
                yield lambda drawn=drawn: module(*masked(drawn, encoder, rng))  # type: ignore[misc]

    return optimise(module, losses(), steps, rate, "masked language model", progress)


def masked(sequences: Sequence[Ids], encoder: WindowEncoder, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, mask and labels ``(B, T)``: 15 % of the tokens are to be predicted, at least one a window.

    Of those 80 % are masked, 10 % are another token, 10 % stay (Devlin et al. 2019, section 3.1).
    """
    ids, mask = batch_of(sequences)
    labels = torch.full_like(ids, _IGNORED)
    vocabulary = encoder.tokenizer.get_vocab_size()
    for row, sequence in enumerate(sequences):
        inner = np.arange(1, len(sequence) - 1)
        chosen = inner[rng.random(len(inner)) < _MASKED]
        places = chosen if len(chosen) else rng.choice(inner, 1)
        for place, chance in zip(places.tolist(), rng.random(len(places)).tolist(), strict=True):
            labels[row, place] = ids[row, place]
            if chance < 0.8:
                ids[row, place] = encoder.mask
            elif chance < 0.9:
                ids[row, place] = int(rng.integers(vocabulary))
    return ids, mask, labels


class _Reader:
    """Token ids of a bag, some of its known lines read as words."""

    def __init__(self, encoder: WindowEncoder, rng: np.random.Generator) -> None:
        self._encoder = encoder
        self._rng = rng

    def read(self, bag: Bag, complete: bool) -> Ids:
        chances = self._rng.random(len(bag)).tolist()
        as_words = {text for (text, _), chance in zip(bag, chances, strict=True) if chance < _AS_WORDS}
        return self._encoder.encode(dict(bag), complete, as_words)


def _batches(sequences: Iterable[Ids], size: int, rng: np.random.Generator) -> Iterator[list[Ids]]:
    """Batches of similar length, so that padding costs little, in an order that chance decides."""
    rest = iter(sequences)
    while pool := sorted(islice(rest, size * _POOL), key=len):
        starts = range(0, len(pool), size)
        for i in rng.permutation(len(starts)).tolist():
            yield pool[starts[i] : starts[i] + size]


def _times(windows: int) -> int:
    return math.isqrt(windows - 1) + 1
