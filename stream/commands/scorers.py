"""The scorer that the settings ask for: the one place where a command gets it. Loads no heavy library by itself."""

from pathlib import Path
from typing import TYPE_CHECKING

from stream.settings import Settings

if TYPE_CHECKING:
    from model.scorers import AnyScorer

COMPUTING_OPTIONS = ("memo", "device", "threads")
SCORER_OPTIONS = ("checkpoint", *COMPUTING_OPTIONS)
WINDOW_OPTIONS = ("timezone", "quiet_after", "close_after", "lateness", "max_lines", "max_age", "max_jump")


def load_scorer(settings: Settings) -> "AnyScorer":
    """What the settings' checkpoint holds, or the shipped TinyLogBERT; raises InputError if it cannot be loaded."""
    from model.scorers import scorer_of

    return scorer_of(settings.checkpoint, settings.memo, settings.device, settings.threads)


def checkpoint_files(settings: Settings) -> list[Path]:
    """The files whose change means another checkpoint; none for the shipped one, which changes with the package."""
    if settings.checkpoint is None:
        return []
    from model.folder import ALL_FILES

    return [settings.checkpoint / name for name in ALL_FILES]
