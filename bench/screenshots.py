"""``python -m bench.screenshots``: the pictures of the live page in the README, taken while a stream is played.

Everything is real: a broker, the daemon with the shipped checkpoint, a simulated log with failures, the server, and a
headless Chromium. Takes two minutes.
"""

import contextlib
import io
import shutil
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

from stream.cli import run
from stream.demo.child import Child
from stream.demo.log import write_log
from stream.demo.parts import broker, consume, daemon, page, playing, serve
from stream.errors import UserError
from stream.kafka.clients import new_admin
from stream.kafka.topics import create_topics
from stream.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_SECONDS, _BLOCKS, _SEED = 100.0, 2_400, 7
_UNTIL = 0.6  # of the lines: while they still come
_PATIENCE_S = 60.0
_NAMES = ("chromium", "chromium-browser", "google-chrome")


class Picture(NamedTuple):
    """Where it goes, how large the window is, in which colours, and whether a block is open in it."""

    file: str
    width: int
    height: int
    scheme: Literal["light", "dark"]
    detail: bool = False


PICTURES = (
    Picture("page-light.png", 1280, 860, "light"),
    Picture("page-dark.png", 1280, 860, "dark"),
    Picture("block-light.png", 1280, 860, "light", detail=True),
    Picture("phone-light.png", 390, 844, "light"),
    Picture("phone-block-dark.png", 390, 844, "dark", detail=True),
)


@click.command(epilog="\b\nExample:\n  python -m bench.screenshots --out docs/pictures")
@click.option("--out", default="docs/pictures", show_default=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--seconds", default=_SECONDS, show_default=True, type=click.FloatRange(10), help="How long to play.")
def main(out: Path, seconds: float) -> None:
    """Play a stream and take pictures of the page."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tinylogbert-pictures-") as name:
        folder = Path(name)
        quiet = Settings()
        log = write_log(folder, _BLOCKS, _SEED, quiet.close_after + quiet.lateness)
        with (
            daemon(folder / "daemon.log", None) as consumer,
            page(folder / "server.log", None) as server,
            broker(folder / "broker", _say) as address,
        ):
            settings = Settings(
                bootstrap_servers=address, group_id="demo", worker_id="demo", partitions=2, idle_after=500
            )
            create_topics(new_admin(settings), settings)
            url = serve(server, settings, consume(consumer, settings), folder / "labels.csv")
            _await_ready(url, server)
            with playing(settings, log, seconds) as player:
                while player.sent < _UNTIL * len(log.lines):
                    consumer.check()
                    _say(f"played {player.sent:,} of {len(log.lines):,} lines")
                    time.sleep(5)
                _take_all(url, out)


def _await_ready(url: str, server: Child) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        server.check()
        with contextlib.suppress(OSError):
            if urllib.request.urlopen(f"{url}/health/ready", timeout=2).status == 200:
                return
        time.sleep(0.2)
    raise UserError(f"the server is not ready after {_PATIENCE_S:.0f} s")


def _take_all(url: str, out: Path) -> None:
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise UserError("there is no Chromium on this machine; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        for picture in PICTURES:
            _take(chromium, url, picture, out)
            _say(f"{out / picture.file}")
        chromium.close()


def _take(chromium: "Browser", url: str, picture: Picture, out: Path) -> None:
    size = {"width": picture.width, "height": picture.height}
    page: Page = chromium.new_page(viewport=size, color_scheme=picture.scheme)  # type: ignore[arg-type]
    page.goto(url)
    page.wait_for_selector(".alarms tbody tr")
    if picture.detail:
        page.locator(".alarms tr.critical", has_text="writeBlock").locator("button").first.click()
        page.wait_for_selector(".panel .lines")
        page.mouse.move(0, 0)
    page.wait_for_timeout(2_500)  # the chart is drawn every other second
    _save(page.screenshot(), out / picture.file)
    page.close()


def _save(png: bytes, path: Path) -> None:
    """As small as it gets without a loss, since it lies in a repository."""
    from PIL import Image

    Image.open(io.BytesIO(png)).convert("RGB").save(path, optimize=True)


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    run(main, "python -m bench.screenshots")
