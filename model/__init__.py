"""TinyLogBERT, its checkpoint and its scorer. Knows neither Kafka nor training.

>>> from model import get_anomaly_score  # doctest: +SKIP
>>> get_anomaly_score("081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_-1 src: /10.0.0.1:5 …")
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model.api import get_anomaly_score
    from model.bert import TinyLogBERT
    from model.checkpoint import Checkpoint, load_checkpoint
else:
    _HOMES = {
        "Checkpoint": "model.checkpoint",
        "TinyLogBERT": "model.bert",
        "get_anomaly_score": "model.api",
        "load_checkpoint": "model.checkpoint",
    }

    def __getattr__(name: str) -> object:
        """Import what is asked for when it is: a simple detector does not wait for torch."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)


__all__ = ["Checkpoint", "TinyLogBERT", "get_anomaly_score", "load_checkpoint"]
