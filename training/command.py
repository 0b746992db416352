"""Training from the command line: its options, its progress, and the folder that it writes, whole or not at all.

``python -m training`` trains on files; ``tinylogbert train`` adds topics. Knows no Kafka; loads torch only to train.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from stream.errors import InputError
from stream.windows.settings import WindowSettings
from training.budget import parse_budget
from training.shown import Shown, shown
from training.together import Crew, together

if TYPE_CHECKING:
    from model.baselines import Baseline
    from model.checkpoint import Checkpoint

_BERT_ONLY = ("base_model", "epochs", "steps", "fresh", "plots", "baselines", "device")
_NOT_OF_THE_RECIPE = ("fresh", "plots", "baselines", "device")
_OPTIONS = (
    click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Checkpoint folder."),
    click.option(
        "--detector",
        type=click.Choice(["bert", "pca", "rarity", "forest"]),
        default="bert",
        show_default=True,
        help="TinyLogBERT, or a simple detector behind the same interface (see tinylogbert compare).",
    ),
    click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of all chance."),
    click.option("--epochs", type=click.IntRange(0), default=0, show_default=True, help="Of masked-LM pretraining."),
    click.option(
        "--steps", type=click.IntRange(1), default=400, show_default=True, help="Of the head; 144 windows each."
    ),
    click.option(
        "--false-alarms",
        callback=lambda _context, _option, text: _budget(text),
        default="1e-3",
        show_default=True,
        metavar="BUDGET",
        help="Share of healthy windows that may be called anomalous, or a rate (5/hour, 20/day); sets the threshold.",
    ),
    click.option(
        "--normal-only",
        metavar="CSV",
        help="Labels of blocks: those that are anomalous are left out of training, as most papers do. Lines that no "
        "other block has are suspicious then, whatever they say.",
    ),
    click.option("--base-model", metavar="NAME", help="Pretrained BERT, a folder or of the model hub  [default: none]"),
    click.option("--name", default="hdfs", show_default=True, help="What the logs are called: begins the model's id."),
    click.option("--fresh", is_flag=True, help="Begin anew, where training was interrupted before."),
    click.option("--plots/--no-plots", default=True, help="Curves, scores and vectors as PNG.  [default: on]"),
    click.option(
        "--baselines/--no-baselines",
        default=True,
        help="Fit the simple detectors on the same windows, too, into OUT/baselines: for consume --scorer pca, and for "
        "what replay compares.  [default: on]",
    ),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="cpu",
        show_default=True,
        help="Where TinyLogBERT is trained; auto: CUDA if it is there, in half precision (never tested).",
    ),
    click.option("--source", metavar="TEXT", help="What the lines are and where they are from, for the model card."),
)


def _budget(text: str) -> str:
    """The text, if it is a budget."""
    try:
        return parse_budget(text).asked
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def training_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of ``run_training``."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def run_training(
    lines: Callable[[Callable[[int, int], None]], Iterable[bytes]],
    windows: WindowSettings,
    inputs: Sequence[str],
    *,
    out: Path,
    detector: str,
    normal_only: str | None,
    source: str | None,
    **chosen: Any,
) -> None:
    """Train on ``lines`` (called with what is to be told bytes done and bytes of all), and print the folder.

    ``inputs`` name the lines; ``chosen`` are other fields of ``training.fit.Recipe``, or of the simple detectors'
    ``BaselineRecipe``. Raises InputError.
    """
    from stream.labels import read_labels

    anomalous = {block for block, bad in read_labels(normal_only).items() if bad} if normal_only else set()
    chosen = _fitting(detector, chosen)
    aside = {name: chosen.pop(name) for name in _NOT_OF_THE_RECIPE if name in chosen}
    command = _command(inputs, out, normal_only, chosen, detector)
    # Threads that wait for each other asleep, not spinning: beside other work two of them were five times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    device = _device(aside.get("device", "cpu"))
    checkpoint = None
    with ExitStack() as stack:
        mine = stack.enter_context(together(device))
        keep, folder, progress = _places(stack, mine, out, aside.get("fresh", False))
        _require_one(mine, detector)
        found = iter(lines(partial(progress, "reading")))
        first = list(islice(found, 1))  # what cannot be read is said before torch is loaded
        about = {
            "command": command,
            "source": source or f"Lines of {Path(inputs[0]).name}.",
            "healthy": normal_only is not None,
        }
        drawn, beside = (aside.get(name, False) for name in ("plots", "baselines"))
        bert = partial(_bert, keep=keep, plots=drawn, baselines=beside, device=device)
        fit = bert if detector == "bert" else partial(_simple, detector)
        checkpoint = fit({**chosen, **about}, chain(first, found), folder, windows, progress, anomalous)
    if checkpoint is not None:
        click.echo(
            f"checkpoint {checkpoint.name} is in {out}; try: tinylogbert score FILE --checkpoint {out}", err=True
        )
        click.echo(str(out))


def _places(stack: ExitStack, mine: Crew, out: Path, fresh: bool) -> tuple[Path, Path, Shown]:
    """The file to go on from, the folder to write to, and the progress; nothing is written or shown by who helps."""
    if mine.leads:
        keep = stack.enter_context(_resumable(out, fresh))
        places = keep, stack.enter_context(_whole(out)), stack.enter_context(shown())
    else:
        places = _partial(out), out, _unseen
    mine.meet()  # whoever reads the file to go on from reads what the first one leaves there
    return places


def _unseen(stage: str, done: int, of: int, loss: float | None = None) -> None:
    """A progress that nobody sees."""


def _device(name: str) -> str:
    if name == "cpu":
        return name
    from model.device import device_of

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # CUDA's products are the same each time only with it
    return device_of(name)


def _require_one(mine: Crew, detector: str) -> None:
    if mine.size > 1 and detector != "bert":
        raise InputError(f"--detector {detector} is fitted by one process: start it without torchrun")


def _bert(chosen: dict[str, Any], *arguments: Any, **aside: Any) -> "Checkpoint":
    from training.fit import Recipe, train

    lines, out, *rest = arguments
    return train(lines, out, Recipe(**chosen), *rest, **aside)


def _simple(detector: str, chosen: dict[str, Any], *arguments: Any) -> "Baseline":
    from training.baselines import BaselineRecipe, train_baseline

    lines, out, *rest = arguments
    return train_baseline(lines, out, BaselineRecipe(detector, **chosen), *rest)


def _fitting(detector: str, chosen: dict[str, Any]) -> dict[str, Any]:
    """What was chosen, without what a simple detector does not have; asked for in vain, that is wrong usage."""
    if detector == "bert":
        return chosen
    context = click.get_current_context()
    if vain := [name for name in _BERT_ONLY if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]:
        raise click.UsageError(f"--{vain[0].replace('_', '-')} goes with --detector bert, and not with {detector}")
    return {name: value for name, value in chosen.items() if name not in _BERT_ONLY}


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """A folder that becomes ``out`` if all goes well; whatever goes wrong, ``out`` stays as it was.

    A daemon that watches ``out`` sees all of the old or all of the new. If it is a link, what it points to is replaced.
    """
    out = out.resolve()
    if out.exists() and not (out / "config.json").is_file() and any(out.iterdir()):
        raise InputError(f"{out} is there and is no checkpoint; choose another folder with --out")
    # Hidden names: a person may keep the checkpoint of before as OUT.old beside it.
    new, old = (out.with_name(f".{out.name}.{what}") for what in ("new", "old"))
    try:
        if old.exists() and not out.exists():  # killed between the two renames
            old.rename(out)
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror or error}") from error
    try:
        yield new
        shutil.rmtree(old, ignore_errors=True)
        if out.exists():
            out.rename(old)
        new.rename(out)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _resumable(out: Path, fresh: bool) -> Iterator[Path]:
    """The file from which a training that was interrupted goes on; it is gone when all went well."""
    keep = _partial(out)
    if fresh:
        keep.unlink(missing_ok=True)
    try:
        yield keep
    except KeyboardInterrupt:
        if keep.exists():
            click.echo(f"interrupted; the same command goes on from {keep.name}, --fresh begins anew", err=True)
        raise
    keep.unlink(missing_ok=True)


def _partial(out: Path) -> Path:
    out = out.resolve()
    return out.with_name(out.name + ".partial")


def _command(inputs: Sequence[str], out: Path, normal_only: str | None, chosen: dict[str, Any], detector: str) -> str:
    """The command line that does it again; names of files, not the places where they lie."""
    named = {{"zone": "timezone"}.get(name, name): value for name, value in chosen.items() if value is not None}
    flags = [f"--{name.replace('_', '-')} {value}" for name, value in sorted(named.items())]
    labels = [f"--normal-only {Path(normal_only).name}"] if normal_only else []
    names = [Path(name).name for name in inputs]
    kind = [] if detector == "bert" else [f"--detector {detector}"]
    return " ".join(["tinylogbert train", *names, *kind, f"--out {out.name}", *flags, *labels])
