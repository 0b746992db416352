"""A window's masked lines → token ids: which kinds of line, and how often each came.

``[CLS] [open|closed] kind×count kind×count … [SEP]``. A line that training knew is one token together with its count,
so that a window of 19 lines is some 10 tokens instead of 250, and no layer has to find out which count belongs to which
line. A line never seen falls apart into word pieces, a count token behind them, so that it still has a meaning (the
encoder learns both readings of every known line). Counts are exact up to 8, then coarser.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from tokenizers import AddedToken, Tokenizer

from model.bert import MAX_TOKENS
from stream.lines import words

OPEN, CLOSED = "[open]", "[closed]"
COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 64, 128, 1 << 62)
"""The counts that a token may stand for, each for all down to the one before."""
_LINE = "[x1] "
_FRAME = 3  # [CLS], whether it is complete, [SEP]
_PIECES_PER_LINE = 32  # the reason of a failure stands at the end of its line
_REMEMBERED = 16_384


def add_tokens(tokenizer: Tokenizer, lines: Iterable[str]) -> None:
    """Give a word-piece tokenizer the tokens of windows: completeness, counts, and these known masked lines."""
    counts = [f"[x{count}]" for count in COUNTS]
    tokens = [OPEN, CLOSED, *counts, *(f"{count} {line}" for line in lines for count in counts)]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in tokens])


class WindowEncoder:
    """Encodes bags of masked lines. Deterministic; it holds a cache only.

    Raises ValueError for a tokenizer without the tokens of windows, and for so few ``max_tokens`` that none is a line.
    """

    def __init__(self, tokenizer: Tokenizer, max_tokens: int = MAX_TOKENS) -> None:
        if max_tokens <= _FRAME:
            raise ValueError(f"a window of {max_tokens} tokens has no room for a line")
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.pad, self.cls, self.sep, self.mask = (self._id(token) for token in ("[PAD]", "[CLS]", "[SEP]", "[MASK]"))
        self._flags = {False: self._id(OPEN), True: self._id(CLOSED)}
        self._counts = tuple(self._id(f"[x{count}]") for count in COUNTS)
        vocabulary = tokenizer.get_vocab(with_added_tokens=True)
        known = sorted((text for text in vocabulary if text.startswith(_LINE)), key=vocabulary.__getitem__)
        names = [text[len(_LINE) :] for text in known]  # in the order in which they were added: most frequent first
        self.lines = {line: tuple(self._id(f"[x{count}] {line}") for count in COUNTS) for line in names}
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
            rank = bisect_left(COUNTS, bag[text])
            tokens = None if text in as_words else self.lines.get(text)
            if tokens is not None:
                known.append(tokens[rank])
                continue
            unknown.extend(self.pieces(text))
            if rank:
                unknown.append(self._counts[rank])
        body = (known + unknown)[: self.max_tokens - _FRAME]
        return (self.cls, self._flags[complete], *body, self.sep)

    def pieces(self, text: str) -> tuple[int, ...]:
        """Word pieces of a line, at least one and at most 32."""
        found = self._pieces.get(text)
        if found is None:
            if len(self._pieces) >= _REMEMBERED:
                self._pieces.clear()
            ids = self.tokenizer.encode(words(text), add_special_tokens=False).ids[:_PIECES_PER_LINE]
            found = self._pieces[text] = tuple(ids) or (self._id("[UNK]"),)
        return found

    def _id(self, token: str) -> int:
        number = self.tokenizer.token_to_id(token)
        if number is None:
            raise ValueError(f"the tokenizer has no token {token}")
        return int(number)
