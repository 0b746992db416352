"""A look at a window: which lines there are is enough for a score, and all of them are there for whoever asks."""

from collections import Counter

import pytest
from driver import epoch_ms
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import StateError
from stream.lines.continued import JOINT
from stream.windows.due import Due
from stream.windows.looks import Looks
from stream.windows.openwindow import OpenWindow
from stream.windows.segments import segments, undivided, whole
from stream.windows.settings import WindowSettings
from stream.windows.store import WindowStore
from stream.windows.templates import TemplateTable
from stream.windows.window import Reason

SETTINGS = WindowSettings(close_after=3_600_000)
Lines = list[tuple[int, int]]
"""Second and number of a text."""

some_lines = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 4)), min_size=1, max_size=8)


def closed(*blocks: Lines, many: int = 0) -> list[Due]:
    """The windows of blocks with these lines, of a partition that has met so many other texts before."""
    store = WindowStore(SETTINGS)
    for number in range(many):
        store.templates.number(f"other {number}")
    for number, lines in enumerate(blocks):
        for offset, (second, text) in enumerate(lines):
            store.add(b"blk_%d" % number, epoch_ms(second), f"text {text}", offset)
    store.finish()
    return sorted(store.take_due(), key=lambda due: due.key)


@given(some_lines, some_lines, st.sampled_from([0, 300]))
def test_windows_have_the_same_content_if_and_only_if_they_have_the_same_lines(a: Lines, b: Lines, many: int) -> None:
    first, second = closed(a, b, many=many)
    same = Counter(text for _, text in a) == Counter(text for _, text in b)
    assert (first.content == second.content) is same
    assert first.content is not None


@given(some_lines)
def test_the_window_that_is_asked_for_has_its_lines_by_time_and_text(lines: Lines) -> None:
    (due,) = closed(lines)
    ordered = sorted((epoch_ms(second), f"text {text}", offset) for offset, (second, text) in enumerate(lines))
    window = due.window
    assert list(zip(window.times, window.texts, window.offsets, strict=True)) == ordered
    assert due.head == (window.part, window.reason, len(lines), window.times[0], window.times[-1])
    assert due.complete is window.complete is True
    assert due.window is window


def test_a_window_that_goes_on_is_read_as_it_was_when_it_was_due() -> None:
    store = WindowStore(SETTINGS)
    store.add(b"blk_1", epoch_ms(0), "before", 0)
    store.all_quiet()
    store.add(b"blk_1", epoch_ms(1), "after", 1)
    (due,) = store.take_due()
    assert (due.head.reason, due.head.lines, due.complete) == (Reason.QUIET, 1, False)
    assert due.window.texts == ("before",)


def test_what_goes_on_with_another_line_is_not_told_by_its_templates_so_its_content_is_not_known() -> None:
    store = WindowStore(SETTINGS)
    for offset, text in enumerate(("line", f"line{JOINT}more")):
        store.add(b"blk_1", epoch_ms(0), text, offset)
    store.add(b"blk_2", epoch_ms(0), "line", 2)
    store.finish()
    chain, plain = sorted(store.take_due(), key=lambda due: due.key)
    assert (chain.content, chain.window.texts) == (None, ("line more",))
    assert plain.content is not None


def test_lines_that_are_cut_short_are_refused() -> None:
    window = OpenWindow(1)
    window.add(0, epoch_ms(0), 0)
    window.add(0, epoch_ms(0), 1)
    del window.body[-1]
    with pytest.raises(StateError, match="holds 1 lines, not 2"):
        Looks(TemplateTable()).whole(b"blk_1", window, Reason.QUIET)


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=12),
    st.builds(WindowSettings, close_after=st.integers(1, 40), max_age=st.integers(1, 60), max_lines=st.integers(1, 14)),
)
def test_lines_that_are_undivided_by_their_ends_are_one_segment(times: list[int], settings: WindowSettings) -> None:
    times.sort()
    ends = times[0], times[-1], len(times)
    if undivided(*ends, settings):
        assert segments(times, settings) == [whole(*ends, settings)]
