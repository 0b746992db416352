"""``tinylogbert data hdfs``: the public log that everything is measured on, fetched and checked."""

from pathlib import Path

import click

from stream.commands.progress import reading


@click.group("data")
def data_command() -> None:
    """Public logs with labels, to measure on."""


@data_command.command(
    epilog="""\b
Examples:
  tinylogbert data hdfs
  tinylogbert data hdfs --out /data/hdfs --url https://mirror.example/HDFS_v1.zip
  tinylogbert replay hdfs-v1/HDFS.log --labels hdfs-v1/anomaly_label.csv

187 MB come over the net, 1.8 GB must be free. Prints the paths of the log (11,175,629 lines) and of the labels (575,061
blocks). Whatever interrupts it, Ctrl-C too, it goes on from there when it is run again, and does nothing if both files
are there and right: size and SHA-256 are checked each time. The set is for research and academic work: cite loghub
(Zhu et al., ISSRE 2023) and its address, github.com/logpai/loghub."""
)
@click.option(
    "--out",
    default="hdfs-v1",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of HDFS.log and anomaly_label.csv.",
)
@click.option("--url", metavar="URL", help="Where HDFS_v1.zip is  [default: loghub's record 8196385 at Zenodo]")
@click.option("--keep-archive", is_flag=True, help="Keep HDFS_v1.zip too.")
def hdfs(out: Path, url: str | None, keep_archive: bool) -> None:
    """Fetch HDFS_v1, check it, unpack its raw log and labels."""
    from stream.dataset import HDFS_V1, obtain

    for path in obtain(HDFS_V1, out, reading, url, keep_archive):
        click.echo(path)
