"""The scorer that the settings ask for: the one place where a command gets it. Loads torch only when called."""

from pathlib import Path
from typing import TYPE_CHECKING

from stream.settings import Settings

if TYPE_CHECKING:
    from model.scorer import BertScorer

SCORER_OPTIONS = ("checkpoint", "memo")
WINDOW_OPTIONS = ("timezone", "quiet_after", "close_after", "lateness", "max_lines", "max_age", "max_jump")


def load_scorer(settings: Settings) -> "BertScorer":
    """TinyLogBERT with the settings' checkpoint, or the shipped one; raises InputError if it cannot be loaded."""
    from model.scorer import BertScorer

    return BertScorer.load(settings.checkpoint, settings.memo)


def checkpoint_files(settings: Settings) -> list[Path]:
    """The files whose change means another checkpoint; none for the shipped one, which changes with the package."""
    if settings.checkpoint is None:
        return []
    from model.checkpoint import FILES

    return [settings.checkpoint / name for name in FILES]
