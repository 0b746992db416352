"""Kafka with TLS, logins and rights, on a real broker: who may, works with the rights that are listed and no others;
who may not, gets one clear line that says what to do, and is never kept waiting.
"""

import base64
import json
import shlex
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path

import httpx
import psutil
import pytest
from certificates import Authority
from command import Command
from pipeline import (
    ContentScorer,
    assert_same_windows,
    daemon,
    far_later,
    flags,
    new_settings,
    read_topic,
    send,
    until_closed,
    wait_until,
)
from secured import PASSWORD, Secured, secured_broker
from serving import logged, process, url_of
from test_show import event

from stream.kafka.publisher import Publisher
from stream.kafka.replay import TopicLines
from stream.kafka.rights import Right, rights_of
from stream.lines import LineReader
from stream.settings import Settings
from stream.simulator import simulate

SCORER = ContentScorer()
NO_TIME = b"a line without a time of blk_7"
SOON_S = 60.0  # a client that tried for ever would be at it still


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured_broker(tmp_path_factory.mktemp("secured")) as secured:
        yield secured


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


@pytest.fixture
def password(tmp_path: Path) -> Path:
    """A file as an editor writes it."""
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    return file


def said(properties: dict[str, str]) -> list[str]:
    """Properties as flags."""
    return [text for name, value in properties.items() for text in ("--kafka", f"{name}={value}")]


def topics(settings: Settings) -> list[str]:
    names = [name for name in type(settings).model_fields if name.endswith("_topic")]
    return [text for name in names for text in (f"--{name.replace('_', '-')}", getattr(settings, name))]


def printed(out: bytes) -> list[Right]:
    """The rights that lines of kafka-acls give."""
    rights = []
    for line in out.decode().splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        said = dict(pairwise(words))
        [kind] = {"--topic", "--group", "--transactional-id"} & said.keys()
        operations = tuple(after for word, after in pairwise(words) if word == "--operation")
        prefix = said.get("--resource-pattern-type") == "prefixed"
        rights.append(Right(kind[2:], said[kind], operations, "", prefix))  # type: ignore[arg-type]
    return rights


class Users:
    """Makes a user with the rights of a command, as ``topics acls`` prints them, and knows how it logs in."""

    def __init__(self, kafka: Secured, command: Command, password: Path) -> None:
        self._kafka, self._command, self._password = kafka, command, password

    def __call__(self, what: str, *arguments: str) -> list[str]:
        name = f"user-{uuid.uuid4().hex[:8]}"
        self._kafka.user(name)
        self._kafka.grant(f"User:{name}", printed(self._command("topics", "acls", *what.split(), *arguments).out))
        return ["--bootstrap-servers", self._kafka.sasl, *said(self._kafka.scram(name, self._password))]


@pytest.fixture
def users(kafka: Secured, command: Command, password: Path) -> Users:
    return Users(kafka, command, password)


# ── who may ──


def test_all_of_it_works_with_the_rights_that_are_listed(
    kafka: Secured, command: Command, users: Users, tmp_path: Path
) -> None:
    settings = new_settings(kafka.open, create=False)
    names, raw = topics(settings), ("--topic", settings.raw_topic)
    lines = [*simulate(30, seed=5).lines(), far_later()]
    (tmp_path / "log").write_bytes(b"\n".join([NO_TIME, *lines]))

    create = [*names, *users("topics create", *names), "--partitions", "3"]
    assert command("topics", "create", *create).out.decode().split() == names[1::2]
    update = [*names, *users("topics create --update", *names), "--max-age", "60d"]
    assert b"retention.ms=" in command("topics", "create", "--update", *update).out
    assert command("produce", *raw, *users("produce", *raw), tmp_path / "log").code == 0
    with daemon(settings, tmp_path / "err", *users("consume", *names, "--group-id", settings.group_id)) as running:
        until_closed(settings, lines, SCORER)
        assert PASSWORD not in " ".join(psutil.Process(running.pid).cmdline())
    assert_same_windows(settings, lines, SCORER)
    assert PASSWORD not in (tmp_path / "err").read_text()

    assert command("topics", "show", *names, *users("topics show", *names)).out.count(b"fits") == 6
    letters = ["--dead-letter-topic", settings.dead_letter_topic]
    shown = command("dead-letters", "show", "--raw", *letters, *users("dead-letters show", *letters))
    assert shown.out == NO_TIME + b"\n", shown.err
    back = [*letters, *names[:4]]
    put = command("dead-letters", "replay", *back, *users("dead-letters replay", *back))
    assert json.loads(put.out)["put_back"] == 1
    assert tailed("--anomalies-topic", settings.anomalies_topic, *users("tail", *names))["anomalous"]
    assert tailed("--all", "--scores-topic", settings.scores_topic, *users("tail --all", *names))["schema"] == 1


