"""The report's page in a real browser: no complaint, nothing to scroll sideways for, readable in the dark."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import browser, sideways, visit
from playwright.sync_api import Browser
from tiny_checkpoint import write_tiny_checkpoint

from stream.__main__ import main
from stream.simulator import simulate

PHONE = 390


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a replay in which there is all that a report can hold."""
    folder = tmp_path_factory.mktemp("page")
    chunks = list(simulate(80, 0.2, seed=11).chunks())
    log, labels = folder / "hdfs.log", folder / "labels.csv"
    log.write_bytes(b"".join(raw + b"\n" for chunk in chunks for raw in chunk.lines))
    rows = [f"{one.block_id},{int(one.anomalous)}\n" for chunk in chunks for one in chunk.labels]
    labels.write_text("BlockId,Label\n" + "".join(rows))
    tiny, out = write_tiny_checkpoint(folder / "tiny"), folder / "report"
    arguments = ("replay", log, "--labels", labels, "--checkpoint", tiny, "--fit-baselines", log, "--report", out)
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert ended.value.code == 0
    return out / "report.html"


@pytest.mark.parametrize("width", [1280, PHONE])
def test_nothing_goes_wrong_and_nothing_is_wider_than_the_window(chromium: Browser, report: Path, width: int) -> None:
    with visit(chromium, report.as_uri(), width=width) as seen:
        while (closed := seen.page.locator("details:not([open]) > summary")).count():
            closed.first.click()
        assert sideways(seen.page) == 0
        assert seen.complaints == []


def test_every_plot_is_there_and_drawn(chromium: Browser, report: Path) -> None:
    with visit(chromium, report.as_uri()) as seen:
        drawn = seen.page.eval_on_selector_all("img", "images => images.map(image => [image.alt, image.naturalWidth])")
        assert len(drawn) == len(list(report.parent.glob("*.png"))) == 9
        assert all(alt and width > 500 for alt, width in drawn)


def test_a_wide_table_scrolls_by_itself_on_a_phone(chromium: Browser, report: Path) -> None:
    with visit(chromium, report.as_uri(), width=PHONE) as seen:
        table = seen.page.locator(".wide", has_text="rarity").first
        assert table.evaluate("one => one.scrollWidth > one.clientWidth")
        assert table.evaluate("one => one.clientWidth") < PHONE


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(chromium: Browser, report: Path, scheme: str) -> None:
    """A contrast of at least 7 : 1 (WCAG 2.1, level AAA), for who likes it light and who likes it dark."""
    with visit(chromium, report.as_uri(), scheme=scheme) as seen:  # type: ignore[arg-type]
        paper = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (brightness(paper) > 0.5) == (scheme == "light")
        for selector in ("p", "th", "td", "figcaption", "summary"):
            ink = seen.page.locator(selector).first.evaluate("one => getComputedStyle(one).color")
            light, dark = sorted((brightness(ink), brightness(paper)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 7, selector


def brightness(color: str) -> float:
    """Relative luminance of ``rgb(…)``, in [0, 1]."""
    parts = [int(part) / 255 for part in color.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
