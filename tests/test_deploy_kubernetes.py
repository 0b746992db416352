"""Kubernetes: what Kustomize builds fits the schemas of several versions, and says what the code says."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml
from deployed import DEPLOY, require_command, require_settings

from stream.kafka.topics import topic_specs
from stream.settings import Settings, load_settings

FOLDER = DEPLOY / "kubernetes"
VERSIONS = ("1.30", "1.37")
CUSTOM = {"KafkaTopic", "ScaledObject"}

pytestmark = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl is not installed, which has Kustomize in it"
)


def built(folder: str) -> list[dict[str, Any]]:
    command = ["kubectl", "kustomize", str(FOLDER / folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    return [dict(found) for found in yaml.safe_load_all(ran.stdout)]


@pytest.fixture(scope="module")
def production() -> list[dict[str, Any]]:
    return built("overlays/production")


@pytest.fixture(scope="module")
def topics() -> list[dict[str, Any]]:
    return built("topics")


def of(objects: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for found in objects if found["kind"] == kind}


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each Deployment's pod and its one container."""
    for deployment in of(objects, "Deployment").values():
        pod = deployment["spec"]["template"]["spec"]
        [container] = pod["containers"]
        yield pod, container


# ── by the schemas ──


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", ["base", "overlays/production", "topics"])
def test_every_object_fits_the_strict_schema(folder: str, version: str) -> None:
    plain = [found for found in built(folder) if found["kind"] not in CUSTOM]
    for found in plain:
        kubernetes_validate.validate(found, version, strict=True)
    assert plain or folder == "topics"


