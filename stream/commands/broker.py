"""``tinylogbert broker start|stop|status``: the embedded Kafka from the command line."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from stream.broker import EmbeddedBroker, default_data_dir
from stream.broker.config import DEFAULT_PORTS
from stream.broker.embedded import this_host

_data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_data_dir,
    show_default="a folder of the user's",
    help="Where the broker keeps its data, its log and its settings.",
)


@click.group("broker")
def broker_command() -> None:
    """A real single-node Apache Kafka on localhost."""


@broker_command.command(
    epilog="""\b
Example:
  tinylogbert broker start
  tinylogbert broker start --port 19092 --data-dir kafka-data"""
)
@_data_dir
@click.option("--port", type=click.IntRange(1, 65535), help="Port for clients  [default: 9092 or a free one]")
@click.option("--heap", default="1g", show_default=True, help="Greatest heap of the broker's JVM, as -Xmx takes it.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A Kafka broker setting; repeatable.")
@click.option("--repository", metavar="URL", help="Maven repository to fetch Kafka from, such as a mirror.")
def start(data_dir: Path, port: int | None, heap: str, settings: tuple[str, ...], repository: str | None) -> None:
    """Start the broker and wait until it serves; print its address.

    If it runs already, its address is printed and nothing else happens.
    """
    broker = EmbeddedBroker(data_dir, port=port, settings=_pairs(settings), heap=heap, host=this_host(repository))
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with _shown(console) as progress:
        address = broker.start(progress)
    status = broker.status()
    if port is None and not address.endswith(f":{DEFAULT_PORTS[0]}"):
        console.print(f"port {DEFAULT_PORTS[0]} was taken when it started, so the broker uses another one")
    console.print(f"Apache Kafka {status.version} serves; log: {status.log_file}", markup=False)
    click.echo(address)


@broker_command.command(epilog="\b\nExample:\n  tinylogbert broker stop")
@_data_dir
def stop(data_dir: Path) -> None:
    """Stop the broker; its data stays."""
    stopped = EmbeddedBroker(data_dir).stop()
    click.echo("the broker is stopped" if stopped else f"no broker runs on {data_dir}", err=True)


@broker_command.command(epilog="\b\nExample:\n  tinylogbert broker status --json")
@_data_dir
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def status(context: click.Context, data_dir: Path, as_json: bool) -> None:
    """Say whether the broker runs, and where; exit code 0 if it does, 1 if not."""
    found = EmbeddedBroker(data_dir).status()
    if as_json:
        click.echo(json.dumps(asdict(found), default=str))
    elif found.running:
        click.echo(
            f"Apache Kafka {found.version} runs at {found.bootstrap_servers}, "
            f"pid {found.pid}, data in {found.data_dir}, log {found.log_file}"
        )
    else:
        click.echo(f"no broker runs on {found.data_dir}")
    context.exit(0 if found.running else 1)


def _pairs(settings: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in settings]
    for key, sign, _ in pairs:
        if not (key and sign):
            raise click.BadParameter(f"{key!r} is not KEY=VALUE", param_hint="--set")
    return {key: value for key, _, value in pairs}


@contextmanager
def _shown(console: Console) -> Iterator[Callable[[str], None]]:
    """A line that changes on a terminal; in a log, one line a step (what follows its colon is detail)."""
    if console.is_terminal:
        with console.status("starting the broker") as line:
            yield lambda text: line.update(text)
        return
    said: set[str] = set()

    def tell(text: str) -> None:
        step = text.rpartition(": ")[0] or text
        if step not in said:
            said.add(step)
            console.print(step, markup=False)

    yield tell
