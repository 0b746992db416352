"""``python -m bench.detection``: see the help."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import orjson
import platformdirs

from stream.cli import run

_CHOICES = {
    "methods": ("teacher", "pca", "rarity", "forest", "bert", "none"),
    "kinds": ("chance", "time", "window", "mode"),
    "protocols": ("unlabelled", "normal-only"),
}


def _names(context: click.Context, parameter: click.Parameter, value: str) -> list[str]:
    """Names with commas between them, each one that there is."""
    known = _CHOICES[str(parameter.name)]
    names = [name.strip() for name in value.split(",")]
    if wrong := [name for name in names if name not in known]:
        raise click.BadParameter(f"{wrong[0]!r} is none of {', '.join(known)}")
    return [name for name in names if name != "none"]


def _several(flag: str, name: str, default: str, text: str) -> Callable[[Any], Any]:
    return click.option(flag, name, default=default, show_default=True, callback=_names, help=text)


@click.command(
    epilog="""\b
Examples:
  python -m bench.detection --log hdfs-1pct.log.gz --labels hdfs-1pct.labels.csv --methods teacher
  python -m bench.detection --kinds mode --methods none --study
  python -m bench.detection --log hdfs.log --labels labels.csv --methods bert --json detection.json

TinyLogBERT takes minutes a fold. What is done is kept for as long as code and data stay the same: say it again after
Ctrl-C, and it goes on. Without a log, only simulations are judged.""",
    context_settings={"max_content_width": 120},
)
@click.option("--log", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Lines (gzip too).")
@click.option("--labels", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="CSV: BlockId,Label.")
@_several("--methods", "methods", "teacher,pca,rarity,forest", "Some of them, bert, or none.")
@_several("--kinds", "kinds", "chance,time,window,mode", "Of folds.")
@_several("--protocols", "protocols", "unlabelled,normal-only", "Training data as they come, or without failures.")
@click.option("--study", is_flag=True, help="Shows how well criteria without labels pick a detector, too.")
@click.option(
    "--checkpoint", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Judged as it is, too."
)
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1), help="Each fold has one of them.")
@click.option("--every-seed", is_flag=True, help="Each fold has all of them.")
@click.option("--blocks", default=2000, show_default=True, type=click.IntRange(200), help="Of a simulation.")
@click.option("--steps", default=400, show_default=True, type=click.IntRange(1), help="Of TinyLogBERT's head.")
@click.option("--epochs", default=0, show_default=True, type=click.IntRange(0), help="Of its pretraining.")
@click.option("--false-alarms", default=1e-3, show_default=True, type=click.FloatRange(1e-6, 0.05), help="The budget.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Writes the figures to this file, too.")
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="What is done  [default: in the user's cache]"
)
def main(
    log: Path | None,
    labels: Path | None,
    study: bool,
    checkpoint: Path | None,
    json_file: str | None,
    folder: Path | None,
    **chosen: Any,
) -> None:
    """Let methods learn without labels and judge what they have not seen: other blocks, later blocks, distinct windows,
    and modes of failure that were not in training.
    """
    if (log is None) is not (labels is None) or (checkpoint and not log):
        raise click.UsageError("--log and --labels go together, and --checkpoint needs them")
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that spin beside other work cost more than they bring
    from bench.detection.kept import Kept
    from bench.detection.log import read_log
    from bench.detection.methods import methods
    from bench.detection.plan import Wanted, plan
    from bench.detection.run import as_loaded, measure, studies
    from bench.detection.show import show
    from model.scorers import scorer_of
    from stream.commands.progress import working
    from stream.output import open_output
    from training.shown import shown

    wanted = Wanted(**chosen)
    kept = Kept(folder or Path(platformdirs.user_cache_dir("tinylogbert")) / "bench-detection")
    with working("reading, simulating and windowing ..."):
        read = read_log(log, labels) if log and labels else None
        tasks = list(plan(read, wanted))
    asked = [methods(wanted.steps, wanted.epochs)[name] for name in wanted.methods]
    with shown() as told:
        rows = [as_loaded(read, scorer_of(checkpoint, True))] if read and checkpoint else []
        rows += measure(tasks, asked, wanted.protocols, wanted.false_alarms, kept, told)
        studied = studies(tasks, wanted.protocols, kept, told) if study else []
    show(rows, studied, wanted.false_alarms)
    if json_file:
        with open_output(json_file) as file:
            found = {"detection": rows, "criteria": studied}
            file.write(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    run(main, "python -m bench.detection")