def test_daemons_with_names_and_of_one_stage_work_with_the_rights_that_are_listed_for_them(
    kafka: Secured, users: Users, tmp_path: Path
) -> None:
    settings = new_settings(kafka.open)
    lines = [*simulate(10, seed=6).lines(), far_later()]
    named = [*topics(settings), "--group-id", settings.group_id]
    route = ["--stage", "route", "--guarantee", "at-least-once", "--worker-id", "one"]
    score = ["--stage", "score", "--worker-id", "two"]
    send(settings, lines)
    with (
        daemon(settings, tmp_path / "route", *users("consume", *named, *route), *route),
        daemon(settings, tmp_path / "score", *users("consume", *named, *score), *score),
    ):
        until_closed(settings, lines, SCORER)
    assert_same_windows(settings, lines, SCORER)


def test_lines_of_a_topic_are_replayed_and_events_published_with_the_rights_that_are_listed(
    kafka: Secured, password: Path
) -> None:
    settings = new_settings(kafka.open)
    send(settings, [far_later()])
    kafka.user("rita")
    kafka.grant("User:rita", rights_of("replay --publish", settings))
    own = {**settings.model_dump(), "bootstrap_servers": kafka.sasl, "kafka": kafka.scram("rita", password)}
    found = Settings(**own)
    assert [one.raw for one in TopicLines(found, settings.raw_topic, LineReader())] == [far_later()]
    with Publisher(found, "raw") as publisher:
        publisher.publish([event(anomalous=True)])
    assert len(read_topic(settings, settings.anomalies_topic)) == 1
    assert rights_of("train", settings) == rights_of("replay", settings)  # it reads the same way


