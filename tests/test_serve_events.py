"""``GET /events``: what comes, in which order, and how a client goes on after it, or the server, was away."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from pipeline import new_settings, wait_until
from serving import alarm, client, healthy, process, publish, serving, url_of

from stream.settings import Settings


class Listener:
    """A client of server-sent events, as a browser's ``EventSource`` is."""

    def __init__(self, stream: httpx.Response) -> None:
        self.last_id = ""
        self._lines = stream.iter_lines()
        assert next(self._lines) in (": following", f"id: {self.last_id}")

    def next(self) -> tuple[str, Any]:
        """The next event's kind and data."""
        kind, data = "message", None
        for line in self._lines:
            name, _, value = line.partition(": ")
            if name == "id":
                self.last_id = value
            elif name == "event":
                kind = value
            elif name == "data":
                data = json.loads(value)
            elif not line and data is not None:
                return kind, data
        raise AssertionError("the stream has ended")

    def blocks(self, number: int) -> list[str]:
        """The blocks of the next windows."""
        found = [self.next() for _ in range(number)]
        assert {kind for kind, _ in found} == {"window"}
        return [data["block_id"] for _, data in found]


@contextmanager
def listening(api: httpx.Client, last_id: str | None = None, **query: Any) -> Iterator[Listener]:
    headers = {} if last_id is None else {"last-event-id": last_id}
    with api.stream("GET", "/events", params=query, headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        yield Listener(stream)


@pytest.fixture
def settings(broker: str) -> Settings:
    return new_settings(broker)


def test_windows_come_as_they_are_published_and_not_those_before(settings: Settings, tmp_path: Path) -> None:
    publish(settings, alarm("blk_1"))
    with serving(settings, tmp_path) as api, listening(api) as events:
        publish(settings, healthy("blk_2"), alarm("blk_3"))
        assert events.next() == ("window", healthy("blk_2"))
        assert events.next() == ("window", alarm("blk_3"))


def test_filters(settings: Settings, tmp_path: Path) -> None:
    with (
        serving(settings, tmp_path) as api,
        listening(api, anomalous=True) as alarms,
        listening(api, severity="critical") as critical,
        listening(api, block="22") as block,
    ):
        publish(settings, healthy("blk_1"), alarm("blk_22", severity="warning"), alarm("blk_3"))
        assert alarms.blocks(2) == ["blk_22", "blk_3"]
        assert critical.blocks(1) == ["blk_3"]
        assert block.blocks(1) == ["blk_22"]


def test_a_client_goes_on_behind_what_it_has_seen_of_every_partition(settings: Settings, tmp_path: Path) -> None:
    with serving(settings, tmp_path) as api:
        with listening(api) as events:
            publish(settings, alarm("blk_1"), partition=0)
            publish(settings, alarm("blk_2"), partition=2)
            assert sorted(events.blocks(2)) == ["blk_1", "blk_2"]
        publish(settings, alarm("blk_3"), partition=1)
        publish(settings, alarm("blk_4"), partition=0)
        with listening(api, events.last_id) as again:
            assert sorted(again.blocks(2)) == ["blk_3", "blk_4"]


def test_a_client_goes_on_though_the_server_was_started_anew(settings: Settings, tmp_path: Path) -> None:
    with serving(settings, tmp_path) as api, listening(api) as events:
        publish(settings, alarm("blk_1"), partition=0)
        publish(settings, alarm("blk_2"), partition=1)
        assert sorted(events.blocks(2)) == ["blk_1", "blk_2"]
    publish(settings, alarm("blk_3"), partition=2)
    (tmp_path / "server.log").unlink()
    with serving(settings, tmp_path) as api, listening(api, events.last_id) as again:
        assert again.blocks(1) == ["blk_3"]


def test_what_is_forgotten_in_between_is_told(settings: Settings, tmp_path: Path) -> None:
    publish(settings, *(healthy(f"blk_{n}") for n in range(20_050)))
    with serving(settings, tmp_path) as api:
        headers = {"last-event-id": "10.0.0"}
        with api.stream("GET", "/events", headers=headers) as stream:
            lines = stream.iter_lines()
            assert [next(lines) for _ in range(2)] == ["id: 10.0.0", "event: gap"]


def test_a_topic_that_is_made_anew_is_followed(settings: Settings, tmp_path: Path) -> None:
    admin, topic = AdminClient({"bootstrap.servers": settings.bootstrap_servers}), settings.scores_topic
    with serving(settings, tmp_path) as api, listening(api) as events:
        publish(settings, *(alarm(f"blk_{n}") for n in range(5)))
        events.blocks(5)
        count = len(admin.list_topics(topic).topics[topic].partitions)
        admin.delete_topics([topic])[topic].result()
        wait_until(lambda: topic not in admin.list_topics().topics, "it is gone")
        admin.create_topics([NewTopic(topic, count, 1)])[topic].result()
        publish(settings, alarm("blk_new"))
        assert events.next()[0] == "gap"
        assert events.blocks(1) == ["blk_new"]


@pytest.mark.parametrize("last_id", ["x", "1.-2", "9" * 20])
def test_an_id_that_was_never_given_is_refused(settings: Settings, tmp_path: Path, last_id: str) -> None:
    log = tmp_path / "log"
    with process(settings, log), client(url_of(log)) as api:
        answer = api.get("/events", headers={"last-event-id": last_id})
        assert (answer.status_code, answer.json()["detail"][:15]) == (422, "last-event-id: ")


def test_a_client_that_reads_nothing_costs_nothing_and_is_dropped(settings: Settings, tmp_path: Path) -> None:
    with serving(settings, tmp_path) as api, socket.create_connection(("127.0.0.1", api.base_url.port or 0)) as slow:
        slow.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        publish(settings, *(healthy(f"blk_{n}", reason="x" * 800) for n in range(45_000)))
        wait_until(lambda: "45000" in seen(api), "the server has read them all")
        deadline = time.monotonic() + 30
        got = b""
        while time.monotonic() < deadline and (more := slow.recv(1 << 20)):
            got += more
        assert b"event: gap" in got[-2000:]
        assert got.count(b"event: window") < 45_000
        wait_until(lambda: "tinylogbert_http_streams 0.0" in api.get("/metrics").text, "it is dropped")


def seen(api: httpx.Client) -> str:
    """How many scored windows the server has read."""
    lines = api.get("/metrics").text.splitlines()
    return next(
        (f"{float(line.split()[-1]):.0f}" for line in lines if line.startswith("tinylogbert_served_events")), ""
    )
