"""The scorer that the settings ask for: the one place where a command gets it. Loads no heavy library by itself."""

from pathlib import Path
from typing import TYPE_CHECKING

from stream.settings import Settings

if TYPE_CHECKING:
    from model.scorers import AnyScorer

COMPUTING_OPTIONS = ("memo", "device", "threads")
SCORER_OPTIONS = ("scorer", "checkpoint", "notice_p", "critical_p", *COMPUTING_OPTIONS)
WINDOW_OPTIONS = (
    *("format", "block_pattern", "timezone", "quiet_after", "close_after", "lateness", "max_lines", "max_age"),
    "max_jump",
)


def load_scorer(settings: Settings) -> "AnyScorer":
    """What the settings' checkpoint holds, or the shipped one; raises InputError if it cannot be loaded."""
    from model.scorers import scorer_of

    scorer = scorer_of(settings.checkpoint, settings.memo, settings.device, settings.threads, settings.scorer)
    return scorer.graded(settings.notice_p, settings.critical_p)


def scorer_folder(settings: Settings) -> Path:
    """The folder that ``load_scorer`` loads; raises InputError if the checkpoint holds another scorer."""
    from model.folder import held, shipped_checkpoint

    return held(settings.checkpoint or shipped_checkpoint(), settings.scorer)


def checkpoint_files(settings: Settings) -> list[Path]:
    """The files whose change means another checkpoint; none for the shipped one, which changes with the package."""
    if settings.checkpoint is None:
        return []
    from model.folder import ALL_FILES, BESIDE, SIMPLE

    beside = settings.checkpoint / BESIDE / settings.scorer
    folders = [settings.checkpoint, *([beside] if settings.scorer in SIMPLE else [])]
    return [folder / name for folder in folders for name in ALL_FILES]
