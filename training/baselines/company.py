"""Simple detectors beside a checkpoint: fitted on the windows that TinyLogBERT was trained on, in folders of their own.

So ``consume --scorer pca`` and the comparison of ``replay`` work with it as with the shipped one. Each draws its chance
from the seed alone, so that the checkpoint's bytes do not depend on them.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from model.baselines import save_baseline
from model.folder import BESIDE, SIMPLE
from training.bags import Corpus
from training.baselines.card import card
from training.baselines.fit import BaselineRecipe, fit_baseline


def fit_beside(
    corpus: Corpus, out: Path, recipe: BaselineRecipe, left_out: int, told: Callable[[str, int, int], None]
) -> None:
    """Fit every simple detector and write it to its folder in the checkpoint's folder ``out``.

    ``recipe`` is theirs but for the detector; ``left_out`` blocks are not in the corpus.
    """
    for done, name in enumerate(SIMPLE):
        told("simple detectors", done, len(SIMPLE))
        of = replace(recipe, detector=name)
        folder = out / BESIDE / name
        folder.mkdir(parents=True, exist_ok=True)
        baseline = fit_baseline(corpus, of)
        save_baseline(folder, baseline, card(of, corpus, baseline, left_out), recipe.name)
    told("simple detectors", len(SIMPLE), len(SIMPLE))
