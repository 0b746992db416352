"""compose.yaml: right by its schema and by Compose itself, and each service as closed as it can be."""

import json
import re
import shutil
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from deployed import DEPLOY, ROOT, require_command, require_settings, run, tool

from stream.broker import EmbeddedBroker
from stream.kafka.clients import new_admin
from stream.kafka.topics import create_topics, show_topics
from stream.settings import load_settings

FILE = DEPLOY / "compose.yaml"
TOKEN = "a-token-for-tests-alone"
OURS = ("daemon", "server", "cli")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """What Compose makes of the file: anchors, variables and paths resolved."""
    ran = run(
        *(tool("docker-compose"), "-f", FILE, "--profile", "*", "config", "--format", "json"),
        TINYLOGBERT_API_TOKEN=TOKEN,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return dict(json.loads(ran.stdout))


def test_it_fits_the_schema_of_the_compose_specification() -> None:
    ran = run(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", FILE)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_schema_bites(tmp_path: Path) -> None:
    spoiled = yaml.safe_load(FILE.read_text())
    spoiled["services"]["kafka"]["imagee"] = "x"
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(spoiled))
    ran = run(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", tmp_path / "compose.yaml")
    assert ran.returncode == 1


def test_our_services_can_write_nothing_gain_nothing_and_need_no_right(compose: dict[str, Any]) -> None:
    for name in OURS:
        service = compose["services"][name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "user" not in service  # the image's, which is not root
        assert not service.get("privileged")


def test_their_commands_and_settings_are_right(compose: dict[str, Any]) -> None:
    for name in OURS:
        service = compose["services"][name]
        require_command(service["command"])
        require_settings(service["environment"])
        assert service["environment"]["TINYLOGBERT_BOOTSTRAP_SERVERS"] == "kafka:19092"


def test_every_port_is_for_this_machine_alone(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}
    assert sorted(port["published"] for port in ports) == ["3000", "8080", "9090", "9092"]


def test_whatever_is_mounted_is_there(compose: dict[str, Any]) -> None:
    mounts = [m for service in compose["services"].values() for m in service.get("volumes", []) if m["type"] == "bind"]
    assert len(mounts) == 5
    assert all(Path(mount["source"]).exists() and mount["read_only"] for mount in mounts)
    build = compose["services"]["daemon"]["build"]
    assert (Path(build["context"]) / build["dockerfile"]) == ROOT / "deploy" / "Dockerfile"


def test_the_token_is_a_file_for_those_who_need_it_and_in_no_environment(compose: dict[str, Any]) -> None:
    holders = {name for name, service in compose["services"].items() if service.get("secrets")}
    assert holders == {"server", "prometheus"}
    assert compose["services"]["server"]["environment"]["TINYLOGBERT_API_TOKEN_FILE"] == "/run/secrets/api-token"
    assert compose["secrets"]["api-token"]["environment"] == "TINYLOGBERT_API_TOKEN"
    assert TOKEN not in json.dumps(compose)


def test_kafka_is_one_node_that_answers_inside_and_outside(compose: dict[str, Any]) -> None:
    said = compose["services"]["kafka"]["environment"]
    listeners = dict(part.split("://") for part in said["KAFKA_LISTENERS"].split(","))
    protocols = dict(part.split(":") for part in said["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    advertised = dict(part.split("://") for part in said["KAFKA_ADVERTISED_LISTENERS"].split(","))
    assert listeners.keys() == protocols.keys() == {*advertised, said["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    assert said["KAFKA_INTER_BROKER_LISTENER_NAME"] in advertised
    assert {name: address.rpartition(":")[2] for name, address in advertised.items()} == {
        name: listeners[name].rpartition(":")[2] for name in advertised
    }
    assert said["KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR"] == "1"  # or no transaction would ever begin
    assert len(said["CLUSTER_ID"]) == 22


def test_a_real_kafka_starts_with_what_it_is_told_and_takes_our_topics(compose: dict[str, Any], tmp_path: Path) -> None:
    said = compose["services"]["kafka"]["environment"]
    with ExitStack() as taken:
        free = [taken.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(3)]
    ports = dict(zip(("19092", "9092", "9093"), free, strict=True))

    def here(value: str) -> str:
        """The same at this machine's addresses."""
        return re.sub(r"(://|@)[a-z]*:(\d+)", lambda found: f"{found[1]}127.0.0.1:{ports[found[2]]}", value)

    names = [name for name in said if name.startswith("KAFKA_") and name != "KAFKA_LOG_DIRS"]
    settings = {name.removeprefix("KAFKA_").lower().replace("_", "."): here(said[name]) for name in names}
    kafka = EmbeddedBroker(tmp_path / "kafka", port=ports["9092"], settings=settings, die_with_parent=True)
    try:
        outside = kafka.start(timeout_s=180)
        assert outside.endswith(f":{ports['9092']}")
        for address in (outside, f"127.0.0.1:{ports['19092']}"):
            ours = load_settings(bootstrap_servers=address)
            create_topics(new_admin(ours), ours)
            assert not any(state.problems for state in show_topics(new_admin(ours), ours))
    finally:
        kafka.stop()


# ── what goes with it ──


def test_prometheus_is_told_what_the_shipped_configuration_says_at_other_addresses() -> None:
    def jobs(file: Path) -> list[str]:
        return [job["job_name"] for job in yaml.safe_load(file.read_text())["scrape_configs"]]

    ours = DEPLOY / "compose" / "prometheus.yml"
    assert jobs(ours) == jobs(DEPLOY / "prometheus" / "prometheus.yml")
    targets = [job["static_configs"][0]["targets"] for job in yaml.safe_load(ours.read_text())["scrape_configs"]]
    assert targets == [["daemon:9464"], ["server:8080"]]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_finds_nothing_wrong(tmp_path: Path) -> None:
    config = yaml.safe_load((DEPLOY / "compose" / "prometheus.yml").read_text())
    config["scrape_configs"][1]["authorization"]["credentials_file"] = str(tmp_path / "token")
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    shutil.copy(DEPLOY / "prometheus" / "alerts.yml", tmp_path)
    ran = run("promtool", "check", "config", tmp_path / "prometheus.yml")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_grafana_finds_its_source_and_its_dashboard(compose: dict[str, Any]) -> None:
    folder = DEPLOY / "compose" / "grafana"
    [source] = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", "http://prometheus:9090", True)
    [provider] = yaml.safe_load((folder / "dashboards" / "tinylogbert.yml").read_text())["providers"]
    grafana = compose["services"]["grafana"]
    mounted = {mount["target"]: Path(mount["source"]) for mount in grafana["volumes"] if mount["type"] == "bind"}
    assert (mounted[provider["options"]["path"]] / "tinylogbert.json").exists()
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].startswith(provider["options"]["path"])
