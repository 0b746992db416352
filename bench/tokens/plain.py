"""Plain WordPiece: the words of a window's lines, in order, cut where BERT ends. What other log BERTs read."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from model.bert import TinyLogBERT, mini_config, new_encoder
from stream.lines import words
from training.bags import Bag, Floats
from training.damage import Damage
from training.samples import Target
from training.teacher import Lesson
from training.tokenizer import learn_tokenizer
from training.wording import Wording

Ids = tuple[int, ...]
Texts = tuple[str, ...]

MAX_TOKENS = 256
_VOCABULARY = 1024


class PlainEncoder:
    """``[CLS] word pieces of all lines [SEP]``, at most 256; lines are not told apart, as in a text."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self._tokenizer = learn_tokenizer(kinds, _VOCABULARY)
        self.vocabulary: int = self._tokenizer.get_vocab_size()
        vocabulary = self._tokenizer.get_vocab()
        self._ends = vocabulary["[CLS]"], vocabulary["[SEP]"]
        self._pieces: dict[str, Ids] = {}

    def encode(self, texts: Sequence[str]) -> Ids:
        """Token ids of a window's masked lines."""
        return self._ends[0], *self.body(texts)[: MAX_TOKENS - 2], self._ends[1]

    def body(self, texts: Sequence[str]) -> list[int]:
        """All pieces, not cut."""
        return [piece for text in texts for piece in self._of(text)]

    def _of(self, text: str) -> Ids:
        found = self._pieces.get(text)
        if found is None:
            found = self._pieces[text] = tuple(self._tokenizer.encode(words(text), add_special_tokens=False).ids)
        return found


def plain_model(encoder: PlainEncoder) -> TinyLogBERT:
    """A BERT-mini with random weights for 256 tokens."""
    return TinyLogBERT(new_encoder(mini_config(encoder.vocabulary, max_position_embeddings=MAX_TOKENS)))


class PlainSampler:
    """Draws as ``training.samples.Sampler`` does: half of the windows real, half damaged, the teacher's score each."""

    def __init__(
        self,
        windows: Mapping[Bag, tuple[int, Texts]],
        counts: Floats,
        kinds: Sequence[str],
        encoder: PlainEncoder,
        teacher: Target,
        rng: np.random.Generator,
    ) -> None:
        """``windows`` are distinct bags, each with its number of windows and one real order; ``counts`` its rows."""
        frequent = np.sqrt([number for number, _ in windows.values()])
        self._share = 0.5 * frequent / frequent.sum() + 0.5 / len(counts)
        self._orders = [order for _, order in windows.values()]
        self._counts, self._kinds, self._encoder, self._teacher, self._rng = counts, kinds, encoder, teacher, rng
        self._damage, self._wording = Damage(counts, rng), Wording(kinds, rng)

    def draw(self, size: int, over: float = 0.0) -> tuple[list[Ids], Lesson]:
        """Token ids of ``size`` windows and what they teach, the same at any time."""
        chosen = self._rng.choice(len(self._counts), size, p=self._share)
        real = self._counts[chosen]
        rows = np.concatenate([real[: size // 2], self._damage.draw(real[size // 2 :])])
        orders = [self._ordered(self._orders[i], row) for i, row in zip(chosen.tolist(), rows, strict=True)]
        return [self._encoder.encode(order) for order in orders], self._teacher.lesson(rows)

    def _ordered(self, order: Texts, row: Floats) -> list[str]:
        """The lines of the row in the order of a real window: what is too many goes, what is new comes, anywhere."""
        wanted = Counter({self._kinds[i]: int(row[i]) for i in np.flatnonzero(row[:-1]).tolist()})
        if row[-1]:
            wanted[self._wording.troubled()] += int(row[-1])
        lines = list(order)
        for text in (Counter(order) - wanted).elements():
            lines.pop(self._any([i for i, other in enumerate(lines) if other == text]))
        for text in (wanted - Counter(order)).elements():
            lines.insert(int(self._rng.integers(len(lines) + 1)), text)
        return lines

    def _any(self, places: Sequence[int]) -> int:
        return places[int(self._rng.integers(len(places)))]
