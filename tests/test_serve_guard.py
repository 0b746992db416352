"""Who is let in: the token, its ticket for a browser, names of this machine; and where it refuses to listen."""

import asyncio
import io
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from command import Command
from pipeline import new_settings, wait_until
from serving import client, logged, process, url_of
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from stream.errors import InputError
from stream.logs import new_log
from stream.metrics.server import ServerMetrics
from stream.serve.address import is_loopback
from stream.serve.guard import Guard
from stream.serve.measured import Measured
from stream.serve.token import TICKET_S, Token, read_token
from stream.settings import Settings

TOKEN = "0123456789abcdef-secret"


@pytest.fixture(scope="module")
def settings(broker: str) -> Settings:
    return new_settings(broker)


@pytest.fixture(scope="module")
def log(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The log of a server with a token."""
    path = tmp_path_factory.mktemp("guard") / "log"
    with process(settings, path, environment={"TINYLOGBERT_API_TOKEN": TOKEN}):
        url_of(path)
        yield path


@pytest.fixture(scope="module")
def stranger(log: Path) -> Iterator[httpx.Client]:
    """A client that says no token."""
    with client(url_of(log)) as opened:
        yield opened


PATHS = ["/", "/anomalies", "/blocks/blk_1", "/events", "/metrics", "/docs", "/openapi.json", "/nothing"]


@pytest.mark.parametrize("path", [*PATHS, "/_nicegui_ws/socket.io/", "/docs/files/swagger-ui.css"])
def test_everything_but_health_needs_the_token(stranger: httpx.Client, path: str) -> None:
    answer = stranger.get(path)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json() == {"detail": "say the token: Authorization: Bearer …"}


def test_health_needs_none(stranger: httpx.Client) -> None:
    assert stranger.get("/health/live").status_code == 200
    assert stranger.get("/health/ready").status_code in (200, 503)


@pytest.mark.parametrize(
    "said", ["Bearer wrong-wrong-wrong-wrong", f"Basic {TOKEN}", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"]
)
def test_a_wrong_token_is_none(stranger: httpx.Client, said: str) -> None:
    assert stranger.get("/anomalies", headers={"authorization": said}).status_code == 401


def test_the_token_opens(log: Path) -> None:
    with client(url_of(log), TOKEN) as api:
        assert api.get("/anomalies").status_code == 200
        assert api.get("/openapi.json").json()["paths"]["/anomalies"]["get"]["security"] == [{"token": []}]


def test_a_browser_is_asked_for_it_once(stranger: httpx.Client) -> None:
    asked = stranger.get("/", headers={"accept": "text/html"})
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?to=/")
    form = stranger.get("/login", params={"to": "/docs"})
    assert 'name="to" type="hidden" value="/docs"' in form.text
    wrong = stranger.post("/login", data={"token": "wrong"})
    assert (wrong.status_code, "That is not the token." in wrong.text) == (403, True)
    right = stranger.post("/login", data={"token": TOKEN, "to": "/docs"})
    assert (right.status_code, right.headers["location"]) == (303, "/docs")
    cookie = right.headers["set-cookie"]
    assert TOKEN not in cookie
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Max-Age=43200"))
    with client(str(stranger.base_url)) as other:
        other.cookies.update(right.cookies)
        assert other.get("/anomalies").status_code == 200


@pytest.mark.parametrize("to", ["https://elsewhere.example/", "//elsewhere.example", '"><script>', "/blocks/x"])
def test_nobody_is_sent_elsewhere(stranger: httpx.Client, to: str) -> None:
    assert 'value="/"' in stranger.get("/login", params={"to": to}).text
    assert stranger.post("/login", data={"token": TOKEN, "to": to}).headers["location"] == "/"


def test_the_token_is_in_no_log_and_in_no_list_of_processes(log: Path, stranger: httpx.Client) -> None:
    stranger.post("/login", data={"token": TOKEN})
    stranger.get("/anomalies", headers={"authorization": f"Bearer {TOKEN}"})
    assert TOKEN not in log.read_text()
    assert TOKEN not in subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout
    assert TOKEN not in repr(Token(TOKEN))


def test_a_ticket_ends_and_is_of_one_token() -> None:
    token, now = Token(TOKEN), time.time()
    ticket = token.ticket(now)
    assert token.admits(ticket, now + TICKET_S - 1)
    assert not token.admits(ticket, now + TICKET_S + 1)
    assert not Token(f"{TOKEN}2").admits(ticket, now)
    ends, _, signature = ticket.partition(".")
    assert not token.admits(f"{int(ends) + 1}.{signature}", now)
    assert not token.admits("", now)
    assert not token.admits("ü.ü", now)


def test_the_token_comes_from_a_file_too(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    token = read_token({}, file)
    assert token is not None
    assert token.fits(TOKEN)
    assert read_token({}, None) is None
    with pytest.raises(InputError, match="cannot read the token in"):
        read_token({}, tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"the token has 5 characters, it needs 16"):
        read_token({"TINYLOGBERT_API_TOKEN": "short"}, None)


# ── without a token ──


@pytest.fixture(scope="module")
def open_server(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    path = tmp_path_factory.mktemp("open") / "log"
    with process(settings, path), client(url_of(path)) as opened:
        yield opened


@pytest.mark.parametrize(("host", "status"), [("localhost:1", 200), ("[::1]", 200), ("evil.example", 403), ("", 403)])
def test_without_a_token_it_answers_to_names_of_this_machine_alone(
    open_server: httpx.Client, host: str, status: int
) -> None:
    assert open_server.get("/anomalies", headers={"host": host}).status_code == status


@pytest.mark.parametrize("path", ["/score", "/_nicegui_ws/socket.io/?EIO=4&transport=polling"])
def test_pages_from_elsewhere_may_not_act(open_server: httpx.Client, path: str) -> None:
    for origin in ("https://evil.example", "null"):
        answer = open_server.post(path, headers={"origin": origin}, json={"log_text": "a"})
        assert (answer.status_code, answer.json()["detail"]) == (403, "a page of another origin may not do that")
    own = str(open_server.base_url).rstrip("/")
    assert open_server.post(path, headers={"origin": own}, json={"log_text": "a"}).status_code != 403


def test_browsers_are_told_to_load_nothing_from_elsewhere(open_server: httpx.Client) -> None:
    headers = open_server.get("/anomalies").headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("0.0.0.0", False)]
)
def test_what_this_machine_is(host: str, local: bool) -> None:
    assert is_loopback(host) is local


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


def test_beyond_this_machine_it_listens_with_a_token_only(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TINYLOGBERT_API_TOKEN", raising=False)
    ran = command("serve", "--listen-address", "0.0.0.0:0")
    assert (ran.code, ran.out) == (1, b"")
    assert ran.err.startswith("error: 0.0.0.0 can be reached from elsewhere, and there is no token: ")
    assert ran.err.count("\n") == 1


def test_it_listens_anywhere_if_told_so(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with process(settings, log, "--listen-address", "0.0.0.0:0", "--allow-anonymous"):
        port = url_of(log).rpartition(":")[2]
        with client(f"http://127.0.0.1:{port}") as api:
            assert api.get("/anomalies", headers={"host": "anything"}).status_code == 200


def test_help_has_an_example_and_no_flag_for_the_token(command: Command) -> None:
    out = command("serve", "--help").out.decode()
    assert "curl -s localhost:8080/score --data-binary @hdfs.log" in out
    assert "--api-token " not in out
    assert os.environ.get("TINYLOGBERT_API_TOKEN", "no token") not in out


def through(app: ASGIApp, receive: Receive, send: Send) -> None:
    """A request of this machine through a guard without patience."""
    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "path": "/score", "headers": headers}
    asyncio.run(Guard(app, None, local=True, patience=0)(scope, receive, send))


async def never(*_: Any) -> Any:
    await asyncio.Event().wait()


def test_a_body_that_does_not_come_is_not_waited_for_and_who_listens_may_say_nothing_for_long() -> None:
    async def reads(_scope: Scope, receive: Receive, _send: Send) -> None:
        with pytest.raises(HTTPException) as refused:
            await receive()
        assert refused.value.status_code == 408

    async def listens(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()
        with pytest.raises(TimeoutError):  # the test's own
            await asyncio.wait_for(receive(), 0.05)

    pieces = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def one(*_: Any) -> Any:
        return next(pieces, None) or await never()

    through(reads, never, never)
    through(listens, one, never)


def test_who_takes_nothing_of_an_answer_is_let_go_without_an_error_in_the_log() -> None:
    async def answers(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    log = io.StringIO()
    through(Measured(answers, ServerMetrics(), new_log(log)), never, never)
    assert log.getvalue() == ""


def test_a_client_that_goes_away_within_its_body_is_no_error(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with process(settings, log), client(url_of(log)) as api:
        with socket.create_connection(("127.0.0.1", api.base_url.port or 0)) as gone:
            gone.sendall(b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nab")
        wait_until(lambda: 'path="/score",status="499"' in api.get("/metrics").text, "it is counted")
    assert [line for line in logged(log) if line["event"] == "a request failed"] == []
