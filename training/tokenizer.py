"""A tokenizer learned from the logs and from what every log may say (``training.wordlist``): word pieces of the words;
the tokens of whole lines come later.
"""

from collections.abc import Iterable

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from stream.lines import words
from training.wordlist import EVERYDAY, LEVELS, TROUBLE

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_ALPHABET = [*"abcdefghijklmnopqrstuvwxyz"]


def learn_tokenizer(kinds: Iterable[str], vocabulary: int) -> Tokenizer:
    """Learn word pieces (Schuster & Nakajima 2012) from kinds of lines; any ASCII word can be spelled with them."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=64))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary, special_tokens=_SPECIAL, initial_alphabet=_ALPHABET, show_progress=False
    )
    spelled = [*_ALPHABET, *("a" + letter for letter in _ALPHABET)]  # every letter also inside of a word
    general = (*LEVELS, *TROUBLE, *EVERYDAY)
    tokenizer.train_from_iterator([*(words(kind) for kind in kinds), *general, *spelled], trainer)
    return tokenizer
