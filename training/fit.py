"""The whole recipe: unlabelled lines → a checkpoint folder.

1. Window the lines as the daemon does; keep distinct bags, complete windows and prefixes; hold some out.
2. Learn a tokenizer (or take the base model's), pretrain the encoder as a masked language model.
3. Fit a robust classical teacher on the complete windows, its number of components chosen without labels.
4. Distil it into encoder and head, on windows, on prefixes, and on damaged ones of both.
5. Calibrate on what was held out, without labels, for a stated budget of false alarms.

Labels are never read. ``left_out`` names blocks that are not trained on, for the protocol of most papers.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import torch

from model.bert import TinyLogBERT
from model.calibration import Calibration
from model.checkpoint import Checkpoint, load_checkpoint, rounded, save_checkpoint
from model.encoding import WindowEncoder
from model.inference import DIGITS, Inference
from stream.windows.settings import WindowSettings
from training.bags import Bag, Bags, Corpus, Floats, collect, matrix
from training.base import fresh, pretrained
from training.budget import parse_budget
from training.calibrate import Held, apart_above, calibrate, looked
from training.card import Facts, card
from training.head import train_head
from training.loop import Progress
from training.mlm import pretrain
from training.prefixes import PrefixTeacher
from training.samples import Sampler
from training.teacher import Teacher, fit_teacher
from training.typical import typical_windows
from training.uniform import calibrated

_HELD_OUT = 0.2
_BATCH = 64
_MLM_BATCH = 32
_MLM_RATE = 5e-4
_HEAD_RATE = 5e-4


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a person may choose. ``false_alarms``: see ``training.budget``.

    ``epochs`` are those of the masked language model, 0 for none; ``steps`` of the head are batches of 64 windows;
    ``zone`` is the time zone of stamps that name none. ``healthy``: no failure is among the windows that are trained on
    (those ``left_out`` were all). ``name``, ``command`` and ``source`` (what the lines are) stand
    in the model card.
    """

    seed: int = 0
    epochs: int = 5
    steps: int = 600
    false_alarms: str = "1e-3"
    base_model: str | None = None
    name: str = "hdfs"
    zone: str = "UTC"
    healthy: bool = False
    command: str = "tinylogbert train"
    source: str = "Lines of a log."


def train(
    lines: Iterable[bytes],
    out: Path,
    recipe: Recipe,
    windows: WindowSettings,
    progress: Progress,
    left_out: Collection[str] = (),
) -> Checkpoint:
    """Train on raw lines, write the checkpoint to ``out`` and return it as it will be loaded.

    Raises InputError if there is too little to learn from, or the base model cannot be used.
    """
    corpus = collect(lines, windows, _HELD_OUT, left_out, ZoneInfo(recipe.zone))
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    kinds = corpus.kinds()
    model, encoder = pretrained(recipe.base_model, kinds) if recipe.base_model else fresh(kinds)
    fitted = [(corpus.closed.fitted, True), (corpus.open.fitted, False)]
    mlm_loss = pretrain(model, fitted, encoder, recipe.epochs, _MLM_BATCH, _MLM_RATE, rng, progress)
    teacher, samplers = _taught(corpus, kinds, encoder, recipe)
    head_loss = train_head(model, samplers, recipe.steps, _BATCH, _HEAD_RATE, progress)
    rounded(model)
    calibration = _calibrated(model, encoder, corpus, recipe)
    typical = typical_windows(corpus.closed.fitted, encoder, Inference(model), calibration)
    facts = Facts(corpus, len(kinds), teacher.components, mlm_loss, head_loss, len(left_out))
    out.mkdir(parents=True, exist_ok=True)
    save_checkpoint(out, model, encoder, calibration, card(recipe, facts, calibration), recipe.name, typical)
    return load_checkpoint(out)


def _taught(corpus: Corpus, kinds: list[str], encoder: WindowEncoder, recipe: Recipe) -> tuple[Teacher, list[Sampler]]:
    rng = np.random.default_rng((recipe.seed, 1))  # a stream of its own: pretraining has no influence on the teacher
    closed, closed_weights = _rows(corpus.closed.fitted, kinds)
    teacher = fit_teacher(closed, closed_weights, rng, healthy=recipe.healthy)
    samplers = [Sampler(closed, closed_weights, kinds, True, encoder, teacher, rng)]
    if corpus.open.fitted:
        opened, open_weights = _rows(corpus.open.fitted, kinds)
        prefixes = PrefixTeacher(teacher, closed, closed_weights)
        samplers.append(Sampler(opened, open_weights, kinds, False, encoder, prefixes, rng))
    return teacher, samplers


def _rows(counted: Counter[Bag], kinds: list[str]) -> tuple[Floats, Floats]:
    return matrix(list(counted), kinds), np.array(list(counted.values()), float)


def _calibrated(model: TinyLogBERT, encoder: WindowEncoder, corpus: Corpus, recipe: Recipe) -> Calibration:
    """Calibrate, move the bias so that 0 is the threshold of complete windows, and calibrate again.

    What lies apart is decided once, and the bias moves by as many digits as scores have: rounded otherwise, some would
    change, and a close decision with them.
    """
    budget = parse_budget(recipe.false_alarms)
    share = budget.share(corpus.windows, corpus.last - corpus.first)
    held = _held_out(model, encoder, corpus)
    above = math.inf if recipe.healthy else apart_above(held)
    threshold = round(calibrate(held, share, above=above).closed.threshold, DIGITS)
    with torch.no_grad():
        model.anomaly_head[2].bias.sub_(threshold)  # type: ignore[operator]
    return calibrated(_held_out(model, encoder, corpus), share, budget.asked, above - threshold, recipe.seed)


def _held_out(model: TinyLogBERT, encoder: WindowEncoder, corpus: Corpus) -> Held:
    inference = Inference(model)

    def scored(bags: Bags, complete: bool) -> dict[Bag, float]:
        encoded = {bag: encoder.encode(dict(bag), complete) for bag in bags.held_out}
        scores = inference.scores(encoded.values())
        return {bag: scores[ids] for bag, ids in encoded.items()}

    return looked(corpus.lives, scored(corpus.closed, True), scored(corpus.open, False))
