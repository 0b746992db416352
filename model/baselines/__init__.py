"""Simple detectors behind the same seam as TinyLogBERT: what it has to beat, and enough where it does not.

Event-count PCA, event-set rarity and an Isolation Forest, each a few arrays that numpy alone scores with. Knows neither
torch nor scikit-learn, neither Kafka nor how they were fitted (``training.baselines``).
"""

from model.baselines.folder import DETECTORS, Baseline, load_baseline, save_baseline
from model.baselines.scorer import BaselineScorer

__all__ = ["DETECTORS", "Baseline", "BaselineScorer", "load_baseline", "save_baseline"]
