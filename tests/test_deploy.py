"""What is shipped for Prometheus and Grafana: right by their own tools, true to the metrics, run on the real thing."""

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml
from pipeline import all_read, far_later, line, new_settings, send, wait_until
from test_metrics import PAGE, documented, told
from tiny_checkpoint import write_tiny_checkpoint

from stream.metrics.endpoint import endpoint
from stream.metrics.server import ServerMetrics
from stream.simulator import simulate

DEPLOY = Path(__file__).parents[1] / "deploy"
RULES = DEPLOY / "prometheus"
BOARD = json.loads((DEPLOY / "grafana" / "tinylogbert.json").read_text())
ALERTS = [
    rule
    for group in yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]  # fmt: skip
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
_NAME = re.compile(r"\b(?:tinylogbert|process|python)_\w+|\btinylogbert:[\w:]+")

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)"
)
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed (Debian: prometheus)"
)


def queries() -> list[str]:
    """The expressions of the dashboard, as it sends them with all jobs and instances chosen."""
    found = [target["expr"] for panel in PANELS for target in panel["targets"]]
    values = {"$__rate_interval": "30s", "$job": ".*", "$instance": ".*"}
    for name, value in values.items():
        found = [query.replace(name, value) for query in found]
    return found


def test_rules_and_dashboard_name_metrics_that_there_are() -> None:
    known = documented("Daemon", "Server", "Both")
    stored = set(known)
    for name, (kind, _) in known.items():
        if kind == "histogram":
            stored |= {f"{name}_{part}" for part in ("bucket", "sum", "count")}
    stored -= {"tinylogbert_window_score_sum", "tinylogbert_window_score_count"}  # for it has buckets below 0
    recorded = {rule["record"] for rule in ALERTS if "record" in rule}
    for expression in [*queries(), *(rule["expr"] for rule in ALERTS)]:
        named = set(_NAME.findall(expression))
        assert named - stored - recorded == set()
        assert named or "up{" in expression, expression


def test_every_metric_of_the_daemon_is_on_the_dashboard() -> None:
    shown = " ".join(queries())
    unshown = {"tinylogbert_restored_records_total", "tinylogbert_checkpoint_info"}
    assert {name for name in documented("Daemon") if name not in shown} <= unshown


def test_every_alert_says_what_is_wrong_what_to_do_and_whether_it_wakes_somebody() -> None:
    alerts = [rule for rule in ALERTS if "alert" in rule]
    assert len(alerts) == len({rule["alert"] for rule in alerts}) >= 7
    for rule in alerts:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"].keys() == {"summary", "action", "runbook"}
    assert [rule["alert"] for rule in alerts] == re.findall(r"\| `(TinyLogBERT\w+)` \|", PAGE.read_text())
    assert not any("notices" in rule["expr"] for rule in ALERTS)  # they wake nobody


# ── promtool ──


def promtool(*arguments: object, folder: Path = RULES) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


@needs_promtool
def test_promtool_finds_nothing_wrong_and_the_rules_pass_their_tests() -> None:
    checked = promtool("check", "config", "prometheus.yml")  # the rules, too
    assert checked.returncode == 0, checked.stderr + checked.stdout
    assert f"{len(ALERTS)} rules found" in checked.stdout
    tested = promtool("test", "rules", "alerts_test.yml")
    assert tested.returncode == 0, tested.stderr + tested.stdout


