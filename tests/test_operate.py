"""docs/operate.md against the code: the rule, the topics, the alerts, the reasons of dead letters; beginning anew."""

import re
from pathlib import Path

import pytest
import yaml
from command import Command
from confluent_kafka import Consumer, TopicPartition
from pipeline import (
    ContentScorer,
    all_read,
    assert_same_windows,
    closed_windows,
    far_later,
    line,
    new_settings,
    running,
    send,
    wait_until,
)
from pipeline import until_closed as until_all_closed

from stream.kafka.clients import new_admin
from stream.kafka.topicrules import RULE, topic_specs
from stream.kafka.topics import create_topics
from stream.settings import Settings, load_settings

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "operate.md").read_text()
RULES = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule}
DAY = 86_400_000
SCORER = ContentScorer()


def section(title: str, level: str = "##") -> str:
    """The text under a heading, up to the next of its level."""
    [text] = re.findall(
        rf"^{level} {re.escape(title)}\n(.*?)(?=^#{{2,{len(level)}}} |\Z)", PAGE, re.MULTILINE | re.DOTALL
    )
    return str(text)


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


# ── alerts ──


def test_every_alert_has_a_section_and_every_section_an_alert() -> None:
    assert re.findall(r"^### (\w+)$", PAGE, re.MULTILINE) == list(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alerts_section_says_what_to_look_at_and_what_to_do(name: str) -> None:
    text = section(name, "###")
    assert "**Look**" in text
    assert "**Do**" in text


@pytest.mark.parametrize("name", ALERTS)
def test_an_alerts_runbook_is_its_section(name: str) -> None:
    page, _, anchor = ALERTS[name]["annotations"]["runbook"].partition("#")
    assert (ROOT / page).read_text() == PAGE
    assert anchor == name.lower()  # as a heading's anchor is made


# ── topics ──


def test_the_rule_is_said_once_and_shown_by_help_and_this_page(command: Command) -> None:
    assert RULE in section("Topics")
    shown = " ".join(command("topics", "create", "--help").out.decode().split())
    assert " ".join(RULE.split()) in shown


def test_the_table_of_topics_is_what_the_rule_makes_of_the_defaults() -> None:
    rows = re.findall(r"^\| `([\w.-]+)` \| (\d+) \| (?:([\d.]+) days|–) \| (\w+) \|$", section("Topics"), re.MULTILINE)
    specs = topic_specs(load_settings())
    assert [(name, int(many), cleanup) for name, many, _, cleanup in rows] == [
        (spec.name, spec.partitions, spec.config.get("cleanup.policy", "delete")) for spec in specs
    ]
    for (_, _, days, _), spec in zip(rows, specs, strict=True):
        assert days == (f"{int(spec.config['retention.ms']) / DAY:.5g}" if "retention.ms" in spec.config else "")


# ── dead letters ──


def test_every_reason_of_a_dead_letter_is_explained() -> None:
    raised = set()
    for path in (ROOT / "stream").rglob("*.py"):
        raised |= set(re.findall(r'BadLine\(\s*"(\w+)"', path.read_text()))
    assert set(re.findall(r"^\| `(\w+)` \|", section("Dead letters"), re.MULTILINE)) == raised


# ── what the page says is done ──


def test_beginning_anew_as_the_page_says_publishes_the_same_windows_again(broker: str) -> None:
    settings = new_settings(broker)
    lines = [*(line(n, f"Receiving block blk_{n % 7}") for n in range(40)), far_later()]
    send(settings, lines)
    with running(settings, SCORER):
        until_all_closed(settings, lines, SCORER)
    first = closed_windows(settings)

    [said] = [text for text in section("Resetting").splitlines() if text.startswith("tinylogbert consume")]
    named = {word[2:].replace("-", "_") for word in said.split() if word.startswith("--")}
    assert named == {"group_id", "lines_topic", "windows_topic", "scores_topic"}
    anew = settings.model_copy(update={name: f"{getattr(settings, name)}-2" for name in named})
    assert create_topics(new_admin(anew), anew) == [anew.lines_topic, anew.scores_topic, anew.windows_topic]
    with running(anew, SCORER):
        until_all_closed(anew, lines, SCORER)
    again = assert_same_windows(anew, lines, SCORER)
    assert {key: event["score"] for key, event in again.items()} == {key: e["score"] for key, e in first.items()}
    assert closed_windows(settings) == first


def test_dropping_the_state_as_the_page_says_publishes_nothing_again(broker: str) -> None:
    settings = new_settings(broker)
    old = [*(line(n, f"Receiving block blk_{n % 7}") for n in range(40)), far_later()]
    send(settings, old)
    with running(settings, SCORER):
        until_all_closed(settings, old, SCORER)
        wait_until(lambda: all_read(settings), "all is read")
    before = closed_windows(settings)

    admin = new_admin(settings)
    admin.delete_topics([settings.windows_topic])[settings.windows_topic].result(30)
    wait_until(lambda: settings.windows_topic not in admin.list_topics(timeout=30).topics, "the changelog is gone")
    to_latest(settings, settings.raw_topic, settings.lines_topic)
    assert create_topics(admin, settings) == [settings.windows_topic]
    send(settings, [line(32 * 86_400 + n, f"Receiving block blk_{n}") for n in range(100, 103)] + [far_later(60)])
    with running(settings, SCORER):
        wait_until(lambda: len(closed_windows(settings)) == len(before) + 3, "the new windows are closed")
    after = closed_windows(settings)
    assert {key for key in after if key not in before} == {(f"blk_{n}", 1) for n in range(100, 103)}
    assert {key: after[key] for key in before} == before


def to_latest(settings: Settings, *topics: str) -> None:
    """What Kafka's tool does with ``--reset-offsets --to-latest``: offsets of the ends, without notes."""
    group = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": settings.group_id})
    places = [TopicPartition(topic, number) for topic in topics for number in range(settings.partitions)]
    ends = [group.get_watermark_offsets(place, timeout=30)[1] for place in places]
    new = [TopicPartition(place.topic, place.partition, end) for place, end in zip(places, ends, strict=True)]
    group.commit(offsets=new, asynchronous=False)
    group.close()
