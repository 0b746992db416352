"""The state of the windows: what a worker that takes over finds in the changelog, and what it refuses."""

import itertools
from collections.abc import Iterator

import orjson
import pytest
from driver import Driver, Fingerprint, epoch_ms, raw_line
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.errors import StateError
from stream.lines import LineReader
from stream.settings import load_settings
from stream.windows.openwindow import OpenWindow, Published
from stream.windows.packed import append, unpack
from stream.windows.records import opened, sealed
from stream.windows.settings import WindowSettings
from stream.windows.store import WindowStore
from stream.windows.task import WindowTask
from stream.windows.templates import MAX_TEMPLATES, OVERFLOW, TemplateTable

KEYED = load_settings(keyed_input=True, close_after=60_000, lateness=12_000, quiet_after=3_000, max_lines=4)


def new_task() -> WindowTask:
    return WindowTask(WindowSettings(), Fingerprint(), LineReader(), ("hdfs.raw", 0), own_clock=True)


def restored(records: dict[bytes, bytes]) -> WindowTask:
    task = new_task()
    for key, value in records.items():
        task.take(key, value)
    task.restored()
    return task


def some_records() -> dict[bytes, bytes]:
    """A changelog with every kind of record: an open window, a closed one, two templates and a clock."""
    driver = Driver(KEYED, since=0).run(raw_line(0, "blk_1"), raw_line(100, "blk_2", "Deleting block"))
    return driver.changelog(0)


def words() -> Iterator[str]:
    """Words without end, none twice, and none of hexadecimal letters."""
    for letters in itertools.product("ghijklmnopqrstuvwxyz", repeat=4):
        yield "".join(letters)


# ── back to where it was ──


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.builds(raw_line, st.integers(0, 200), st.sampled_from(["blk_1", "blk_2"]), st.sampled_from("abc")),
        max_size=30,
    ),
    st.sampled_from([1, 2, 5]),
)
def test_a_worker_that_is_killed_after_every_commit_publishes_what_one_that_lives_does(
    lines: list[bytes], batch: int
) -> None:
    living, killed = Driver(KEYED, since=0), Driver(KEYED, since=0)
    for driver in (living, killed):
        for line in lines:
            driver.send(line, key=line.split()[-1].decode())
        for _ in range(0, len(lines), batch):
            driver.read(("hdfs.raw", 0), batch)
            driver.commit()
            if driver is killed:
                driver.crash()
        driver.pass_time(3600)
    assert sorted(map(orjson.dumps, killed.events())) == sorted(map(orjson.dumps, living.events()))
    assert killed.changelog(0) == living.changelog(0)


def test_nothing_is_written_where_nothing_happened() -> None:
    task = new_task()
    task.line(b"blk_1", raw_line(0, "blk_1"), 0)
    task.settle()
    assert sorted(key for key, _ in task.changes()) == [b"c", b"t1", b"wblk_1"]
    assert list(task.changes()) == []
    task.line(b"blk_2", raw_line(0, "blk_2"), 1)
    assert [key for key, _ in task.changes()] == [b"wblk_2"]


def test_a_commit_writes_one_record_for_each_window_that_it_touched() -> None:
    task = new_task()
    for number in range(300):
        task.line(b"blk_%d" % (number % 3), raw_line(number, "blk_1"), number)
    keys = [key for key, _ in task.changes()]
    assert sorted(keys) == [b"c", b"t1", b"wblk_0", b"wblk_1", b"wblk_2"]


def test_a_closed_window_leaves_a_tombstone_and_its_number() -> None:
    records = some_records()
    assert sorted(records) == [b"c", b"pblk_1", b"t1", b"t2", b"wblk_2"]


