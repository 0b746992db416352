"""``tinylogbert serve`` as a process on a real Kafka: what it answers, what it refuses, and how it ends."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pipeline import ContentScorer, line, new_settings, read_topic, running, send, wait_until
from restarted import two_of
from serving import alarm, client, healthy, logged, process, publish, serving, url_of

from stream.settings import Settings

LINES = [line(0, "Receiving block blk_1"), line(5, "received block blk_1"), line(7, "Receiving block blk_2")]


@pytest.fixture(scope="module")
def settings(broker: str) -> Settings:
    return new_settings(broker)


@pytest.fixture(scope="module")
def api(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(settings, tmp_path_factory.mktemp("serve")) as opened:
        yield opened


# ── POST /score ──


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"log_text": b"\n".join(LINES).decode()}},
        {"json": {"lines": [raw.decode() for raw in LINES]}},
        {"content": b"\n".join(LINES), "headers": {"content-type": "text/plain; charset=utf-8"}},
        {"content": b"\r\n".join(LINES), "headers": {"content-type": "application/x-www-form-urlencoded"}},
    ],
)
def test_lines_are_judged_by_block_however_they_are_sent(api: httpx.Client, body: dict[str, Any]) -> None:
    answer = api.post("/score", **body)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["checkpoint"], found["lines"], found["no_block"], found["unreadable"]) == ("content", 3, 0, {})
    texts = [["dfs.DataNode$DataXceiver: Receiving block <block>", "dfs.DataNode$DataXceiver: received block <block>"]]
    scores = ContentScorer().score([*texts, texts[0][:1]], [False, False])
    blocks = sorted(found["blocks"], key=lambda event: event["block_id"])
    assert [(b["block_id"], b["lines"], b["status"]) for b in blocks] == [("blk_1", 2, "open"), ("blk_2", 1, "open")]
    said = [(b["score"], b["p_value"], b["anomalous"], b["severity"]) for b in blocks]
    assert said == [(s.value, s.p_value, s.anomalous, s.severity) for s in scores]


def test_whole_blocks_are_judged_as_closed(api: httpx.Client) -> None:
    found = api.post("/score", json={"lines": [LINES[0].decode()], "complete": True}).json()
    [event] = found["blocks"]
    assert (event["status"], event["reason"]) == ("closed", "end of input")


def test_an_anomalous_window_comes_with_the_lines_that_show_it(api: httpx.Client) -> None:
    found = [api.post("/score", json={"log_text": f"{LINES[0].decode()} {'x' * n}"}).json() for n in range(40)]
    alarms = [event for one in found for event in one["blocks"] if event["anomalous"]]
    assert alarms
    [evidence] = alarms[0]["evidence"]
    assert (evidence["source"], evidence["expected"]) == (["request", 0, 0], ["something else"])


def test_a_text_without_time_or_block_is_one_window_without_a_name(api: httpx.Client) -> None:
    [event] = api.post("/score", json={"log_text": "disk is full\nagain"}).json()["blocks"]
    assert (event["block_id"], event["first_time"], event["lines"]) == (None, None, 2)


def test_lines_that_are_in_no_window_are_counted(api: httpx.Client) -> None:
    body = b"\n".join([*LINES, line(8, "no name here"), b"no time but blk_1"])
    found = api.post("/score", content=body, headers={"content-type": "text/plain"}).json()
    assert (found["lines"], found["no_block"], found["unreadable"]) == (5, 1, {"timestamp": 1})


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "the body is no JSON: "),
        ({"content": b'{"log_text": "\\ud800"}', "headers": {"content-type": "application/json"}}, 400, "the body"),
        ({"json": {}}, 422, 'send either {"log_text": "…"} or {"lines": ["…"]}'),
        ({"json": {"log_text": "a", "lines": ["b"]}}, 422, "send either "),
        ({"json": {"log_text": 1}}, 422, "log_text: Input should be a valid string"),
        ({"json": {"text": "a"}}, 422, "text: Extra inputs are not permitted"),
        ({"json": ["a"]}, 422, "Input should be "),
        ({"json": {"lines": []}}, 422, "there is no log line in it"),
        ({"json": {"log_text": " \n "}}, 422, "there is no log line in it"),
        ({"json": {"lines": ["x" * 65_537]}}, 422, "lines.0: String should have at most 65536 characters"),
        ({"json": {"log_text": "é" * 40_000}}, 422, "line 1 has 80,000 bytes, more than 65,536"),
        ({"json": {"lines": ["x"] * 10_001}}, 422, "lines: List should have at most 10000 items"),
        ({"json": {"log_text": "x\n" * 10_001}}, 422, "there are 10,001 lines, more than 10,000"),
        ({"content": b"\xff\xfe", "headers": {"content-type": "text/plain"}}, 422, "line 1: the line is not UTF-8"),
        ({"content": b"x", "headers": {"content-type": "image/png"}}, 415, "a body of type 'image/png' is not read"),
        ({"content": b"x" * (2 * 1024 * 1024 + 1)}, 413, "the body is larger than 2,097,152 bytes"),
        ({"content": iter([b"x" * 1024 * 1024] * 3)}, 413, "the body is larger than 2,097,152 bytes"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_the_reason(
    api: httpx.Client, body: dict[str, Any], status: int, why: str
) -> None:
    answer = api.post("/score", **body)
    assert (answer.status_code, answer.json()["detail"][: len(why)]) == (status, why)


def test_more_than_can_wait_is_told_to_come_again(api: httpx.Client) -> None:
    import concurrent.futures

    slow = {"log_text": "this hangs"}
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: api.post("/score", json=slow), range(12)))
    assert sorted({answer.status_code for answer in answers}) == [200, 503]
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert (refused.headers["retry-after"], refused.json()) == ("1", {"detail": "other requests are being judged"})


# ── GET /anomalies ──


@pytest.fixture(scope="module")
def published(api: httpx.Client, settings: Settings) -> httpx.Client:
    """Three alarms, one of them taken back later, and a healthy window."""
    warn = {"text": "WARN dfs.FSDataset: Unexpected error", "time": "2008-11-09T20:41:02Z", "surprise": 1.0}
    publish(settings, alarm("blk_101", last_time="2008-11-09T20:00:00Z"), healthy("blk_102"), alarm("blk_103"))
    publish(settings, alarm("blk_104", severity="warning", evidence=[{**warn, "expected": [], "source": []}]))
    publish(settings, healthy("blk_103", revision=3), partition=1)
    wait_until(lambda: ids(api.get("/anomalies").json()) == ["blk_104", "blk_101"], "the alarms are there")
    return api


def ids(found: dict[str, Any]) -> list[str]:
    return [event["block_id"] for event in found["anomalies"]]


def test_anomalies_are_what_is_wrong_by_the_newest_verdict_newest_first(published: httpx.Client) -> None:
    found = published.get("/anomalies").json()
    assert ids(found) == ["blk_104", "blk_101"]
    assert found["next"] is None
    assert found["anomalies"][1] == alarm("blk_101", last_time="2008-11-09T20:00:00Z")


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"severity": "critical"}, ["blk_101"]),
        ({"severity": "warning"}, ["blk_104", "blk_101"]),
        ({"since": "2008-11-09T20:30:00Z"}, ["blk_104"]),
        ({"since": "2008-11-09T21:30:00+01:00"}, ["blk_104"]),
        ({"block": "101"}, ["blk_101"]),
        ({"component": "fsdataset"}, ["blk_104"]),
        ({"component": "nothing"}, []),
    ],
)
def test_filters(published: httpx.Client, query: dict[str, str], wanted: list[str]) -> None:
    assert ids(published.get("/anomalies", params=query).json()) == wanted


def test_pages(published: httpx.Client) -> None:
    first = published.get("/anomalies", params={"limit": 1}).json()
    second = published.get("/anomalies", params={"limit": 1, "cursor": first["next"]}).json()
    assert (ids(first), ids(second), second["next"]) == (["blk_104"], ["blk_101"], None)


@pytest.mark.parametrize(
    "query", [{"severity": "bad"}, {"since": "yesterday"}, {"limit": "0"}, {"cursor": "x"}, {"block": "x" * 201}]
)
def test_a_filter_that_means_nothing_is_refused_with_its_name(published: httpx.Client, query: dict[str, str]) -> None:
    answer = published.get("/anomalies", params=query)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"{next(iter(query))}: ")


# ── GET /blocks/{id} ──


def test_a_block_has_its_parts_and_its_raw_lines_in_order(broker: str, tmp_path: Path) -> None:
    settings = new_settings(broker, partitions=2, quiet_after="1s")
    odd = line(3, "<b>received</b> \x1b[31m block blk_7")
    lines = [*(line(9, f"Receiving block blk_{n}") for n in range(50, 80)), line(5, "Receiving block blk_7"), odd]
    send(settings, [*lines, line(100, "Receiving block blk_8")])
    with running(settings, ContentScorer()):
        wait_until(lambda: any(m.key() == b"blk_7" for m in read_topic(settings, settings.scores_topic)), "a score")
    with serving(settings, tmp_path) as api:
        found = api.get("/blocks/blk_7").json()
    [part] = found["parts"]
    assert (found["block_id"], part["event"]["block_id"], part["lines_missing"]) == ("blk_7", "blk_7", None)
    assert [one["text"] for one in part["lines"]] == [odd.decode(), line(5, "Receiving block blk_7").decode()]
    assert [one["time"] for one in part["lines"]] == ["2008-11-09T20:00:03Z", "2008-11-09T20:00:05Z"]
    topic, partition, offset = part["lines"][0]["source"]
    [message] = [m for m in read_topic(settings, topic) if (m.partition(), m.offset()) == (partition, offset)]
    assert message.value() == odd


def test_a_line_that_the_evidence_names_is_marked(broker: str, tmp_path: Path) -> None:
    settings = new_settings(broker, partitions=1, quiet_after="1s")
    send(settings, [line(n, f"Receiving block blk_{n} {'x' * n}") for n in range(60)])
    with running(settings, ContentScorer()):
        wait_until(lambda: read_topic(settings, settings.anomalies_topic), "an alarm")
    with serving(settings, tmp_path) as api:
        [event, *_] = api.get("/anomalies").json()["anomalies"]
        [part] = api.get(f"/blocks/{event['block_id']}").json()["parts"]
    [marked] = [one for one in part["lines"] if one["surprise"] is not None]
    assert marked["source"] == event["evidence"][0]["source"]


def test_lines_that_are_gone_are_said_to_be(published: httpx.Client) -> None:
    [part] = published.get("/blocks/blk_101").json()["parts"]
    assert part["lines"] == []
    assert part["lines_missing"].startswith("0 of 19 lines: the others lie too far from what is known of the window")


def test_an_unknown_block_is_404_and_no_block_is_422(published: httpx.Client) -> None:
    answer = published.get("/blocks/blk_404")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "nothing is known of blk_404, or it is too long ago",
    )
    assert published.get("/blocks/..%2f..%2fetc%2fpasswd").status_code == 404
    assert published.get("/blocks/" + "x" * 257).status_code == 422


# ── health, metrics, docs ──


def test_ready_says_ok_of_each(api: httpx.Client) -> None:
    assert api.get("/health/live").json() == {"live": True}
    checks = {"broker": "ok", "topics": "ok", "scores": "ok", "checkpoint": "ok"}
    assert api.get("/health/ready").json() == {"ready": True, "checks": checks}


def test_without_a_broker_it_lives_and_says_what_is_not_ready(tmp_path: Path) -> None:
    settings = new_settings("localhost:1", create=False)
    log = tmp_path / "log"
    with process(settings, log), client(url_of(log)) as api:
        wait_until(lambda: "localhost:1" in api.get("/health/ready").json()["checks"]["broker"], "the broker is missed")
        answer = api.get("/health/ready")
        assert answer.status_code == 503
        assert not answer.json()["ready"]
        assert api.get("/health/live").status_code == 200
        assert api.get("/anomalies").json() == {"anomalies": [], "next": None}
        assert api.post("/score", json={"log_text": LINES[0].decode()}).status_code == 200


def test_missing_topics_are_named(broker: str, tmp_path: Path) -> None:
    settings = new_settings(broker, create=False)
    log = tmp_path / "log"
    with process(settings, log), client(url_of(log)) as api:
        wait_until(lambda: "does not exist" in api.get("/health/ready").json()["checks"]["topics"], "it is named")
        assert api.get("/health/ready").status_code == 503
        assert api.get("/health/ready").json()["checks"]["broker"] == "ok"


def test_metrics_count_requests_by_pattern(api: httpx.Client) -> None:
    api.get("/blocks/blk_404")
    text = api.get("/metrics").text
    assert 'tinylogbert_http_requests_total{method="GET",path="/blocks/{block_id}",status="404"}' in text
    assert "blk_404" not in text
    assert "tinylogbert_served_events_total" in text


def test_docs_load_nothing_from_elsewhere_and_every_route_has_an_example(api: httpx.Client) -> None:
    page = api.get("/docs").text
    for link in ("/docs/files/swagger-ui-bundle.js", "/docs/files/swagger-ui.css"):
        assert link in page
        assert api.get(link).status_code == 200
    assert "https://" not in page
    schema = api.get("/openapi.json").json()
    assert set(schema["paths"]) == {
        *("/score", "/anomalies", "/blocks/{block_id}", "/events", "/health/live", "/health/ready", "/metrics"),
    }
    assert "examples" in schema["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]
    assert schema["components"]["schemas"]["Event"]["example"]["block_id"] == "blk_38865049064139660"


def test_unknown_paths_and_methods(api: httpx.Client) -> None:
    assert api.get("/nothing").status_code == 404
    answer = api.delete("/anomalies")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


# ── how it starts and ends ──


def test_ctrl_c_ends_it_quietly_with_streams_open(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with process(settings, log) as server, client(url_of(log)) as api:
        wait_until(lambda: api.get("/health/ready").status_code == 200, "the server is ready")
        with api.stream("GET", "/events") as stream:
            assert next(stream.iter_lines()) == ": following"
            server.send_signal(signal.SIGINT)
            assert server.wait(20) in (0, 130)
    assert [entry["event"] for entry in logged(log)] == ["serving", "ended"]


def test_a_checkpoint_that_cannot_be_loaded_ends_it_with_one_line(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with process(settings, log, environment={"SCORER": "broken"}) as server:
        assert server.wait(60) == 1
    assert log.read_text().splitlines()[-1] == "error: the checkpoint is broken"


def test_a_port_that_is_taken_is_one_line(api: httpx.Client, settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "log"
    taken = f"127.0.0.1:{api.base_url.port}"
    with process(settings, log, "--listen-address", taken) as server:
        assert server.wait(60) == 1
    assert log.read_text() == (
        f"error: cannot listen at {taken}: Address already in use; say another with --listen-address\n"
    )


def test_logs_are_json_lines(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with process(settings, log):
        url_of(log)
    assert json.loads(log.read_text().splitlines()[0])["event"] == "serving"


def test_a_broker_that_was_away_is_followed_on(tmp_path: Path) -> None:
    with two_of(tmp_path / "broker") as (broker, address, again):
        settings = new_settings(address)
        with serving(settings, tmp_path) as api:
            publish(settings, alarm("blk_1"))
            wait_until(lambda: ids(api.get("/anomalies").json()) == ["blk_1"], "the first alarm")
            broker.stop()
            wait_until(lambda: api.get("/health/ready").status_code == 503, "the broker is missed")
            assert ids(api.get("/anomalies").json()) == ["blk_1"]
            [part] = api.get("/blocks/blk_1").json()["parts"]
            assert part["lines_missing"].startswith("0 of 19 lines: ")
            again.start()
            publish(settings, alarm("blk_2"))
            wait_until(lambda: ids(api.get("/anomalies").json()) == ["blk_2", "blk_1"], "the second alarm")
            wait_until(lambda: api.get("/health/ready").status_code == 200, "it is ready again")
