"""``tinylogbert serve``: the HTTP API and the live page."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from stream.commands.options import settings_options
from stream.commands.scorers import SCORER_OPTIONS, WINDOW_OPTIONS, load_scorer
from stream.errors import Denied, InputError
from stream.settings import Settings

if TYPE_CHECKING:
    from stream.scoring import Scorer
    from stream.serve.address import Address
    from stream.serve.grading import Grading
    from stream.serve.token import Token

_LABELS = "Labels of blocks (BlockId,Label), for the streaming AUC on the page; else those in the headers of lines."
_TOPICS = ("raw_topic", "lines_topic", "scores_topic", "anomalies_topic", "dead_letter_topic", "windows_topic")
SERVE_OPTIONS = (
    *(
        "listen_address",
        "api_token_file",
        "allow_anonymous",
        "daemon_metrics",
        "bootstrap_servers",
        "kafka",
        "group_id",
        *_TOPICS,
        "keyed_input",
    ),
    *SCORER_OPTIONS,
    *WINDOW_OPTIONS,
)


@click.command(
    "serve",
    epilog="""\b
Examples:
  tinylogbert serve
  TINYLOGBERT_API_TOKEN=$(cat token) tinylogbert serve --listen-address 0.0.0.0:8080
  curl -s localhost:8080/score --data-binary @hdfs.log
  curl -sN localhost:8080/events

The page is at /, the description of the API at /docs. With a token in TINYLOGBERT_API_TOKEN, or in a file, everything
but /health needs it: as Authorization: Bearer …, or said once to the page. Ctrl-C ends it.""",
)
@click.option("--labels", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="CSV", help=_LABELS)
@settings_options(*SERVE_OPTIONS)
def serve_command(labels: Path | None, settings: Settings) -> None:
    """Serve the API and the live page: what is wrong now, where, since when.

    Reads the topics that the daemon writes, joins no consumer group and changes nothing. Logs go to stderr.
    """
    serve(settings, lambda: load_scorer(settings), sys.stderr, labels)


def serve(settings: Settings, load: "Callable[[], Scorer]", err: TextIO, labels: Path | None = None) -> None:
    """Serve with the scorer that ``load`` returns; raise UserError for what ends it."""
    from stream.logs import new_log
    from stream.serve.run import run_server
    from stream.serve.token import take_token

    address = _address(settings)
    token = take_token(settings.api_token_file)
    _require_guarded(address, token, settings.allow_anonymous)
    _require_rights(settings)
    run_server(settings, address, token, load, new_log(err, settings.hidden), _grading(labels))


def _require_rights(settings: Settings) -> None:
    """A broker that is away is waited for; one that does not let this user in, or read, would be so for ever."""
    if "security.protocol" not in settings.kafka:
        return
    from stream.kafka.allowed import lacking
    from stream.kafka.clients import new_admin
    from stream.kafka.refusals import Unreachable
    from stream.kafka.rights import rights_of

    with suppress(Unreachable):
        if lacking(settings, new_admin(settings), rights_of("serve", settings)):
            raise Denied("Kafka does not allow all that the server reads")


def _grading(labels: Path | None) -> "Grading":
    from stream.labels import read_labels
    from stream.serve.grading import Grading
    from training.blockscores import BlockScores

    return Grading(BlockScores, read_labels(labels) if labels else None)


def _address(settings: Settings) -> "Address":
    from stream.serve.address import Address
    from stream.settings import host_and_port

    return Address(*host_and_port(settings.listen_address))


def _require_guarded(address: "Address", token: "Token | None", allowed: bool) -> None:
    if not address.local and token is None and not allowed:
        raise InputError(
            f"{address.host} can be reached from elsewhere, and there is no token: put one into TINYLOGBERT_API_TOKEN "
            "(openssl rand -hex 32), or say --allow-anonymous if everybody may read your logs"
        )
