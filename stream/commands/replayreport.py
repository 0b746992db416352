"""The report of a replay, and what scoring cost in it. Decides nothing about what is measured."""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from stream.commands.progress import working
from stream.commands.replayinput import Asked
from stream.commands.scorers import scorer_folder
from stream.files import STDIN
from stream.settings import Settings

if TYPE_CHECKING:
    from model.scorers import AnyScorer
    from training.provenance import Provenance
    from training.replay import Replay


class Ran(NamedTuple):
    """What came of a replay: its scorer first, then those beside it, by name; ``lines`` is the checksum of the lines
    that were wanted, each with a newline.
    """

    replay: "Replay"
    scorers: Mapping[str, "AnyScorer"]
    lines: "hashlib._Hash"

    @property
    def scorer(self) -> "AnyScorer":
        """The one that was replayed."""
        return next(iter(self.scorers.values()))


def costs_of(ran: Ran) -> dict[str, float]:
    """Seconds of each scorer for 1,000 windows, told on stderr; nothing where there is none to compare with."""
    if len(ran.scorers) < 2:
        return {}
    from training.cost import seconds_per_thousand

    with working("measuring what scoring costs"):
        fresh = {name: scorer.forgetful() for name, scorer in ran.scorers.items()}
        found = seconds_per_thousand(fresh, ran.replay.contents.texts)
    told = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in found.items())
    click.echo(f"1,000 windows, each scored anew on this machine: {told}", err=True)
    return found


def report_of(
    folder: Path, ran: Ran, asked: Asked, settings: Settings, found: dict[str, Any], costs: Mapping[str, float]
) -> None:
    """Write the report and name its files on stderr; raises InputError if it cannot be written."""
    from training.mistakes import worst_mistakes
    from training.projection import project
    from training.report import Report, write_report

    replay, judged = ran.replay, ran.replay.blocks.judged()
    with working("placing the windows in the plane (t-SNE), up to half a minute"):
        projection = project(judged.blocks, judged.labels, replay.contents.windows(), ran.scorer)
    report = Report(
        judged,
        found,
        replay.p_values(),
        projection,
        replay.prequential.curve,
        replay.delays(),
        worst_mistakes(judged, replay.kept, ran.scorer),
        _provenance(ran, asked, settings),
        next(iter(ran.scorers)),
        replay.beside.scores(judged),
        costs,
    )
    click.echo(f"{folder}: {', '.join(write_report(folder, report))}", err=True)
    if projection is None:
        click.echo("t-SNE is left out: there are too few distinct windows", err=True)


def _provenance(ran: Ran, asked: Asked, settings: Settings) -> "Provenance":
    from model.folder import ALL_FILES
    from training.provenance import checkpoint_checksums, provenance

    checkpoint = checkpoint_checksums(scorer_folder(settings), ALL_FILES)
    for folder in asked.baselines(settings):
        checkpoint |= checkpoint_checksums(folder, ALL_FILES, f"baseline {folder.name}")
    named = (*asked.files, *([asked.labels] if asked.labels else []), *asked.fit_on)
    files = [name for name in named if name != STDIN]
    read = {"lines as they were read": ran.lines.hexdigest()}
    return provenance(sys.argv[1:], files, {**read, **checkpoint})
