"""A window's masked lines → token ids: which kinds of line, how often, in canonical order.

``[CLS] [open|closed] kind [xN] kind … [SEP]``. A line that training knew is one token, so that a window of 19 lines is
some 12 tokens instead of 250; a line never seen falls apart into word pieces, so that it still has a meaning (the
encoder learns both readings of every known line). Repetitions are a count token behind the kind.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from tokenizers import AddedToken, Tokenizer

from model.bert import MAX_TOKENS
from stream.lines import words

OPEN, CLOSED = "[open]", "[closed]"
_LINE = "[line] "
_COUNTS = [(n, f"[x{n}]") for n in range(2, 17)]
_COUNTS += [(24, "[x24]"), (32, "[x32]"), (48, "[x48]"), (64, "[x64]"), (128, "[x128]"), (1 << 62, "[x129+]")]
_WORDS_PER_LINE = 24
_REMEMBERED = 16_384


def add_tokens(tokenizer: Tokenizer, lines: Iterable[str]) -> None:
    """Give a word-piece tokenizer the tokens of windows: completeness, counts, and these known masked lines."""
    special = [OPEN, CLOSED, *(token for _, token in _COUNTS)]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    known = [AddedToken(_LINE + line, special=True, normalized=False) for line in lines]
    tokenizer.add_special_tokens(known)


class WindowEncoder:
    """Encodes bags of masked lines. Deterministic; it holds a cache only."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int = MAX_TOKENS) -> None:
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.pad, self.cls, self.sep, self.mask = (self._id(token) for token in ("[PAD]", "[CLS]", "[SEP]", "[MASK]"))
        self._flags = {False: self._id(OPEN), True: self._id(CLOSED)}
        self._counts = [(limit, self._id(token)) for limit, token in _COUNTS]
        vocabulary = tokenizer.get_vocab(with_added_tokens=True)
        self.lines = {text[len(_LINE) :]: number for text, number in vocabulary.items() if text.startswith(_LINE)}
        self._pieces: dict[str, tuple[int, ...]] = {}

    def encode(
        self, texts: Iterable[str] | Mapping[str, int], complete: bool, as_words: Collection[str] = ()
    ) -> tuple[int, ...]:
        """Token ids of a window, at most ``max_tokens``; lines in ``as_words`` are read as if they were not known.

        Known lines come first, so that a flood of unknown ones cannot push them out; what is too long is cut.
        """
        bag = texts if isinstance(texts, Mapping) else Counter(texts)
        known: list[int] = []
        unknown: list[int] = []
        for text in sorted(bag):
            number = None if text in as_words else self.lines.get(text)
            target = unknown if number is None else known
            target.extend(self.pieces(text) if number is None else (number,))
            if bag[text] > 1:
                target.append(self._count(bag[text]))
        body = (known + unknown)[: self.max_tokens - 3]
        return (self.cls, self._flags[complete], *body, self.sep)

    def pieces(self, text: str) -> tuple[int, ...]:
        """Word pieces of a line, at least one and at most 24."""
        found = self._pieces.get(text)
        if found is None:
            if len(self._pieces) >= _REMEMBERED:
                self._pieces.clear()
            ids = self.tokenizer.encode(words(text), add_special_tokens=False).ids[:_WORDS_PER_LINE]
            found = self._pieces[text] = tuple(ids) or (self._id("[UNK]"),)
        return found

    def _count(self, count: int) -> int:
        return next(token for limit, token in self._counts if count <= limit)

    def _id(self, token: str) -> int:
        number = self.tokenizer.token_to_id(token)
        if number is None:
            raise ValueError(f"the tokenizer has no token {token}")
        return int(number)