@given(
    st.lists(st.tuples(st.integers(0, MAX_TEMPLATES), st.integers(-(10**14), 10**14), st.integers(0, 2**63))),
)
def test_packed_lines_come_back_as_they_were(lines: list[tuple[int, int, int]]) -> None:
    body, before = bytearray(), (0, 0)
    for template, time, offset in lines:
        append(body, template, time - before[0], offset - before[1])
        before = (time, offset)
    assert unpack(body) == [(time, template, offset) for template, time, offset in lines]


def test_a_line_takes_4_to_8_bytes() -> None:
    window = OpenWindow(1)
    window.add(1, epoch_ms(0), 10**9)
    first = len(window.body)
    for number in range(1, 101):
        window.add(number % 60, epoch_ms(7 * number), 10**9 + 5000 * number)
    assert 4 <= (len(window.body) - first) / 100 <= 8


@pytest.mark.parametrize("published", [None, Published(7, -2.5, True), Published(1, 0.1, False)])
@pytest.mark.parametrize("dirty", [True, False])
def test_a_window_comes_back_from_its_record(published: Published | None, dirty: bool) -> None:
    window = OpenWindow(3)
    for template, time, offset in ((5, epoch_ms(9), 100), (70_000, epoch_ms(2) + 1, 40), (1, epoch_ms(5), 7000)):
        window.add(template, time, offset)
    window.close_at, window.published, window.dirty = epoch_ms(77), published, dirty
    back = OpenWindow.unpacked(window.packed())
    saved = set(OpenWindow.__slots__) - {"touched", "quiet_alarm", "close_alarm", "spare", "floor"}
    assert {name: getattr(back, name) for name in saved} == {name: getattr(window, name) for name in saved}
    assert (back.top, back.first, back.last) == (70_000, epoch_ms(2) + 1, epoch_ms(9))
    assert (back.quiet_alarm, back.close_alarm) == (-1, -1)


# ── what is refused ──


@pytest.mark.parametrize("key", [b"wblk_2", b"pblk_1", b"t1", b"c"])
def test_a_record_of_another_version_is_refused_by_name(key: bytes) -> None:
    records = some_records()
    records[key] = b"\x02" + records[key][1:]
    with pytest.raises(StateError, match=rf"record b'{key.decode()}' .* version 2, this program reads version 1"):
        restored(records)


@given(st.sampled_from([b"wblk_2", b"pblk_1", b"t1", b"c"]), st.data())
def test_a_damaged_record_is_refused_by_name(key: bytes, data: st.DataObject) -> None:
    records = some_records()
    value = records[key]
    place = data.draw(st.integers(0, len(value) - 1))
    flipped = value[:place] + bytes([value[place] ^ data.draw(st.integers(1, 255))]) + value[place + 1 :]
    for damaged in (flipped, value[:place], value + b"\x00"):
        with pytest.raises(StateError, match=rf"record b'{key.decode()}' cannot be read: it "):
            restored(records | {key: damaged})


@pytest.mark.parametrize(
    ("key", "body", "why"),
    [
        (b"x", b"", "unknown kind"),
        (b"", b"", "unknown kind"),
        (b"t0", b"text", "template 0 is not one of 1 to 65535"),
        (b"t-1", b"text", "template -1 is not one of"),
        (b"t99999999999", b"text", "template 99999999999 is not one of"),
        (b"tx", b"text", "invalid literal"),
        (b"t1", b"\xff", "can't decode"),
        (b"pblk_1", b"1", "not enough values"),
        (b"pblk_1", b"one two", "invalid literal"),
        (b"c", b"{}", "no snapshot"),
        (b"c", b"{", "unexpected end"),
        (b"wblk_1", b"short", "cut short"),
        (b"wblk_1", bytes(100), "no window"),
    ],
)
def test_a_record_that_says_nothing_known_is_refused_by_name(key: bytes, body: bytes, why: str) -> None:
    with pytest.raises(StateError) as caught:
        restored({key: sealed(body)})
    assert str(caught.value).startswith(f"record {key!r} cannot be read: ")
    assert why in str(caught.value)


