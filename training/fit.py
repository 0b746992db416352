"""The whole recipe: unlabelled lines → a checkpoint folder.

1. Window the lines as the daemon does; keep distinct bags, complete windows and prefixes; hold some out.
2. Learn a tokenizer (or take the base model's); if asked, pretrain the encoder as a masked language model.
3. Fit a robust classical teacher on the complete windows.
4. Distil it into encoder and head, on windows, on prefixes, and on damaged ones of both.
5. Calibrate on what was held out, and on the rest, corrected, without labels, for a stated budget of false alarms.

Labels are never read. ``left_out`` names blocks that are not trained on, for the protocol of most papers.

Whatever the logs, the work is bounded: distinct windows (``training.bags``), tokens an epoch and a batch, cells of the
teacher's matrix. On one machine with one number of threads a seed gives the same bytes, killed in between or not.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import torch

from model.bert import TinyLogBERT
from model.calibration import Calibration
from model.checkpoint import Checkpoint, load_checkpoint, rounded, save_checkpoint
from model.encoding import WindowEncoder
from model.inference import Inference
from stream.windows.settings import WindowSettings
from training.bags import HELD_OUT, Corpus, collect
from training.base import fresh, pretrained
from training.budget import parse_budget
from training.card import Facts, card
from training.curves import write_curves
from training.head import train_head
from training.heldout import Scored, calibrated_model
from training.loop import Progress
from training.mlm import pretrain
from training.optimism import optimism
from training.prefixes import PrefixTeacher
from training.resume import Kept, identity_of
from training.run import Run
from training.samples import Sampler
from training.sizes import fitted, plan, rows, sizes_of
from training.teacher import Teacher, fit_teacher
from training.together import Helped, crew
from training.typical import typical_windows

_MLM_RATE = 5e-4
_HEAD_RATE = 5e-4
_SOONEST = 1000  # ms of quiet: whenever a daemon looks at a window, training has seen the like


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a person may choose. ``false_alarms``: see ``training.budget``.

    ``epochs`` are those of the masked language model, 0 for none; ``steps`` of the head are batches of 144 windows;
    ``zone`` is the time zone of stamps that name none. ``healthy``: no failure is among the windows that are trained on
    (those ``left_out`` were all). ``name``, ``command`` and ``source`` (what the lines are) stand
    in the model card.
    """

    seed: int = 0
    epochs: int = 0
    steps: int = 400
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
    *,
    keep: Path | None = None,
    plots: bool = False,
    baselines: bool = False,
    device: str = "cpu",
) -> Checkpoint:
    """Train on raw lines, write the checkpoint to ``out`` and return it as it will be loaded.

    ``keep`` names a file: if the process is killed, the same training goes on from there. Its owner takes it away.
    ``plots``: draw curves, scores and their vectors into ``out``, beside ``curves.csv``. ``baselines``: fit the simple
    detectors on the same windows, too, and write them beside it. ``device`` is ``cpu`` or ``cuda``; there it is half
    precision, and not the same bytes each time.

    Raises InputError if there is too little to learn from, or the base model cannot be used; ``Helped`` in a process
    that another one leads (``training.together``), once the weights are trained.
    """
    looks = replace(windows, quiet_after=min(windows.quiet_after, _SOONEST))
    corpus = collect(lines, looks, HELD_OUT, left_out, ZoneInfo(recipe.zone))
    with _deterministic(recipe.seed, strict=device == "cpu"):
        kinds = corpus.kinds()
        model, encoder = pretrained(recipe.base_model, kinds) if recipe.base_model else fresh(kinds)
        sizes = sizes_of(corpus, encoder)
        identity = identity_of([recipe, windows, sorted(left_out), *_said(corpus)])
        crew().compare(identity)
        kept = Kept(keep, identity) if keep else None
        run = Run(progress, plan(corpus, sizes, recipe.epochs, recipe.steps), kept)
        for note in corpus.notes():
            run.say(note)
        rng = np.random.default_rng(recipe.seed)
        model.to(device)
        mlm_loss = pretrain(model, fitted(corpus), encoder, recipe.epochs, sizes.mlm, _MLM_RATE, rng, run, sizes.epoch)
        teacher, samplers = _taught(corpus, kinds, encoder, recipe)
        head_loss = train_head(model, samplers, recipe.steps, sizes.head, _HEAD_RATE, run)
        if not crew().leads:
            raise Helped
        rounded(model.cpu())
        better = optimism(corpus.closed.fitted, corpus.fitted_lives, kinds, recipe.healthy)
        budget = parse_budget(recipe.false_alarms)
        calibration, scored = calibrated_model(model, encoder, corpus, better, budget, recipe.healthy, recipe.seed, run)
    typical = typical_windows(corpus.closed.fitted, encoder, Inference(model), calibration)
    facts = Facts(corpus, len(kinds), teacher.behaviours, mlm_loss, head_loss, len(left_out))
    out.mkdir(parents=True, exist_ok=True)
    write_curves(out, run.curve)
    if plots:
        _drawn(out, run, model, encoder, calibration, scored)
    if baselines:
        _accompanied(out, corpus, recipe, len(left_out), run)
    save_checkpoint(out, model, encoder, calibration, card(recipe, facts, calibration), recipe.name, typical)
    return load_checkpoint(out)


