"""``python -m training FILE… --out DIR``: train on files, as ``tinylogbert train`` does."""

from functools import partial
from typing import Any

import click

from stream.cli import run
from stream.files import read_lines
from stream.windows.settings import WindowSettings
from training.command import run_training, training_options


@click.command(
    epilog="""\b
Examples:
  python -m training hdfs.log.gz --out checkpoint
  torchrun --standalone --nproc-per-node 2 -m training hdfs.log.gz --out checkpoint

With torchrun, each process computes its share of every batch; all need the files, and the first one writes."""
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@training_options
def cli(files: tuple[str, ...], **options: Any) -> None:
    """Train TinyLogBERT on unlabelled log files, plain or gzip; - reads standard input."""
    run_training(partial(read_lines, files), WindowSettings(), files, **options)


if __name__ == "__main__":
    run(cli, "python -m training")
