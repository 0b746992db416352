"""A tokenizer learned from the logs and from what every log may say (``training.wordlist``): word pieces of the words;
the tokens of whole lines come later.
"""

from collections import Counter
from collections.abc import Iterable

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from stream.lines import words
from training.wordlist import EVERYDAY, LEVELS, TROUBLE

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_ALPHABET = [*"abcdefghijklmnopqrstuvwxyz"]
_OTHER_LETTERS = 128
_NORMALIZER = normalizers.BertNormalizer(lowercase=True)


def learn_tokenizer(kinds: Iterable[str], vocabulary: int) -> Tokenizer:
    """Learn word pieces (Schuster & Nakajima 2012) from kinds of lines; any ASCII word can be spelled with them.

    The same kinds in the same order give the same tokenizer. The library's trainer numbers letters inside of a word in
    the order of a hash table, which differs from run to run, and breaks ties by number; only what is called special is
    numbered as given. So every letter is, for as long as it learns.
    """
    texts = [*(words(kind) for kind in kinds), *LEVELS, *TROUBLE, *EVERYDAY]
    letters = _letters(texts)
    pieces = [*letters, *(f"##{letter}" for letter in letters)]
    learning = _tokenizer({})
    learning.train_from_iterator(
        texts,
        trainers.WordPieceTrainer(
            vocab_size=max(vocabulary, len(_SPECIAL) + len(pieces)),
            special_tokens=[*_SPECIAL, *pieces],
            initial_alphabet=letters,
            limit_alphabet=len(letters),
            show_progress=False,
        ),
    )
    learned = _tokenizer(learning.get_vocab())
    learned.add_special_tokens(_SPECIAL)
    return learned


def _tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=64))
    tokenizer.normalizer = _NORMALIZER
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def _letters(texts: Iterable[str]) -> list[str]:
    """The letters of the alphabet, and the most frequent of all others."""
    seen = Counter("".join(_NORMALIZER.normalize_str(text) for text in texts))
    others = [letter for letter in seen if not letter.isspace() and letter not in _ALPHABET]
    return [*_ALPHABET, *sorted(others, key=lambda letter: (-seen[letter], letter))[:_OTHER_LETTERS]]
