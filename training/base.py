"""What training starts from: a random BERT-mini with a tokenizer learned from the logs, or given pretrained weights
with their own tokenizer.
"""

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from model.bert import MAX_TOKENS, TinyLogBERT, mini_config, new_encoder
from model.encoding import WindowEncoder, add_tokens
from stream.errors import InputError
from training.tokenizer import learn_tokenizer

_VOCABULARY = 1024
_KNOWN_LINES = 512


def fresh(kinds: Sequence[str]) -> tuple[TinyLogBERT, WindowEncoder]:
    """A random BERT-mini (seed torch first); ``kinds`` are masked texts, most frequent first."""
    tokenizer = learn_tokenizer(kinds, _VOCABULARY)
    add_tokens(tokenizer, kinds[:_KNOWN_LINES])
    encoder = new_encoder(mini_config(tokenizer.get_vocab_size()))
    return TinyLogBERT(encoder), WindowEncoder(tokenizer, MAX_TOKENS)


def pretrained(name: str, kinds: Sequence[str]) -> tuple[TinyLogBERT, WindowEncoder]:
    """A BERT from a local folder or the model hub, such as ``prajjwal1/bert-mini``, with its own word pieces.

    Raises InputError, in one line, if there is no such model, or it is no BERT with word pieces.
    """
    from transformers import AutoTokenizer, BertModel
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        encoder = BertModel.from_pretrained(name, add_pooling_layer=False)
        tokenizer = Tokenizer.from_str(AutoTokenizer.from_pretrained(name).backend_tokenizer.to_str())
        add_tokens(tokenizer, kinds[:_KNOWN_LINES])
        encoder.resize_token_embeddings(tokenizer.get_vocab_size(), mean_resizing=False)
        return TinyLogBERT(encoder), WindowEncoder(tokenizer, min(MAX_TOKENS, encoder.config.max_position_embeddings))
    except (OSError, ValueError, AttributeError, ImportError) as error:
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        where = "" if Path(name).exists() else "; give a local folder if the model hub cannot be reached"
        raise InputError(f"the base model {name} cannot be used: {why}{where}") from error
