"""Simple detectors from the same windows that teach TinyLogBERT, calibrated alike. Loads no torch."""

from training.baselines.fit import BaselineRecipe, fit_baseline, train_baseline

__all__ = ["BaselineRecipe", "fit_baseline", "train_baseline"]
