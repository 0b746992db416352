"""``tinylogbert demo``: the whole of it on one machine, in half a minute."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

if TYPE_CHECKING:
    from stream.demo.play import Played


@click.command(
    "demo",
    epilog="""\b
Examples:
  tinylogbert demo
  tinylogbert demo --blocks 10000 --seconds 60 --out my-demo
  tinylogbert demo --no-page

On a terminal the page stays up at the end until you press Enter; elsewhere (make demo in CI) for --keep seconds, none
by default. Ctrl-C ends it at any moment and leaves nothing running.""",
)
@click.option("--blocks", type=click.IntRange(100, 200_000), default=1200, show_default=True, help="Blocks to write.")
@click.option("--seconds", type=click.FloatRange(1), default=6.0, show_default=True, help="How long to play the log.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="Another seed, another log.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-output"),
    show_default=True,
    help="Folder of all that is left afterwards.",
)
@click.option("--checkpoint", type=click.Path(file_okay=False, path_type=Path), help="Another checkpoint folder.")
@click.option("--page/--no-page", default=True, help="The live page, on a free port of this machine.  [default: on]")
@click.option(
    "--keep",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="How long the page stays up at the end  [default: until Enter on a terminal, else 0]",
)
def demo_command(
    blocks: int, seconds: float, seed: int, out: Path, checkpoint: Path | None, page: bool, keep: float | None
) -> None:
    """Show everything: a Kafka broker, the daemon, a stream of HDFS lines with failures in it, its alarms, the page.

    Alarms come as they are found, a row for each block: when, how bad, the score, its p-value, and the line that shows
    it. At the end, since the stream is labelled, the streaming AUC says how well the failures were told.
    """
    from stream.demo.play import Plan, play
    from stream.demo.show import Show

    show = Show(Console(highlight=False), Console(stderr=True, highlight=False))

    def linger(played: "Played") -> None:
        show.still()
        click.echo(_sum(played.figures, out))
        if played.url:
            _linger(played, keep)

    with show.live():
        play(Plan(out, blocks, seed, seconds, checkpoint, page), show, linger)


def _linger(played: "Played", keep: float | None) -> None:
    from stream.demo.linger import is_watched, until_told

    watched = is_watched(sys.stdin, sys.stdout)
    if not watched and not keep:
        return
    ends = " or ".join(
        [*(["Enter"] if watched else []), "Ctrl-C", *([f"{keep:g} seconds"] if keep is not None else [])]
    )
    click.echo(f"\nthe page stays at {played.url}; {ends} ends it", err=True)
    until_told(sys.stdin if watched else None, keep, played.check)


def _sum(found: dict[str, Any], out: Path) -> str:
    at = found["at_threshold"]
    return f"""
{found["lines"]:,} lines of {found["blocks"]:,} blocks; {found["anomalous"]} of them failed, and nobody told the model.
streaming AUC {found["roc_auc"]:.4f}, average precision {found["average_precision"]:.4f}
alarms at the label-free threshold: {at["true_positives"]} right, {at["false_positives"]} false, \
{at["false_negatives"]} failures missed

{out}/stream.log.gz and labels.csv   what was played
{out}/scores.csv and figures.json    what came out
{out}/daemon.log                     what the daemon said
Next: tinylogbert evaluate --scores {out}/scores.csv --labels {out}/labels.csv --report {out}/report"""