def test_the_schema_bites(production: list[dict[str, Any]]) -> None:
    spoiled = json.loads(json.dumps(of(production, "Deployment")["tinylogbert-daemon"]))
    spoiled["spec"]["template"]["spec"]["containers"][0]["livenessProb"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(spoiled, VERSIONS[-1], strict=True)


# ── pods ──


def test_pods_run_as_nobody_write_nowhere_and_know_nothing_of_kubernetes(production: list[dict[str, Any]]) -> None:
    for pod, container in pods(production):
        assert pod["serviceAccountName"] == "tinylogbert"
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
    assert of(production, "ServiceAccount")["tinylogbert"]["automountServiceAccountToken"] is False
    [namespace] = of(production, "Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_pods_have_probes_and_bounds(production: list[dict[str, Any]]) -> None:
    for pod, container in pods(production):
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]
        assert all("sizeLimit" in volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume)
        ports = {port["name"] for port in container["ports"]}
        for probe in ("startupProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["port"] in ports


def test_commands_and_settings_are_right(production: list[dict[str, Any]]) -> None:
    [settings] = [found["data"] for found in of(production, "ConfigMap").values()]
    for _, container in pods(production):
        require_command(container["args"])
        require_settings(settings | {entry["name"]: entry.get("value") for entry in container["env"]})
        assert container["image"] == "tinylogbert:0.1.0"


def test_secrets_are_named_and_not_written(production: list[dict[str, Any]]) -> None:
    assert of(production, "Secret") == {}
    for pod, container in pods(production):
        [kafka] = [entry for entry in container["env"] if entry["name"] == "TINYLOGBERT_KAFKA"]
        assert kafka["valueFrom"]["secretKeyRef"]["name"] == "tinylogbert-kafka"
        if container["name"] == "server":
            [token] = [volume for volume in pod["volumes"] if "secret" in volume]
            assert token["secret"]["secretName"] == "tinylogbert-api"


def test_properties_of_kafkas_client_come_as_one_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"security.protocol": "SASL_SSL", "sasl.password": "not to be seen"}
    monkeypatch.setenv("TINYLOGBERT_KAFKA", json.dumps(said))
    assert load_settings().kafka == said


def test_a_pods_name_can_be_a_workers_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLOGBERT_WORKER_ID", "tinylogbert-daemon-6f7c9d8b5d-x2x4z")
    assert Settings().worker_id == "tinylogbert-daemon-6f7c9d8b5d-x2x4z"


# ── around them ──


def labels(deployment: dict[str, Any]) -> dict[str, str]:
    return dict(deployment["spec"]["template"]["metadata"]["labels"])


def selects(selector: dict[str, str], deployment: dict[str, Any]) -> bool:
    return selector.items() <= labels(deployment).items()


def test_services_and_budgets_select_one_deployment_each(production: list[dict[str, Any]]) -> None:
    deployments = of(production, "Deployment")
    services = {name: found["spec"]["selector"] for name, found in of(production, "Service").items()}
    budgets = {
        name: found["spec"]["selector"]["matchLabels"] for name, found in of(production, "PodDisruptionBudget").items()
    }
    assert services.keys() == budgets.keys() == deployments.keys() == {"tinylogbert-daemon", "tinylogbert-server"}
    for selectors in (services, budgets):
        for name, selector in selectors.items():
            assert [found for found in deployments if selects(selector, deployments[found])] == [name]


def test_nothing_comes_in_and_nothing_goes_out_but_what_is_said(production: list[dict[str, Any]]) -> None:
    policies = [found["spec"] for found in of(production, "NetworkPolicy").values()]
    for deployment in of(production, "Deployment").values():
        apply = [spec for spec in policies if selects(spec["podSelector"]["matchLabels"], deployment)]
        assert {kind for spec in apply for kind in spec["policyTypes"]} == {"Ingress", "Egress"}
        came = {port["port"] for spec in apply for rule in spec.get("ingress", []) for port in rule["ports"]}
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        assert came == {port["containerPort"] for port in container["ports"]}
        assert all(rule.get("from") for spec in apply for rule in spec.get("ingress", []))
        assert all(rule.get("to") for spec in apply for rule in spec.get("egress", []))
        gone = {p["port"] for spec in apply for rule in spec.get("egress", []) for p in rule["ports"]}
        assert gone == {53, 9092, 9093, *([9464] if container["name"] == "server" else [])}


def test_the_page_asks_the_daemons_service_for_their_metrics_and_is_let_in(production: list[dict[str, Any]]) -> None:
    deployments, [service] = of(production, "Deployment"), [of(production, "Service")["tinylogbert-daemon"]]
    [server] = deployments["tinylogbert-server"]["spec"]["template"]["spec"]["containers"]
    name, _, port = server["args"][server["args"].index("--daemon-metrics") + 1].partition(":")
    assert (name, int(port)) == (service["metadata"]["name"], service["spec"]["ports"][0]["port"])
    assert service["spec"]["clusterIP"] == "None"  # the name has the address of every pod
    rules = of(production, "NetworkPolicy")
    [rule] = rules["tinylogbert-daemon"]["spec"]["ingress"]
    [out] = rules["tinylogbert-server"]["spec"]["egress"]
    assert any(
        selects(one["podSelector"]["matchLabels"], deployments["tinylogbert-server"]) for one in rule["from"][1:]
    )
    assert selects(out["to"][0]["podSelector"]["matchLabels"], deployments["tinylogbert-daemon"])


# ── KEDA: no schema here; what its documentation requires ──


def test_keda_scales_the_daemon_by_the_lag_of_its_own_group(production: list[dict[str, Any]]) -> None:
    [settings] = [found["data"] for found in of(production, "ConfigMap").values()]
    scaled = of(production, "ScaledObject")["tinylogbert-daemon"]
    assert scaled["apiVersion"] == "keda.sh/v1alpha1"
    target = scaled["spec"]["scaleTargetRef"]
    daemon = of(production, "Deployment")[target["name"]]
    assert (target["apiVersion"], target["kind"]) == (daemon["apiVersion"], "Deployment")
    assert "replicas" not in daemon["spec"]  # two masters of one number
    assert 1 <= scaled["spec"]["minReplicaCount"] <= scaled["spec"]["maxReplicaCount"]
    assert scaled["spec"]["maxReplicaCount"] == int(settings["TINYLOGBERT_PARTITIONS"])
    triggers = scaled["spec"]["triggers"]
    assert len({trigger["name"] for trigger in triggers}) == len(triggers)
    for trigger in triggers:
        said = trigger["metadata"]
        assert trigger["type"] == "kafka"
        assert all(isinstance(value, str) for value in said.values())
        assert said.keys() == {"bootstrapServers", "consumerGroup", "topic", "lagThreshold", "offsetResetPolicy"}
        assert said["bootstrapServers"] == settings["TINYLOGBERT_BOOTSTRAP_SERVERS"]
        assert said["consumerGroup"] == settings["TINYLOGBERT_GROUP_ID"]
    assert [trigger["metadata"]["topic"] for trigger in triggers] == [Settings().raw_topic, Settings().lines_topic]


# ── Strimzi: what its definition of a KafkaTopic has, and what the code wants ──


def test_strimzi_makes_the_topics_that_the_code_would(
    topics: list[dict[str, Any]], production: list[dict[str, Any]]
) -> None:
    [said] = [found["data"] for found in of(production, "ConfigMap").values()]
    partitions, replication = int(said["TINYLOGBERT_PARTITIONS"]), int(said["TINYLOGBERT_REPLICATION"])
    wanted = {spec.name: spec for spec in topic_specs(load_settings(partitions=partitions, replication=replication))}
    made = of(topics, "KafkaTopic")
    assert made.keys() == wanted.keys()
    for name, found in made.items():
        spec = found["spec"]
        assert spec.keys() == {"partitions", "replicas", "config"}
        assert (spec["partitions"], spec["replicas"]) == (wanted[name].partitions, replication)
        config = {key: str(value) for key, value in spec["config"].items()}
        assert config.pop("min.insync.replicas") == str(replication - 1)  # one broker may be away
        assert config == wanted[name].config


def test_topics_belong_to_one_cluster_where_daemons_look_for_it(
    topics: list[dict[str, Any]], production: list[dict[str, Any]]
) -> None:
    [said] = [found["data"] for found in of(production, "ConfigMap").values()]
    [cluster] = {found["metadata"]["labels"]["strimzi.io/cluster"] for found in topics}
    [namespace] = {found["metadata"]["namespace"] for found in topics}
    assert {found["apiVersion"] for found in topics} == {"kafka.strimzi.io/v1"}
    assert said["TINYLOGBERT_BOOTSTRAP_SERVERS"] == f"{cluster}-kafka-bootstrap.{namespace}:9092"
