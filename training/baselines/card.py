"""The model card of a simple detector: what it was fitted on, how, what its threshold is, and what it cannot see."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from model.baselines import Baseline
from training.bags import Corpus

if TYPE_CHECKING:
    from training.baselines.fit import BaselineRecipe

_HOW = {  # the numbers are sizes of the detectors' arrays
    "pca": """\
Event-count PCA (Xu et al. 2009): the log of the squared prediction error of a window's counts outside of {bases[2]}
principal components, averaged over {bases[0]} bootstrapped fits. Their number was chosen by entry-left-out
cross-validation, without labels.""",
    "rarity": """\
Event-set rarity: minus the log of the share of training windows that had exactly this set of kinds of line, by
Laplace's rule of succession; {sets[0]:,} sets were seen.""",
    "forest": """\
Isolation Forest (Liu et al. 2008) over the counts of lines: minus the mean number of random cuts that set a window
apart, over {roots[0]} trees of at most 256 windows.""",
}

_CARD = """\
# {detector} detector `{name}`

A simple detector with the interface of TinyLogBERT; higher is more anomalous, and {closed:.2f} is the threshold of a
complete window, {opened:.2f} that of one that may go on. Fitted without labels{left_out}.

## Data

{source}

{lines:,} lines from {first} to {last}: {windows:,} windows,
{kinds} kinds of line. A fifth of the blocks was held out for calibration.

## Recipe

`{command}` (seed {seed})

{how}

Calibration on the held-out windows, without labels, for {false_alarms:g} false alarms a healthy window; what lay apart
from the rest was taken for failures and left out: {apart:,} of {held_out:,} windows.

## Limits

- Words are not read: all kinds of line that training never saw are alike{unseen}.
- A window that may go on is scored as if it were complete. Healthy blocks that are being written score high as well,
  so the threshold for them is no lower than that of complete ones, and most failures are found when the window is
  closed.
"""


def card(recipe: "BaselineRecipe", corpus: Corpus, baseline: Baseline, left_out: int) -> str:
    """Markdown; figures that need labels are not known here and stay out."""
    shapes = {name: array.shape for name, array in baseline.detector.arrays().items()}
    calibration, held_out = baseline.calibration, corpus.closed.held_out.total()
    return _CARD.format(
        detector={"pca": "PCA", "rarity": "Rarity", "forest": "Isolation Forest"}[recipe.detector],
        name=recipe.name,
        closed=calibration.closed.threshold,
        opened=calibration.open.threshold,
        left_out=f"; {left_out:,} blocks labelled anomalous were left out" if left_out else "",
        source=recipe.source,
        lines=corpus.counts.lines,
        first=_day(corpus.first),
        last=_day(corpus.last),
        windows=corpus.windows,
        kinds=len(baseline.kinds.texts),
        command=recipe.command,
        seed=recipe.seed,
        how=_HOW[recipe.detector].format(**shapes),
        unseen=", and mean nothing to the forest" if recipe.detector == "forest" else "",
        false_alarms=calibration.false_alarms,
        apart=held_out - calibration.closed.windows,
        held_out=held_out,
    )


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