def _taught(corpus: Corpus, kinds: list[str], encoder: WindowEncoder, recipe: Recipe) -> tuple[Teacher, list[Sampler]]:
    rng = np.random.default_rng((recipe.seed, 1))  # a stream of its own: pretraining has no influence on the teacher
    closed, closed_weights = rows(corpus.closed.fitted, kinds)
    teacher = fit_teacher(closed, closed_weights, kinds, healthy=recipe.healthy)
    samplers = [Sampler(closed, closed_weights, kinds, True, encoder, teacher, rng, recipe.healthy)]
    if corpus.open.fitted:
        opened, open_weights = rows(corpus.open.fitted, kinds)
        prefixes = PrefixTeacher(teacher, closed, closed_weights)
        samplers.append(Sampler(opened, open_weights, kinds, False, encoder, prefixes, rng, recipe.healthy))
    return teacher, samplers


def _said(corpus: Corpus) -> Iterator[object]:
    """What the lines said, in one order, whatever order it was counted in."""
    for side in (corpus.closed, corpus.open):
        yield from (sorted(side.fitted.items()), sorted(side.held_out.items()))
    for lives in (corpus.lives, corpus.fitted_lives):
        yield sorted((life.complete, sorted(life.prefixes), number) for life, number in lives.items())
    yield corpus.windows, corpus.first, corpus.last, corpus.counts.lines


@contextmanager
def _deterministic(seed: int, strict: bool) -> Iterator[None]:
    """Torch's generator seeded, and only operations whose results are the same each time, or a warning of others."""
    guard: Any = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), guard.fill_uninitialized_memory
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=not strict)
    guard.fill_uninitialized_memory = False  # a guard against bugs that costs 3 % of the time
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        guard.fill_uninitialized_memory = before[1]


def _accompanied(out: Path, corpus: Corpus, recipe: Recipe, left_out: int, run: Run) -> None:
    from training.baselines import BaselineRecipe
    from training.baselines.company import fit_beside

    same = ("seed", "false_alarms", "name", "zone", "healthy", "command", "source")
    chosen = BaselineRecipe("", **{name: getattr(recipe, name) for name in same})
    fit_beside(corpus, out, chosen, left_out, lambda stage, done, of: run(stage, done, of, None))


def _drawn(
    out: Path, run: Run, model: TinyLogBERT, encoder: WindowEncoder, calibration: Calibration, scored: Scored
) -> None:
    from training.pictures import learning_picture, scores_picture, tsne_picture

    closed: Counter[float] = Counter()
    opened: Counter[float] = Counter()
    for look, number in scored.held.items():
        closed[look.closed] += number
        if look.open is not None:
            opened[look.open] += number
    learning_picture(out, run.curve)
    scores_picture(out, calibration, closed, opened)
    tsne_picture(out, scored.closed, encoder, Inference(model), calibration.closed.threshold)
