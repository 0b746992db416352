"""The live page in a real Chromium, on a real Kafka: what it shows, how soon, and that log text is only text."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from chromium import browser, sideways, visit
from pipeline import ContentScorer, line, new_producer, new_settings, read_topic, running, send, wait_until
from playwright.sync_api import Browser, Page, expect
from restarted import two_of
from serving import alarm, healthy, publish, serving

from stream.settings import Settings

expect.set_options(timeout=30_000)  # a busy machine is no failure; what has to be soon says how soon

MARKUP = "<img src=x onerror=document.title='owned'><b>bold</b> {{ 1 + 1 }} \x1b[31mred \u202eright to left"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture
def settings(broker: str) -> Settings:
    return new_settings(broker)


@pytest.fixture
def api(settings: Settings, tmp_path: Path) -> Iterator[httpx.Client]:
    with serving(settings, tmp_path) as opened:
        yield opened


@contextmanager
def opened(chromium: Browser, api: httpx.Client, path: str = "/", width: int = 1280) -> Iterator[Page]:
    """The page, brought up to date once; nothing may have gone wrong on it in the end."""
    elsewhere: list[str] = []
    with visit(chromium, f"{api.base_url}{path}", width=width) as seen:
        seen.page.on("request", lambda request: elsewhere.append(request.url))
        expect(seen.page.locator(".state")).to_have_text("live")
        yield seen.page
        assert seen.complaints == []
        assert sideways(seen.page) <= 0
    assert [url for url in elsewhere if not url.startswith((str(api.base_url), "data:", "blob:", "ws:"))] == []


def test_with_nothing_scored_it_says_so_and_the_first_anomaly_is_there_within_two_seconds(
    chromium: Browser, api: httpx.Client, settings: Settings
) -> None:
    with opened(chromium, api) as page:
        expect(page.locator(".what")).to_have_text("Nothing was scored yet")
        expect(page.locator(".none")).to_contain_text("No anomalies yet.")
        publish(settings, healthy("blk_1"))
        expect(page.locator(".what")).to_have_text("No anomalies")
        publish(settings, alarm("blk_2"))
        committed = time.monotonic()
        page.get_by_role("button", name="blk_2").wait_for(timeout=2_000)
        assert time.monotonic() - committed < 2
        expect(page.locator(".what")).to_have_text("1 critical block")
        expect(page.locator(".where")).to_have_text("dfs.DataNode$DataXceiver (1)")


def test_one_click_opens_a_block_and_escape_closes_it(chromium: Browser, api: httpx.Client, settings: Settings) -> None:
    publish(settings, alarm("blk_1"), alarm("blk_2", last_time="2008-11-09T20:41:00Z"))
    with opened(chromium, api) as page:
        page.get_by_role("button", name="blk_1").click()
        panel = page.get_by_role("complementary")
        expect(panel.get_by_role("heading", name="blk_1")).to_be_focused()
        expect(panel).to_contain_text("Of healthy windows, about 1 in 2,500 looks as strange as this one.")
        expect(panel).to_contain_text("0 of 19 lines: ")
        expect(panel.locator(".neighbours")).to_contain_text("2 s earlier")
        page.keyboard.press("Escape")
        expect(panel).not_to_be_visible()


def test_log_text_is_text(chromium: Browser, api: httpx.Client, settings: Settings) -> None:
    evidence = {"text": f"dfs.Odd: {MARKUP}", "time": "2008-11-09T20:41:02Z", "surprise": 1.0, "source": []}
    publish(settings, alarm("blk_1", checkpoint=MARKUP, reason=MARKUP, evidence=[{**evidence, "expected": [MARKUP]}]))
    shown = MARKUP.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    with opened(chromium, api) as page:
        expect(page.locator(".alarms .line")).to_have_text(f"dfs.Odd: {shown}")
        page.get_by_role("button", name="blk_1").click()
        expect(page.locator(".evidence code")).to_have_text(f"dfs.Odd: {shown}")
        expect(page.locator(".expected code")).to_have_text(shown)
        expect(page.locator(".panel")).to_contain_text(f"checkpoint {shown}")
        assert page.locator("main b, main img, .panel b, .panel img").count() == 0
        assert page.title() == "TinyLogBERT"


def test_filters_leave_what_fits_and_say_if_nothing_does(
    chromium: Browser, api: httpx.Client, settings: Settings
) -> None:
    warn = {"text": "WARN dfs.FSDataset: odd", "time": "2008-11-09T20:41:02Z", "surprise": 1.0, "expected": []}
    publish(settings, alarm("blk_11"), alarm("blk_22", severity="warning", evidence=[{**warn, "source": []}]))
    with opened(chromium, api) as page:
        rows = page.locator(".alarms tbody tr")
        expect(rows).to_have_count(2)
        choose(page, "Severity", "critical")
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("blk_11")
        choose(page, "Severity", "any severity")
        choose(page, "Component", "dfs.FSDataset")
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("blk_22")
        page.get_by_role("textbox", name="Block").fill("33")
        expect(page.locator(".none")).to_have_text("No anomaly fits the filters.")
        expect(page.locator(".what")).to_have_text("No anomalies that fit the filters")


def choose(page: Page, name: str, option: str) -> None:
    page.get_by_role("combobox", name=name).click()
    page.get_by_role("option", name=option, exact=True).click()


def test_by_keyboard_alone(chromium: Browser, api: httpx.Client, settings: Settings) -> None:
    publish(settings, *(alarm(f"blk_{n}") for n in range(3)))
    with opened(chromium, api) as page:
        expect(page.locator(".alarms tbody tr")).to_have_count(3)
        page.keyboard.press("j")
        page.keyboard.press("j")
        expect(page.get_by_role("button", name="blk_1")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="blk_1")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Close")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("complementary")).not_to_be_visible()
        page.keyboard.press("/")
        page.keyboard.type("blk_2")
        expect(page.locator(".alarms tbody tr")).to_have_count(1)


def test_its_lines_are_shown_in_order_with_the_one_that_carries_the_score(
    chromium: Browser, broker: str, tmp_path: Path
) -> None:
    settings = new_settings(broker, partitions=1, quiet_after="1s")
    odd = "<script>document.title = 'owned'</script>"
    lines = [raw for n in range(40) for raw in (line(n, f"{odd} blk_{n} {'x' * n}"), line(n + 1, f"received blk_{n}"))]
    send(settings, [*lines, line(100, "Receiving block blk_99")])
    with running(settings, ContentScorer()):
        wait_until(lambda: read_topic(settings, settings.anomalies_topic), "an alarm")
    with serving(settings, tmp_path) as api, opened(chromium, api) as page:
        row = page.locator(".alarms tbody button").first
        block = row.inner_text()
        row.click()
        shown = page.locator(".lines li .text")
        expect(shown).to_have_count(2)
        number = int(block.removeprefix("blk_"))
        raws = [lines[2 * number].decode(), lines[2 * number + 1].decode()]
        assert shown.all_inner_texts() == raws
        expect(page.locator(".lines li.marked .text")).to_have_text(raws[1])
        assert page.title() == "TinyLogBERT"


@pytest.mark.parametrize("joint", [True, False])
def test_a_stack_trace_is_shown_whole_beneath_its_line_whether_it_came_joined_or_line_by_line(
    chromium: Browser, broker: str, tmp_path: Path, joint: bool
) -> None:
    settings = new_settings(broker, partitions=1, quiet_after="1s")
    trace = [
        b"java.io.IOException: <b>reset</b>",
        b"\tat a.B.c(B.java:7)",
        b"Caused by: java.net.SocketException: gone",
    ]
    heads = [line(n, f"WARN odd blk_{n} {'x' * n}") for n in range(40)]
    send(settings, [b"\n".join([head, *trace]) for head in heads] if joint else [m for h in heads for m in (h, *trace)])
    send(settings, [line(100, "Receiving block blk_99")])
    with running(settings, ContentScorer()):
        wait_until(lambda: read_topic(settings, settings.anomalies_topic), "an alarm")
    with serving(settings, tmp_path) as api, opened(chromium, api) as page:
        page.locator(".alarms tbody button").first.click()
        expect(page.locator(".lines li")).to_have_count(1)
        shown = page.locator(".lines li.marked .trace pre")
        expect(shown).to_be_visible()
        parts = shown.inner_text().split("\n")
        assert [part.strip().partition(":")[0].partition("(")[0] for part in parts] == [
            "java.io.IOException",
            "at a.B.c",
            "Caused by",
        ]
        assert page.locator(".lines b").count() == 0


def test_a_link_leads_to_a_block(chromium: Browser, api: httpx.Client, settings: Settings) -> None:
    publish(settings, alarm("blk_7"))
    with opened(chromium, api, "/?block=blk_7") as page:
        expect(page.get_by_role("heading", name="blk_7")).to_be_visible()
    with opened(chromium, api, "/?block=<script>alert(1)</script>") as page:
        expect(page.get_by_role("button", name="blk_7")).to_be_visible()


def test_on_a_phone_nothing_is_wider_than_the_screen(chromium: Browser, api: httpx.Client, settings: Settings) -> None:
    publish(settings, *(alarm(f"blk_-{n}123456789012345678") for n in range(3)), healthy("blk_5"))
    with opened(chromium, api, width=360) as page:
        page.locator(".alarms button").first.click()
        expect(page.get_by_role("complementary")).to_be_visible()
        assert sideways(page) <= 0
        page.get_by_role("button", name="Close").click()


def test_a_thousand_events_a_second_do_not_hold_it_up(chromium: Browser, api: httpx.Client, settings: Settings) -> None:
    with opened(chromium, api) as page:
        for second in range(6):
            begun = time.monotonic()
            ids = range(1000 * second, 1000 * second + 1000)
            publish(settings, *(alarm(f"blk_{n}") if n % 33 == 0 else healthy(f"blk_{n}") for n in ids))
            time.sleep(max(0.0, begun + 1 - time.monotonic()))
        publish(settings, alarm("blk_777777"))
        page.get_by_role("button", name="blk_777777").click(timeout=2_000)
        expect(page.get_by_role("heading", name="blk_777777")).to_be_visible()
        rate = page.locator(".figures div", has_text="Windows a second").locator("dd")
        assert rate.inner_text() not in ("0", "–")


def test_it_holds_still_while_somebody_reads(chromium: Browser, api: httpx.Client, settings: Settings) -> None:
    publish(settings, alarm("blk_1"))
    with opened(chromium, api) as page:
        page.get_by_role("button", name="Hold still").click()
        publish(settings, alarm("blk_2"))
        button = page.get_by_role("button", name="Go on (1 new)")
        expect(button).to_be_visible()
        expect(page.locator(".alarms tbody tr")).to_have_count(1)
        button.click()
        expect(page.locator(".alarms tbody tr")).to_have_count(2)


def test_a_broker_that_is_away_is_said_and_what_comes_after_is_shown(chromium: Browser, tmp_path: Path) -> None:
    with two_of(tmp_path / "broker") as (broker, address, again):
        settings = new_settings(address)
        publish(settings, alarm("blk_1"))
        with serving(settings, tmp_path) as api, opened(chromium, api) as page:
            broker.stop()
            expect(page.locator(".away")).to_contain_text("What you see is from before.", timeout=20_000)
            expect(page.get_by_role("button", name="blk_1")).to_be_visible()
            again.start()
            publish(settings, alarm("blk_2"))
            page.get_by_role("button", name="blk_2").wait_for(timeout=30_000)
            expect(page.locator(".away")).not_to_be_visible(timeout=20_000)


def test_the_figures_show_open_windows_and_the_streaming_auc_if_told_where(
    chromium: Browser, settings: Settings, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("BlockId,Label\nblk_1,Anomaly\nblk_2,Normal\n")
    metrics = tmp_path / "metrics"
    metrics.write_text('tinylogbert_open_windows{partition="0"} 1234.0\ntinylogbert_open_windows{partition="1"} 1.0\n')
    publish(settings, alarm("blk_1"), healthy("blk_2"))
    with (
        files_served(tmp_path) as port,
        serving(settings, tmp_path, "--labels", str(labels), "--daemon-metrics", str(port)) as api,
        opened(chromium, api) as page,
    ):
        for name, value in (("Open windows", "1.2 k"), ("Streaming AUC", "1.0000"), ("Drift", "none")):
            expect(page.locator(".figures div", has_text=name).locator("dd")).to_have_text(value)


def test_labels_in_the_headers_of_lines_are_found(chromium: Browser, api: httpx.Client, settings: Settings) -> None:
    producer = new_producer(settings)
    for block, label in (("blk_1", b"1"), ("blk_2", b"0")):
        producer.produce(settings.lines_topic, line(1, f"Receiving {block}"), block, headers=[("label", label)])
    assert producer.flush(60) == 0
    publish(settings, alarm("blk_1"), healthy("blk_2"))
    with opened(chromium, api) as page:
        figure = page.locator(".figures div", has_text="Streaming AUC")
        expect(figure.locator("dd")).to_have_text("1.0000")
        title = "of 2 labelled blocks that are closed; 0 more are still being written"
        expect(figure).to_have_attribute("title", title)


@contextmanager
def files_served(folder: Path) -> Iterator[int]:
    """A web server of the files in a folder; yields its port."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_with_a_token_a_browser_is_asked_for_it(chromium: Browser, settings: Settings, tmp_path: Path) -> None:
    token = "0123456789abcdef-secret"
    publish(settings, alarm("blk_1"))
    with serving(settings, tmp_path, token=token) as api, visit(chromium, str(api.base_url)) as seen:
        seen.page.get_by_label("Token of this server").fill(token)
        seen.page.get_by_role("button", name="Open").click()
        seen.page.get_by_role("button", name="blk_1").wait_for()
        assert seen.complaints == []


def test_the_docs_work_without_internet(chromium: Browser, api: httpx.Client) -> None:
    with visit(chromium, f"{api.base_url}/docs") as seen:
        expect(seen.page.get_by_text("Judge log lines")).to_be_visible()
        assert seen.complaints == []
