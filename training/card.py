"""The model card of a checkpoint: what it was trained on, how, what came out, and what it is not for."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from model.calibration import Calibration
from training.bags import Corpus

if TYPE_CHECKING:
    from training.fit import Recipe


@dataclass(frozen=True, slots=True)
class Facts:
    """What came out of training; losses are running means at the end."""

    corpus: Corpus
    kinds: int
    behaviours: tuple[int, ...]
    mlm_loss: float
    head_loss: float
    left_out: int


_CARD = """\
# TinyLogBERT checkpoint `{name}`

A BERT encoder with an anomaly head that scores the log lines of one block in one forward pass; higher is more
anomalous, and 0 is the threshold of a complete window. Trained without labels{left_out}.

## Data

{source}

{lines:,} lines from {first} to {last}: {windows:,} windows ({distinct:,} distinct), {prefixes:,} prefixes of windows
where a block fell quiet ({distinct_prefixes:,} distinct), {kinds} kinds of line. A fifth of the blocks was held out
for calibration.{notes}

## Recipe

`{command}` (seed {seed})

1. {begin}
2. A teacher: the squared error, a line, of event counts{views} outside of {behaviours} ways of behaving;
   lines that speak of trouble weigh double where they do not fit.
3. The head, distilled from the teacher on real, incomplete, composed and damaged windows, {steps} steps; last loss
   {head_loss:.3f} (Huber, in the teacher's log error, and of its reasons).
4. Calibration, without labels, on the held-out windows{also},
   for false alarms on {false_alarms:.3g} of the healthy windows (asked: {asked}), at any time from a window's first
   line to its last. What lay apart from the rest (Otsu's split) was taken for failures and left out: {apart:,} of
   {calibrating:,} windows. Those of them that are healthy, if any, are false alarms beside the budget.{uniform}

Threshold of a complete window {closed:.2f}, of one that may go on {opened:.2f}.

## Limits

- It knows the kinds of line of its training logs as single tokens; others it reads as words, and judges by them.
- A harmless line that it does not know, in the place of one that it does and as often, is taken for that line in other
  words: a line that is missing behind such news is not found.
- Order within a window is not seen: what counts is which kinds of line there are, and how often.
- A failure that shows only in what does not come is found when the window is closed, not before.
- The budget of false alarms is meant for windows like those above. Behaviour that is new to them rings more often.

## When a simple detector is enough

Where training has seen nearly all kinds of line and failures show in how often these come, PCA on event counts is not
much worse and takes a fraction of the time (`consume --scorer pca`, if it lies beside). It cannot read: a new line is
new to it, harmless or not. `tinylogbert replay` runs both on your logs and says whether the difference may be chance.
"""


def card(recipe: "Recipe", facts: Facts, calibration: Calibration) -> str:
    """Markdown; figures that need labels are not known here and stay out."""
    corpus = facts.corpus
    held_out = corpus.closed.held_out.total()
    calibrating = round(calibration.closed.windows / (1 - calibration.apart))
    return _CARD.format(
        name=recipe.name,
        left_out=f"; {facts.left_out:,} blocks labelled anomalous were left out" if facts.left_out else "",
        source=recipe.source,
        lines=corpus.counts.lines,
        first=_day(corpus.first),
        last=_day(corpus.last),
        windows=corpus.windows,
        distinct=len(corpus.closed.fitted | corpus.closed.held_out),
        prefixes=corpus.open.fitted.total() + corpus.open.held_out.total(),
        distinct_prefixes=len(corpus.open.fitted | corpus.open.held_out),
        kinds=facts.kinds,
        notes="".join(f"\n\nNote: {note}." for note in corpus.notes()),
        command=recipe.command,
        seed=recipe.seed,
        begin=_begin(recipe, facts.mlm_loss),
        views=" and of which kinds there are" if len(facts.behaviours) > 1 else "",
        behaviours=" and ".join(map(str, facts.behaviours)),
        steps=recipe.steps,
        head_loss=facts.head_loss,
        false_alarms=calibration.false_alarms,
        asked=calibration.asked,
        uniform=_uniform(calibration),
        also=" and, corrected for the teacher's optimism, on those trained on" if calibrating > held_out else "",
        apart=calibrating - calibration.closed.windows,
        calibrating=calibrating,
        closed=round(calibration.closed.threshold, 2) + 0.0,
        opened=round(calibration.open.threshold, 2) + 0.0,
    )


def _begin(recipe: "Recipe", loss: float) -> str:
    """What the head's training starts from, as a sentence."""
    base = recipe.base_model or "random weights"
    if not recipe.epochs:
        return f"It begins at {base}, without masked-language-model pretraining."
    return f"Masked-language-model pretraining, {recipe.epochs} epochs from {base}; last loss {loss:.3f} nats a token."


def _uniform(calibration: Calibration) -> str:
    """How uniform the p-values are, as a sentence."""
    names = {"closed": "complete", "open": "still open"}
    tests = [
        f"{names[name]} {test.statistic:.3f} (p = {test.p_value:.2f}, {test.windows:,} windows)"
        for name, test in calibration.uniform.items()
    ]
    return (
        f"\n   P-values of one half against the other, distance from uniform (KS): {'; '.join(tests)}." if tests else ""
    )


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
