"""A stack trace that came line by line is one raw line, as it is one line of its window."""

from hypothesis import given
from hypothesis import strategies as st

from stream.kafka.chained import RawLine, joined
from stream.lines.continued import folded


def chain(offset: int, text: str, time: int = 0) -> RawLine:
    return RawLine(time, text, text.encode(), ("t", 0, offset))


def test_pieces_stand_behind_the_line_that_they_go_on_with_and_the_line_is_raw() -> None:
    head = RawLine(0, "warn <block>", b"WARN blk_1", ("t", 0, 5))
    pieces = [chain(7, "warn <block>\nan exception\nat a.B"), chain(6, "warn <block>\nan exception")]
    assert joined([*pieces, head, chain(9, "else", 1)]) == [
        RawLine(0, "warn <block> an exception at a.B", b"WARN blk_1\nan exception\nat a.B", ("t", 0, 5)),
        chain(9, "else", 1),
    ]


def test_a_chain_whose_line_is_gone_stands_alone() -> None:
    [found] = joined([chain(6, "warn\nan exception")])
    assert (found.raw, found.text) == (b"warn\nan exception", "warn an exception")


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["a", "b", "a\nx", "a\nx\ny", "b\nx"])), max_size=12))
def test_it_has_the_lines_that_the_window_has(lines: list[tuple[int, str]]) -> None:
    timed = [(time, text, offset) for offset, (time, text) in enumerate(lines)]
    found = joined(chain(offset, text, time) for time, text, offset in timed)
    assert [(line.time, line.text) for line in found] == [(time, text) for time, text, _ in folded(timed)]