@needs_promtool
@pytest.mark.parametrize("spoiled", ["vector(1) == 0", "vector(1)"])
@pytest.mark.parametrize("name", [rule.get("alert") or rule["record"] for rule in ALERTS])
def test_every_rule_has_a_test_that_bites(name: str, spoiled: str, tmp_path: Path) -> None:
    """It fails for a rule that never fires, and for one that always does."""
    rules = yaml.safe_load((RULES / "alerts.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            if name in (rule.get("alert"), rule.get("record")):
                rule["expr"] = spoiled
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(rules))
    shutil.copy(RULES / "alerts_test.yml", tmp_path)
    assert promtool("check", "rules", "alerts.yml", folder=tmp_path).returncode == 0
    assert promtool("test", "rules", "alerts_test.yml", folder=tmp_path).returncode == 1


# ── the dashboard's form ──


def test_panels_have_a_place_of_their_own_a_title_a_description_and_the_chosen_source() -> None:
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert [target["refId"] for target in panel["targets"]] == list("ABCDEF"[: len(panel["targets"])])
    assert [variable["name"] for variable in BOARD["templating"]["list"]] == ["datasource", "job", "instance"]


# ── a real Prometheus ──


class Prometheus:
    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, path: str, **query: str) -> Any:
        """The data of an answer of its HTTP API; raises AssertionError with what it says where it refuses."""
        try:
            with urlopen(f"{self._url}/api/v1/{path}?{urlencode(query)}", timeout=30) as answer:
                return json.load(answer)["data"]
        except HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def value(self, expression: str) -> list[Any]:
        return list(self.get("query", query=expression)["result"])

    def ready(self) -> bool:
        try:
            with urlopen(f"{self._url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def prometheus(folder: Path, daemon: str, server: str) -> Iterator[Prometheus]:
    """A real Prometheus with the shipped configuration, that scrapes these two every second."""
    config = yaml.safe_load((RULES / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(RULES / "alerts.yml")]
    for job, target in zip(config["scrape_configs"], (daemon, server), strict=True):
        job["static_configs"] = [{"targets": [target]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with (folder / "prometheus.log").open("wb") as log, subprocess.Popen(command, stderr=log, stdout=log) as process:
        try:
            found = Prometheus(f"http://127.0.0.1:{port}")
            wait_until(found.ready, "Prometheus is ready")
            yield found
        finally:
            process.terminate()
            process.wait(30)


def host(url: str) -> str:
    return url.removeprefix("http://").removesuffix("/metrics")


def serving() -> ServerMetrics:
    """A server that has answered and read something."""
    server = ServerMetrics()
    server.request("POST", "/score", 200, 0.02)
    server.events("hdfs.scores", 1)
    return server


@needs_prometheus
def test_a_real_prometheus_scrapes_a_daemon_and_every_query_of_the_dashboard_has_an_answer(
    broker: str, tmp_path: Path
) -> None:
    settings = new_settings(broker)
    checkpoint = str(write_tiny_checkpoint(tmp_path / "model"))
    server = serving()
    good, bad = [*simulate(60, seed=6, anomaly_rate=0.1).lines()], [b"no time blk_1", line(0, "nothing to see")]
    with (
        told(settings, tmp_path / "log", "--checkpoint", checkpoint) as daemon,
        endpoint("127.0.0.1:0", server.exporter) as at,
        prometheus(tmp_path, host(daemon), host(at)) as prom,
    ):
        wait_until(lambda: prom.value("tinylogbert_lines_total") and prom.value("up == 1"), "it scrapes")
        send(settings, [*good, *bad, far_later()])
        wait_until(lambda: all_read(settings), "all is read")
        server.request("POST", "/score", 200, 0.02)

        def lines() -> float:
            return sum(float(found["value"][1]) for found in prom.value('tinylogbert_lines_total{stage="route"}'))

        wait_until(lambda: lines() == len(good) + len(bad) + 1, "it has scraped all of them")
        wait_until(lambda: prom.value("sum(rate(tinylogbert_windows_total[30s])) > 0"), "and events")

        assert {found["metric"]["job"] for found in prom.value("up == 1")} == {"tinylogbert", "tinylogbert-serve"}
        silent = [query for query in queries() if not prom.value(query)]
        deadline = time.monotonic() + 60
        while silent and time.monotonic() < deadline:  # a rate needs two scrapes
            silent = [query for query in silent if not prom.value(query)]
        assert silent == []
        jobs = prom.get("label/job/values", **{"match[]": "tinylogbert_figures_timestamp_seconds"})
        assert jobs == ["tinylogbert"]

        def rules() -> list[dict[str, Any]]:
            return [rule for group in prom.get("rules")["groups"] for rule in group["rules"]]

        wait_until(lambda: all(rule["health"] != "unknown" for rule in rules()), "every rule was evaluated")
        assert {rule["name"]: rule.get("lastError") for rule in rules() if rule["health"] != "ok"} == {}
        assert len(rules()) == len(ALERTS)
        wait_until(lambda: prom.value('ALERTS{alertname="TinyLogBERTDeadLetters"}'), "a dead letter is told")
        firing = {found["metric"]["alertname"] for found in prom.value('ALERTS{alertstate="firing"}')}
        assert firing == {"TinyLogBERTDeadLetters"}
