"""TinyLogBERT, its checkpoint and its scorer. Knows neither Kafka nor training.

>>> from model import get_anomaly_score  # doctest: +SKIP
>>> get_anomaly_score("081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_-1 src: /10.0.0.1:5 …")
"""

from model.api import get_anomaly_score
from model.bert import TinyLogBERT
from model.checkpoint import Checkpoint, load_checkpoint

__all__ = ["Checkpoint", "TinyLogBERT", "get_anomaly_score", "load_checkpoint"]
