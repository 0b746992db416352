"""``tinylogbert produce``: log files to the raw topic, at full speed or by the log's own clock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from stream.commands.options import settings_options
from stream.errors import BrokerError
from stream.files import read_lines
from stream.labels import read_labels
from stream.settings import Settings

if TYPE_CHECKING:
    from stream.kafka.sender import Sender

_QUIET_S = 2.0
_LOG_EVERY_S = 10.0


class _Speed(click.ParamType[float | None]):
    """``max``, or how many times faster than it happened."""

    name = "speed"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """Return None for ``max``."""
        if value is None or value == "max":
            return None
        try:
            speed = float(str(value))
        except ValueError:
            speed = 0.0
        if not 0 < speed < float("inf"):
            self.fail(f"{value!r} is neither max nor a number above 0, such as 1 or 60", param, ctx)
        return speed


@click.command(
    "produce",
    epilog="""\b
Examples:
  tinylogbert produce hdfs.log.gz --labels labels.csv
  tinylogbert produce --speed 60 hdfs.log
  tail -F hadoop.log | tinylogbert produce -

\b
Ctrl-C delivers what was sent so far and says how much. What cannot be delivered makes the exit code 1.""",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--topic", metavar="TOPIC", help="Topic to write to  [default: the raw topic, hdfs.raw]")
@click.option(
    "--labels", metavar="CSV", help="BlockId,Label: each line of a block in it gets the header label, 0 or 1."
)
@click.option(
    "--speed", type=_Speed(), metavar="max|1|60", help="Times faster than the log's own clock.  [default: max]"
)
@settings_options("bootstrap_servers", "kafka", "keyed_input", "format", "block_pattern", "timezone")
@click.pass_context
def produce_command(
    context: click.Context,
    files: tuple[str, ...],
    topic: str | None,
    labels: str | None,
    speed: float | None,
    settings: Settings,
) -> None:
    """Send the lines of log files to a topic, one message a line, bytes untouched.

    Files may be compressed with gzip; - is stdin. Empty lines are skipped. Messages have no key, unless the topic is to
    be keyed by block (--keyed-input): then a line is sent once for each block that it names.
    """
    from stream.kafka.clients import new_admin, partitions_of
    from stream.kafka.sender import Sender, labelled

    known = read_labels(labels) if labels else None
    topic = topic or settings.raw_topic
    partitions_of(new_admin(settings), settings, topic)
    shown = _Shown()
    sender = Sender(settings, topic, speed, every=shown.tick)
    lines = read_lines(files, shown.told)
    interrupted = False
    with shown.of(sender):
        try:
            sender.send(
                labelled(lines, known, settings.new_reader().blocks.ids)
                if known is not None
                else ((line, None) for line in lines)
            )
        except KeyboardInterrupt:
            interrupted = True
        finally:
            sender.flush()
    click.echo(f"{'interrupted: ' if interrupted else ''}{shown.sum()} to {topic}", err=True)
    if sender.failed:
        raise BrokerError(f"{sender.failed:,} messages were not delivered; the last one: {sender.why}")
    context.exit(130 if interrupted else 0)


class _Shown:
    """Progress on stderr: a bar on a terminal, a line every ten seconds in a log, nothing for what is quickly done."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._begun = time.monotonic()
        self._next = self._begun + (_QUIET_S if self._console.is_terminal else _LOG_EVERY_S)
        self._bar = Progress(
            *(TextColumn("sending"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), _Lines(self)),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)
        self._done = self._total = 0
        self._sender: Sender | None = None

    @contextmanager
    def of(self, sender: "Sender") -> Iterator[None]:
        """Show the progress of this sender until the block ends."""
        self._sender = sender
        try:
            yield
        finally:
            if self._bar.live.is_started:
                self._bar.stop()

    def told(self, done: int, total: int) -> None:
        """So many bytes of the files are read; ``total`` is 0 if nobody knows."""
        self._done, self._total = done, total
        self._bar.update(self._task, completed=done, total=total or None)

    def tick(self) -> None:
        """Show the bar, or write a line, if it is time."""
        if (now := time.monotonic()) < self._next:
            return
        if self._console.is_terminal:
            self._next = float("inf")
            self._bar.start()
        else:
            self._next = now + _LOG_EVERY_S
            share = f" ({self._done / self._total:.0%})" if self._total else ""
            self._console.print(f"sending: {self.figures()}{share}", markup=False)

    def figures(self) -> str:
        """Lines and lines a second so far."""
        lines = self._sender.lines if self._sender else 0
        return f"{lines:,} lines, {lines / max(time.monotonic() - self._begun, 1e-3):,.0f} lines/s"

    def sum(self) -> str:
        """The last line of figures."""
        assert self._sender
        seconds = max(time.monotonic() - self._begun, 1e-3)
        sent = self._sender
        skipped = f", {sent.empty:,} empty ones skipped" if sent.empty else ""
        rate = sent.lines / seconds
        return f"{sent.lines:,} lines ({sent.bytes / 1e6:,.1f} MB, {seconds:.1f} s, {rate:,.0f} lines/s{skipped}) sent"


class _Lines(ProgressColumn):
    def __init__(self, shown: _Shown) -> None:
        super().__init__()
        self._shown = shown

    def render(self, task: Task) -> Text:
        return Text(self._shown.figures())
