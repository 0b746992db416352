"""Damaged and hostile lines: nothing raises, nothing is lost, and no regular expression of ours runs away."""

import re
import time
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Items
from importlib import import_module
from pkgutil import iter_modules
from re import _parser  # type: ignore[attr-defined]

import pytest

import stream.lines
from bench.fuzz import Fuzzed, fuzz
from stream.lines import BadLine, block_ids, mask, new_reader, words
from stream.lines.continued import condensed, continues
from stream.lines.envelopes import looks
from stream.lines.forms import read_skeleton
from stream.lines.log import Log
from stream.settings import Settings

MIB = 1024 * 1024


@pytest.mark.parametrize(("lines", "pattern"), [(20_000, None), (2_000, "blk_[0-9]+|dfs[.]([A-Za-z]+)")])
def test_each_damaged_line_is_a_windows_line_or_is_counted_or_is_a_dead_letter(lines: int, pattern: str | None) -> None:
    *_, outcomes = fuzz(lines, seed=1, settings=Settings(max_open_windows=1_000, block_pattern=pattern))
    assert outcomes.total() == lines
    assert set(outcomes) == {"window", "dead letter", "without a block", "continued"}


def test_damage_of_one_seed_is_always_the_same() -> None:
    first, second = (list(fuzz(500, seed=3, settings=Settings()))[-1] for _ in range(2))
    assert first == second


# ── hostile lines ──

CHARACTERS = "aAx0 \t\n\0é.,:;/\\-_=@#$%()[]{}<>\"'"
HEADS = ["", "{", '{"message":"', "[{", "<13>", "<13>1 ", "<13>1 2023-10-10T08:02:30Z a b c d [", "Oct  9 22:14:15 a "]
HEADS += ["2023-10-10T08:02:30Z stdout F ", "2023-10-10T08:02:30Z a ", "2023-10-10 08:02:30 INFO ", "java.", "at "]


@pytest.mark.parametrize("head", HEADS)
def test_a_line_of_1_mib_of_one_character_is_refused_or_counted(head: str) -> None:
    fuzzed = Fuzzed(Settings())
    for char in CHARACTERS:
        fuzzed.feed((head + char * MIB)[:MIB].encode())
    assert set(fuzzed.outcomes) <= {"dead letter", "without a block"}
    assert fuzzed.outcomes.total() == len(CHARACTERS)


def opened(text: str) -> object:
    try:
        return Log(new_reader()).messages(text.encode())
    except BadLine as bad:
        return bad


FUNCTIONS: dict[str, Callable[[str], object]] = {
    "mask": mask,
    "words": words,
    "block_ids": lambda text: block_ids(text.encode()),
    "pattern": lambda text: new_reader(block_pattern="(a+)+b").blocks.ids(text.encode()),
    "read_skeleton": read_skeleton,
    "continues": lambda text: continues(text.encode()),
    "condensed": lambda text: list(condensed(text)),
    "looks": lambda text: looks(text.encode()),
    "open": opened,
}


def cost(function: Callable[[str], object], text: str) -> float:
    begun = time.process_time()
    function(text)
    return time.process_time() - begun


@pytest.mark.parametrize("name", FUNCTIONS)
def test_four_times_the_line_is_about_four_times_the_work(name: str) -> None:
    """Steps of a regular expression cannot be counted from outside. What a quadratic one takes grows sixteenfold where
    a linear one's grows fourfold: the growth tells, on a machine of any speed. What is over in half a millisecond is no
    runaway, and is too short to be compared. A machine has other work, which makes times longer: of the short line the
    least of some measurements counts, and a growth that is too large is measured again.
    """
    for head in HEADS:
        for char in CHARACTERS:
            short, long = (head + char * n for n in (2_048, 8_192))
            growths: list[float] = []
            while len(growths) < 5 and min(growths, default=99) > 9:
                if (whole := cost(FUNCTIONS[name], long)) < 5e-4:
                    growths.append(0)
                    break
                growths.append(whole / max(min(cost(FUNCTIONS[name], short) for _ in range(3)), 1e-6))
            assert min(growths) <= 9, f"{char!r} after {head!r}: {growths}"


def test_the_test_knows_work_that_grows_with_the_square(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FUNCTIONS, "squared", lambda text: re.search("x*y", text))
    with pytest.raises(AssertionError, match=r"'x' after ''"):
        test_four_times_the_line_is_about_four_times_the_work("squared")


# ── the structure of the expressions ──


def expressions() -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes]]]:
    """Every compiled regular expression of the modules that read lines."""
    for module in iter_modules(stream.lines.__path__, "stream.lines."):
        for name, value in vars(import_module(module.name)).items():
            for one in value if isinstance(value, (list, tuple)) else [value]:
                found = one[1] if isinstance(one, tuple) and len(one) == 2 else one
                if isinstance(found, re.Pattern):
                    yield f"{module.name}.{name}", found


def runs_away(parsed: Items[tuple[object, object]], repeated: bool = False) -> bool:
    """Whether a repetition that gives back, without a bound, stands in another: the form of exponential time."""
    for operator, argument in parsed:
        name = str(operator)
        endless = name in ("MAX_REPEAT", "MIN_REPEAT") and argument[1] > 1_000  # type: ignore[index]
        if endless and repeated:
            return True
        if any(runs_away(inner, repeated or endless) for inner in parts(argument)):
            return True
    return False


def parts(argument: object) -> Iterator[Items[tuple[object, object]]]:
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, (list, tuple)):
        for one in argument:
            yield from parts(one)


def test_no_expression_repeats_without_bound_what_repeats_without_bound() -> None:
    found = dict(expressions())
    assert len(found) > 20
    assert [name for name, one in found.items() if runs_away(_parser.parse(one.pattern, one.flags))] == []


@pytest.mark.parametrize("pattern", ["(a+)+b", "(?:x*y?)*", "((a|b*)c)*?"])
def test_the_test_knows_an_expression_that_runs_away(pattern: str) -> None:
    assert runs_away(_parser.parse(pattern))


@pytest.mark.parametrize("pattern", ["(", "a*", "(a)(?=b)", r"(a)\1", "[", "x{5000}"])
def test_a_pattern_that_cannot_be_run_in_linear_time_is_refused_at_the_start(pattern: str) -> None:
    with pytest.raises(ValueError, match="block_pattern"):
        Settings(block_pattern=pattern)
