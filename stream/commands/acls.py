"""``tinylogbert topics acls``: the least rights of a command, as what gives them to somebody. Asks no broker."""

import shlex
from collections.abc import Iterator

import click

from stream.commands.options import settings_options
from stream.kafka.rights import COMMANDS, Right, rights_of
from stream.settings import Settings

_NAMES = (
    *("bootstrap_servers", "group_id", "worker_id", "workers", "stage", "keyed_input", "guarantee"),
    *("raw_topic", "lines_topic", "scores_topic", "anomalies_topic", "dead_letter_topic", "windows_topic"),
)


@click.command(
    "acls",
    context_settings={"ignore_unknown_options": True},
    epilog=f"""\b
Examples:
  tinylogbert topics acls consume --principal User:daemon --worker-id node-1
  tinylogbert topics acls tail --all --principal User:ada
  tinylogbert topics acls replay --topic hdfs.labelled --labels-topic hdfs.labels
  tinylogbert topics acls produce | sh

Commands: {", ".join(COMMANDS)}. Asks no broker; kafka-acls comes with Apache Kafka. Give it the settings with which the
command runs: rights go by the names of topics, group and worker.""",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[COMMAND]...")
@click.option("--principal", default="User:tinylogbert", show_default=True, help="Who is to have the rights.")
@click.option("--topic", metavar="TOPIC", help="The command's --topic (dead-letters: --to)  [default: the raw topic]")
@click.option("--labels-topic", metavar="TOPIC", help="The --labels-topic of replay.")
@click.option(
    "--command-config", metavar="FILE", help="Properties with which an administrator logs in, for kafka-acls."
)
@settings_options(*_NAMES)
def acls_command(
    command: tuple[str, ...],
    principal: str,
    topic: str | None,
    labels_topic: str | None,
    command_config: str | None,
    settings: Settings,
) -> None:
    """Print the least rights of a command, or of each one, as lines of kafka-acls."""
    name = " ".join(command)
    if name and name not in COMMANDS:
        raise click.UsageError(f"{name!r} needs no rights or is no command; those that do: {', '.join(COMMANDS)}")
    begin = ["kafka-acls", "--bootstrap-server", settings.bootstrap_servers]
    begin += ["--command-config", command_config] if command_config else []
    for one in [name] if name else COMMANDS:
        click.echo(f"# {one}")
        for right in rights_of(one, settings, topic, labels_topic):
            click.echo(shlex.join([*begin, *_words(right, principal)]))


def _words(right: Right, principal: str) -> Iterator[str]:
    yield from ("--add", "--allow-principal", principal, f"--{right.kind}", right.name)
    if right.prefix:
        yield from ("--resource-pattern-type", "prefixed")
    for operation in right.operations:
        yield from ("--operation", operation)
