"""What training starts from: a random BERT-mini with a tokenizer learned from the logs, or given pretrained weights
with their own tokenizer.

The tokens of one line with its fifteen counts begin on one straight line, not in fifteen places that know nothing of
each other: a count that was hardly ever seen lies between those that were, and what is learned of one is learned of
all. So a line that comes three times in windows which are fine is soon told from one that comes three times too often.
A bag has no order, and a line's place in it says nothing: in a model that begins at random, positions begin at nothing,
so that what order means has to be learned.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn

from model.bert import MAX_TOKENS, TinyLogBERT, mini_config, new_encoder
from model.encoding import COUNTS, WindowEncoder, add_tokens
from stream.errors import InputError
from training.tokenizer import learn_tokenizer

_VOCABULARY = 1024
_KNOWN_LINES = 512
_KIND, _STEP = 0.02, 0.06  # standard deviations: of a line's place, and of the step to twice its count
_MOST = 256  # from which count on it goes no further


def fresh(kinds: Sequence[str]) -> tuple[TinyLogBERT, WindowEncoder]:
    """A random BERT-mini (seed torch first); ``kinds`` are masked texts, most frequent first."""
    tokenizer = learn_tokenizer(kinds, _VOCABULARY)
    add_tokens(tokenizer, kinds[:_KNOWN_LINES])
    encoder = new_encoder(mini_config(tokenizer.get_vocab_size()))
    model, windows = TinyLogBERT(encoder), WindowEncoder(tokenizer, MAX_TOKENS)
    nn.init.zeros_(encoder.embeddings.position_embeddings.weight)
    _lay_out(model, windows)
    return model, windows


def pretrained(name: str, kinds: Sequence[str]) -> tuple[TinyLogBERT, WindowEncoder]:
    """A BERT from a local folder or the model hub, such as ``prajjwal1/bert-mini``, with its own word pieces.

    Raises InputError, in one line, if there is no such model, or it is no BERT with word pieces.
    """
    from transformers import AutoTokenizer, BertModel
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        encoder = BertModel.from_pretrained(name, add_pooling_layer=False, use_safetensors=True)  # never a pickle
        tokenizer = Tokenizer.from_str(AutoTokenizer.from_pretrained(name).backend_tokenizer.to_str())
        add_tokens(tokenizer, kinds[:_KNOWN_LINES])
        encoder.resize_token_embeddings(tokenizer.get_vocab_size(), mean_resizing=False)
        windows = WindowEncoder(tokenizer, min(MAX_TOKENS, encoder.config.max_position_embeddings))
        model = TinyLogBERT(encoder)
        _lay_out(model, windows)
        return model, windows
    except (OSError, ValueError, AttributeError, ImportError) as error:
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        where = "" if Path(name).exists() else "; give a local folder if the model hub cannot be reached"
        raise InputError(f"the base model {name} cannot be used: {why}{where}") from error


def _lay_out(model: TinyLogBERT, windows: WindowEncoder) -> None:
    """Put the tokens of each known line in a row, by the logarithm of the count (seed torch first)."""
    weight = model.encoder.get_input_embeddings().weight  # (tokens, hidden)
    with torch.no_grad():
        for ids in windows.lines.values():
            kind, step = _KIND * torch.randn(weight.shape[1]), _STEP * torch.randn(weight.shape[1])
            for count, token in zip(COUNTS, ids, strict=True):
                weight[token] = kind + math.log2(1 + min(count, _MOST)) * step