@given(st.dictionaries(st.sampled_from([b"wblk_1", b"t1", b"t2", b"pblk_1", b"c"]), st.binary(max_size=200)))
def test_no_bytes_whatever_are_more_than_refused(bodies: dict[bytes, bytes]) -> None:
    for records in (bodies, {key: sealed(body) for key, body in bodies.items()}):
        try:
            task = restored(records)
        except StateError as error:
            assert str(error)  # noqa: PT017
        else:
            assert len(task.store) <= 1


@given(st.binary(max_size=100))
def test_a_frame_gives_back_its_body(body: bytes) -> None:
    assert opened(sealed(body)) == body


def test_a_window_that_names_a_template_the_changelog_has_not_is_refused() -> None:
    records = some_records()
    del records[b"t2"]
    with pytest.raises(StateError, match=r"window b'blk_2' names template 2, which is not in the changelog"):
        restored(records)


def test_a_template_that_is_missing_among_others_is_refused() -> None:
    records = some_records()
    del records[b"t1"]
    with pytest.raises(StateError, match="template 1 is missing"):
        restored(records)
    with pytest.raises(StateError, match="template 9 is not in the changelog"):
        TemplateTable().text(9)


# ── bounds ──


def test_texts_beyond_the_tables_bound_share_number_0_before_and_after_a_restore() -> None:
    table = TemplateTable(limit=4)
    assert [table.number(text) for text in ("a", "b", "a", OVERFLOW, "c", "d", "b", "e")] == [1, 2, 1, 0, 3, 0, 2, 0]
    other = TemplateTable(limit=4)
    for number, text in reversed(table.take_new()):
        other.restore(number, text)
    other.check()
    assert [other.number(text) for text in ("a", "b", "c", "d", "e")] == [1, 2, 3, 0, 0]
    assert other.take_new() == []
    assert [other.text(number) for number in range(4)] == [OVERFLOW, "a", "b", "c"]


def test_a_flood_of_new_texts_fills_the_table_once_and_then_is_other() -> None:
    task, texts = new_task(), words()
    for number, word in enumerate(itertools.islice(texts, MAX_TEMPLATES + 10)):
        task.store.add(b"blk_%d" % (number // 4000), epoch_ms(0), f"dfs.DataNode: {word} <block>", number)
    back = restored({key: value for key, value in task.changes() if value is not None})
    for each in (task, back):
        assert len(each.store.templates) == MAX_TEMPLATES
        each.line(b"blk_x", raw_line(1, "blk_1", next(texts)), 1)
        each.line(b"blk_x", raw_line(2, "blk_1", "gggg"), 2)
    events = [{j.event["block_id"]: j.event["score"] for j in each.finish()} for each in (task, back)]
    assert events[0] == events[1]
    (other,) = Fingerprint().score([[OVERFLOW, "dfs.DataNode: gggg <block>"]], [True])
    assert events[0]["blk_x"] == other.value


@pytest.mark.parametrize("step", [1, 2, 4, 40])
def test_a_block_that_never_rests_does_not_pile_up_alarms(step: int) -> None:
    store = WindowStore(WindowSettings(max_lines=100_000))
    for number in range(20_000):
        store.add(b"blk_1", epoch_ms(step * number), "text", number)
        store.progress = epoch_ms(step * number)
        store.advance(store.progress)
        store.take_due()
        assert store.alarms <= 2


def test_memory_of_lines_in_disorder_is_bounded_too() -> None:
    store = WindowStore(WindowSettings(max_lines=50))
    for number, second in enumerate(random_seconds(20_000)):
        store.add(b"blk_1", epoch_ms(second), "text", number)
        store.progress = max(store.progress, epoch_ms(second))
        if number % 100 == 0:
            store.advance(store.progress)
            store.take_due()
            assert store.alarms < 200


def random_seconds(count: int) -> Iterator[int]:
    """Times that go on by a second each, in disorder by ten minutes, the same ones every time."""
    for number in range(count):
        yield number + number * 7919 % 600
