"""``python -m bench.page``: what the server and its page cost while scored windows pour in, and how soon one is seen.

A real broker, the real server, a headless Chromium on the page. Events are written as the daemon writes them, so many a
second; one in a hundred is an alarm, and each alarm's time from its sending to its appearance on the page counts.
"""

import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import orjson
import psutil
from confluent_kafka import Producer

from stream.cli import run
from stream.demo.parts import broker, page, serve
from stream.errors import UserError
from stream.kafka.clients import new_admin
from stream.kafka.topics import create_topics
from stream.serve.models import EVENT
from stream.settings import Settings

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ALARMS = 100  # one event in so many
_STEP_S = 0.05
_WATCH = """
window.seen = {};
new MutationObserver(() => {
  for (const button of document.querySelectorAll('.alarms tbody button')) window.seen[button.innerText] ??= Date.now();
}).observe(document, {subtree: true, childList: true, characterData: true});
"""


class Measured(NamedTuple):
    """``rate`` is events a second, ``cpu`` a share of one core, ``memory`` MiB; ``p50`` and ``p99`` are seconds until
    an alarm is seen, of ``alarms`` that were; ``unseen`` were not.
    """

    events: int
    rate: float
    cpu: float
    memory: float
    alarms: int
    unseen: int
    p50: float
    p99: float


class Sending(threading.Thread):
    """Writes events; ``alarms`` are the times, epoch ms, at which those that are anomalous were sent, by block."""

    def __init__(self, settings: Settings, rate: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self.alarms: dict[str, int] = {}
        self.events = 0
        self.took = 0.0
        self._producer = Producer({"bootstrap.servers": settings.bootstrap_servers, "linger.ms": 5, "log_level": 0})
        self._topic, self._rate, self._seconds = settings.scores_topic, rate, seconds

    def run(self) -> None:
        """Send, and wait until all is there."""
        begun = time.monotonic()
        while (now := time.monotonic() - begun) < self._seconds:
            while self.events < now * self._rate:
                self._send(self.events)
                self.events += 1
            self._producer.poll(0)
            time.sleep(_STEP_S)
        self._producer.flush(30)
        self.took = time.monotonic() - begun

    def _send(self, number: int) -> None:
        block, bad = f"blk_{number}", number % _ALARMS == 0
        healthy: dict[str, Any] = {"anomalous": False, "severity": "normal", "evidence": [], "score": number % 90 / 100}
        event = {**EVENT, **({} if bad else healthy), "block_id": block, "revision": 1}
        if bad:
            self.alarms[block] = int(time.time() * 1000)
        self._producer.produce(self._topic, orjson.dumps(event), block)


def measure(folder: Path, rate: int, seconds: float) -> Measured:
    """Start it all, send for so many seconds, and look; raise UserError without a Chromium."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise UserError("there is no Chromium on this machine; on Debian: apt-get install chromium")
    (labels := folder / "labels.csv").write_text("BlockId,Label\nblk_0,Anomaly\n")
    with (
        page(folder / "page.log", None) as server,
        broker(folder / "broker", _say) as address,
        sync_playwright() as play,
    ):
        settings = Settings(bootstrap_servers=address, partitions=4)
        create_topics(new_admin(settings), settings)
        url = serve(server, settings, "127.0.0.1:1", labels)
        chromium = play.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        seen = chromium.new_page()
        seen.add_init_script(_WATCH)
        seen.goto(url)
        seen.wait_for_selector(".none")
        process, sending = psutil.Process(server.pid), Sending(settings, rate, seconds)
        before = sum(process.cpu_times()[:2])
        sending.start()
        while sending.is_alive():
            seen.wait_for_timeout(200)
        used, memory = sum(process.cpu_times()[:2]) - before, process.memory_info().rss / 2**20
        seen.wait_for_timeout(3_000)
        shown: dict[str, int] = seen.evaluate("window.seen")
        chromium.close()
    late = [(shown[block] - sent) / 1000 for block, sent in sending.alarms.items() if block in shown]
    p50, p99 = np.percentile(late, [50, 99]) if late else (np.nan, np.nan)
    missing = len(sending.alarms) - len(late)
    took = sending.took
    return Measured(sending.events, sending.events / took, used / took, memory, len(late), missing, p50, p99)


def _say(text: str) -> None:
    click.echo(text, err=True)


@click.command(epilog="\b\nExample:\n  python -m bench.page --rate 1000 --seconds 20")
@click.option("--rate", default=1_000, show_default=True, type=click.IntRange(1), help="Events a second.")
@click.option("--seconds", default=20.0, show_default=True, type=click.FloatRange(1), help="How long to send.")
def main(rate: int, seconds: float) -> None:
    """Measure the server and the page."""
    with tempfile.TemporaryDirectory(prefix="tinylogbert-page-") as name:
        found = measure(Path(name), rate, seconds)
    click.echo(
        f"{found.events:,} events at {found.rate:,.0f} a second: the server takes {found.cpu:.0%} of a core and "
        f"{found.memory:,.0f} MiB; {found.alarms} alarms were on the page after {found.p50:.2f} s (median), "
        f"{found.p99:.2f} s (99 %), {found.unseen} never"
    )


if __name__ == "__main__":
    run(main, "python -m bench.page")
