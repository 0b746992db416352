"""The simple detectors that stand beside a scorer: those of its checkpoint's folder, others, or fitted in this run."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from stream.files import read_lines
from stream.settings import Settings

if TYPE_CHECKING:
    from model.baselines import BaselineScorer
    from model.scorers import AnyScorer
    from training.bags import Corpus
    from training.shown import Shown

Named = tuple[str, "AnyScorer"]


def name_of(folder: Path) -> str:
    """What a person calls the scorer of a folder: ``TinyLogBERT``, or the detector's name."""
    from model.folder import detector_of

    return detector_of(folder) or "TinyLogBERT"


def folders_beside(asked: Sequence[Path], logs: Sequence[str], settings: Settings) -> list[Path]:
    """Those that were asked for; if nothing was, those that lie beside the checkpoint."""
    from model.folder import beside, shipped_checkpoint

    return list(asked if asked or logs else beside(settings.checkpoint or shipped_checkpoint()).values())


def with_baselines(
    folders: Sequence[Path], logs: Sequence[str], settings: Settings, ours: Named
) -> dict[str, "AnyScorer"]:
    """``ours``, then what is to stand beside it, by names that differ: ``folders``, and all that is fitted on ``logs``.

    Raises InputError.
    """
    once: dict[str, Named] = {}
    for name, scorer in (ours, *_loaded(folders, settings), *_fitted_on(logs, settings, ours[1])):
        once.setdefault(scorer.checkpoint, (name, scorer))
    names = [name for name, _ in once.values()]
    first, *others = once.values()
    told_apart = [(one.checkpoint if names.count(name) > 1 else name, one) for name, one in others]
    return dict([first, *told_apart])


def learned(lines: Iterable[bytes], settings: Settings, left_out: Collection[str] = ()) -> "Corpus":
    """The windows of the lines to fit on, without those of the blocks ``left_out``."""
    from training.bags import HELD_OUT, collect

    return collect(lines, settings.windows, HELD_OUT, left_out, ZoneInfo(settings.timezone))


def fitted(
    corpus: "Corpus", settings: Settings, progress: "Shown", **recipe: Any
) -> Iterator[tuple[str, "BaselineScorer"]]:
    """All simple detectors, fitted; ``recipe`` are fields of ``BaselineRecipe``."""
    from model.baselines import DETECTORS, BaselineScorer
    from training.baselines import BaselineRecipe, fit_baseline

    for done, name in enumerate(DETECTORS):
        progress("fitting", done, len(DETECTORS))
        made = fit_baseline(corpus, BaselineRecipe(name, **{"name": "compared", **recipe}))
        yield name, BaselineScorer(made, settings.memo)
    progress("fitting", len(DETECTORS), len(DETECTORS))


def _loaded(folders: Iterable[Path], settings: Settings) -> list[Named]:
    from model.scorers import scorer_of

    loaded = ((scorer_of(folder, settings.memo, settings.device, settings.threads), folder) for folder in folders)
    return [(name_of(folder), scorer) for scorer, folder in loaded]


def _fitted_on(logs: Sequence[str], settings: Settings, scorer: "AnyScorer") -> list[Named]:
    """Without labels, and for the same budget of false alarms as the scorer beside which they stand."""
    if not logs:
        return []
    from training.budget import LEAST, MOST
    from training.shown import shown

    budget = min(max(scorer.false_alarms, LEAST), MOST)
    with shown() as progress:
        corpus = learned(read_lines(logs, partial(progress, "reading to fit")), settings)
        return list(fitted(corpus, settings, progress, false_alarms=f"{budget:g}", name="fitted"))
