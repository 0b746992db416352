"""The scorer that the settings ask for: the one place where a command gets it. Loads torch only for TinyLogBERT."""

from pathlib import Path
from typing import TYPE_CHECKING

from stream.settings import Settings

if TYPE_CHECKING:
    from model.baselines import BaselineScorer
    from model.scorer import BertScorer

    AnyScorer = BaselineScorer | BertScorer

SCORER_OPTIONS = ("checkpoint", "memo")
WINDOW_OPTIONS = ("timezone", "quiet_after", "close_after", "lateness", "max_lines", "max_age", "max_jump")


def load_scorer(settings: Settings) -> "AnyScorer":
    """What the settings' checkpoint holds, or the shipped TinyLogBERT; raises InputError if it cannot be loaded."""
    return scorer_of(settings.checkpoint, settings.memo)


def scorer_of(folder: Path | None, memo: bool) -> "AnyScorer":
    """TinyLogBERT or a simple detector, whichever the folder holds; raises InputError."""
    from model.folder import detector_of

    if folder is not None and detector_of(folder) is not None:
        from model.baselines import BaselineScorer

        return BaselineScorer.load(folder, memo)
    from model.scorer import BertScorer

    return BertScorer.load(folder, memo)


def checkpoint_files(settings: Settings) -> list[Path]:
    """The files whose change means another checkpoint; none for the shipped one, which changes with the package."""
    if settings.checkpoint is None:
        return []
    from model.folder import ALL_FILES

    return [settings.checkpoint / name for name in ALL_FILES]