def tailed(*arguments: str) -> dict[str, object]:
    """The first event that tail shows."""
    asked = [sys.executable, "-m", "stream", "tail", "--from-beginning", *arguments]
    with subprocess.Popen(asked, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        try:
            event: dict[str, object] = json.loads(running.stdout.readline())
            return event
        finally:
            running.kill()


def test_the_server_works_with_the_rights_that_are_listed_and_keeps_the_password_to_itself(
    kafka: Secured, users: Users, tmp_path: Path
) -> None:
    settings = new_settings(kafka.open)
    log, named = tmp_path / "err", [*topics(settings), "--group-id", settings.group_id]
    with process(settings, log, *users("serve", *named)):
        wait_until(lambda: log.read_text().count("serving"), "it serves")
        wait_until(lambda: httpx.get(f"{url_of(log)}/health/ready").status_code == 200, "it is ready")
    assert [entry["event"] for entry in logged(log)] == ["serving"]
    assert PASSWORD not in log.read_text()


@contextmanager
def identity_provider() -> Iterator[str]:
    """The address of a token endpoint, which believes ``client`` with our password."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            known = base64.b64encode(f"client:{PASSWORD}".encode()).decode()
            right = self.headers["Authorization"] == f"Basic {known}"
            self.send_response(200 if right else 401)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps({"access_token": _token("olga")} if right else {"error": "who?"}).encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/token"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _token(subject: str) -> str:
    """An unsigned token, as the test's broker takes them."""
    now = int(time.time())
    parts = ({"alg": "none", "typ": "JWT"}, {"sub": subject, "iat": now, "exp": now + 600})
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + "."


def oidc(kafka: Secured, endpoint: str, secret: Path) -> dict[str, str]:
    client = {"sasl.oauthbearer.client.id": "client", "sasl.oauthbearer.client.secret.file": str(secret)}
    method = {"sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.token.endpoint.url": endpoint}
    return {**kafka.login("OAUTHBEARER"), **method, **client}


@pytest.mark.parametrize("way", ["plain", "oidc", "certificate", "certificate with a password"])
def test_each_way_of_logging_in_works(
    kafka: Secured, command: Command, way: str, password: Path, tmp_path: Path
) -> None:
    settings = new_settings(kafka.open)
    miner = kafka.authority.sign("miner", password=PASSWORD if "password" in way else "")
    (tmp_path / "log").write_bytes(far_later())
    with identity_provider() as endpoint:
        principal, servers, properties = {
            "plain": ("paula", kafka.sasl, {**kafka.scram("paula", password), "sasl.mechanism": "PLAIN"}),
            "oidc": ("olga", kafka.sasl, oidc(kafka, endpoint, password)),
            "certificate": ("CN=miner", kafka.mtls, kafka.certificate(miner)),
            "certificate with a password": (
                "CN=miner",
                kafka.mtls,
                {**kafka.certificate(miner), "ssl.key.password.file": str(password)},
            ),
        }[way]
        kafka.grant(f"User:{principal}", rights_of("produce", settings))
        asked = ["--topic", settings.raw_topic, "--bootstrap-servers", servers, *said(properties)]
        ran = command("produce", *asked, tmp_path / "log")
    assert (ran.code, ran.err.startswith("1 lines")) == (0, True), ran.err


# ── who may not ──


def assert_refused(command: Command, *arguments: str | Path, says: str) -> None:
    """It ends soon, with 1, and one line that says so much."""
    begun = time.monotonic()
    ran = command(*arguments)
    assert time.monotonic() - begun < SOON_S
    assert ran.code == 1
    [line] = [line for line in ran.err.splitlines() if not line.startswith("{")]  # what is JSON is the daemon's log
    assert line.startswith("error: ")
    assert says in line
    assert PASSWORD not in ran.err


@pytest.mark.parametrize("asked", ["tail", "consume --stage route", "serve --listen-address 0"])
def test_a_wrong_password_ends_a_command_with_one_line(
    kafka: Secured, command: Command, asked: str, tmp_path: Path
) -> None:
    kafka.user("ada")
    (tmp_path / "wrong").write_text("not this one")
    properties = said(kafka.scram("ada", tmp_path / "wrong"))
    refused = f"Kafka at {kafka.sasl} refuses the login of ada: SASL authentication error"
    assert_refused(command, *asked.split(), "--bootstrap-servers", kafka.sasl, *properties, says=refused)


def test_a_broker_that_cannot_be_trusted_ends_a_command_with_what_is_wrong(
    kafka: Secured, command: Command, password: Path, tmp_path: Path
) -> None:
    kafka.user("ada")
    right = kafka.scram("ada", password)
    stranger = {**right, "ssl.ca.location": str(Authority(tmp_path, "stranger").file)}
    port = kafka.sasl.rpartition(":")[2]
    for servers, properties, says in (
        (kafka.expired, right, "not trusted: certificate has expired; renew it, or see this machine's clock"),
        (kafka.sasl, stranger, "name the authority that has signed it: --kafka ssl.ca.location=FILE"),
        (f"localhost:{port}", right, "certificate is not valid for 'localhost'"),
        (kafka.sasl, {**right, "ssl.ca.location": "none.pem"}, "cannot use ssl.ca.location=none.pem"),
        (kafka.sasl, {}, "may want another --kafka security.protocol than PLAINTEXT"),
        (kafka.sasl, {**right, "sasl.mechanism": "SCRAM-SHA-256"}, "mechanisms: SCRAM-SHA-512,PLAIN,OAUTHBEARER"),
    ):
        assert_refused(command, "tail", "--bootstrap-servers", servers, *said(properties), says=says)


def test_a_client_s_certificate_that_is_no_good_ends_a_command_with_one_line(
    kafka: Secured, command: Command, tmp_path: Path
) -> None:
    over = kafka.authority.sign("late", lasts=-timedelta(hours=1))
    foreign = Authority(tmp_path, "stranger").sign("foreign")
    refused = "refuses this client's certificate ({}): it has expired, or its authority is unknown there"
    for properties, says in (
        (kafka.certificate(over), refused.format(over.certificate)),
        (kafka.certificate(foreign), refused.format(foreign.certificate)),
        ({"security.protocol": "SSL", **kafka.tls()}, "wants a certificate from this client"),
    ):
        assert_refused(command, "tail", "--bootstrap-servers", kafka.mtls, *said(properties), says=says)


def test_a_token_that_nobody_gives_ends_a_command_with_one_line(
    kafka: Secured, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("not this one")
    with identity_provider() as endpoint:
        properties = said(oidc(kafka, endpoint, tmp_path / "wrong"))
        assert_refused(command, "tail", "--bootstrap-servers", kafka.sasl, *properties, says="no token for Kafka: ")


@pytest.mark.parametrize(
    ("kind", "field", "operation", "named"),
    [
        ("topic", "raw_topic", "Read", "Read on topic {}"),
        ("topic", "lines_topic", "Write", "Write on topic {}"),
        ("topic", "scores_topic", "DescribeConfigs", "DescribeConfigs on topic {}"),
        ("group", "group_id", "Read", "Read on group {}"),
        ("transactional-id", "group_id", "Write", "Write on transactional id {}-…"),
    ],
)
def test_a_right_that_is_missing_is_named(
    kafka: Secured, command: Command, password: Path, tmp_path: Path, kind: str, field: str, operation: str, named: str
) -> None:
    settings = new_settings(kafka.open)
    name = f"user-{uuid.uuid4().hex[:8]}"
    kafka.user(name)
    stage = Settings(**{**settings.model_dump(), "stage": "route"})
    wanted = getattr(settings, field)
    kafka.grant(f"User:{name}", all_but(rights_of("consume", stage), kind, wanted, operation))
    (tmp_path / "log").write_bytes(far_later())
    assert (
        command("produce", "--topic", settings.raw_topic, "--bootstrap-servers", kafka.open, tmp_path / "log").code == 0
    )
    login = ["--bootstrap-servers", kafka.sasl, *said(kafka.scram(name, password))]
    says = f"this user lacks {named.format(wanted)} (Kafka does not allow it"
    assert_refused(command, "consume", *flags(settings), *login, "--stage", "route", says=says)


def all_but(rights: Sequence[Right], kind: str, name: str, operation: str) -> list[Right]:
    """All but this one; where it is all that could be done with a topic, it can be seen still."""
    left = []
    for right in rights:
        if right.kind == kind and right.name.startswith(name):
            assert operation in right.operations
            others = tuple(one for one in right.operations if one != operation)
            seen = () if kind != "topic" or "Describe" in others else ("Describe",)
            right = right._replace(operations=(*others, *seen))
        left.append(right)
    return left


def test_a_topic_that_may_be_created_and_not_seen_is_not_waited_for(
    kafka: Secured, command: Command, password: Path
) -> None:
    settings = new_settings(kafka.open)
    kafka.user("max")
    rights = rights_of("topics create", settings)
    kafka.grant("User:max", [rights[0]._replace(operations=("Create",)), *rights[1:]])
    login = ["--bootstrap-servers", kafka.sasl, *said(kafka.scram("max", password))]
    says = f"lacks Create and Describe and DescribeConfigs on topic {settings.raw_topic} (Kafka does not allow it"
    assert_refused(command, "topics", "create", *topics(settings), *login, says=says)


def test_a_daemon_whose_password_no_longer_fits_ends_when_it_has_to_log_in_again(
    kafka: Secured, password: Path, tmp_path: Path
) -> None:
    settings = new_settings(kafka.open)
    log = tmp_path / "err"
    kafka.user("eva")
    kafka.grant("User:eva", rights_of("consume", settings))
    login = ["--bootstrap-servers", kafka.again, *said(kafka.scram("eva", password))]
    with daemon(settings, log, *login) as running:
        wait_until(lambda: "assigned" in log.read_text(), "it works")
        kafka.user("eva", "another one")
        assert running.wait(60) == 1
    assert f"Kafka at {kafka.again} refuses the login of eva" in log.read_text().splitlines()[-1]
