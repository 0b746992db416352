"""The documentation against the code: what it names is there, and what is there is named.

``test_docs_reference.py`` holds the reference, ``test_readme.py`` and ``test_tutorial.py`` run what their pages say.
"""

import importlib.util
import re
from pathlib import Path

import click
import pytest
from docpages import GUIDES, PAGES, ROOT, anchors, command_lines, commands_in, links, named, prose, spans

from bench.reference import commands
from stream.__main__ import cli
from stream.settings import Settings
from training.__main__ import cli as training

MAKEFILE = (ROOT / "Makefile").read_text()
COMMANDS = dict(commands())
SETTINGS = {f"TINYLOGBERT_{name.upper()}" for name in Settings.model_fields} | {"TINYLOGBERT_API_TOKEN"}
HAND_WRITTEN = [page for page in GUIDES if page.name != "reference.md"]
FLAGS = {
    flag
    for command in [*COMMANDS.values(), training]
    for parameter in command.params
    for flag in [*parameter.opts, *parameter.secondary_opts]
} | {"--help", "--version"}
OTHERS = {"--resource-pattern-type"}
"""Flags of other programs, in inline code that does not begin with their name: kafka-acls.sh."""
LINES = sorted({(page, line) for page in GUIDES for line in command_lines(page.read_text())})


def leaf(words: list[str]) -> tuple[str, click.Command, list[str]]:
    """Follow the names of subcommands; what is left are arguments."""
    name, command = "tinylogbert", cli
    found: click.Command = command
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        child = found.get_command(click.Context(found), words[0])
        assert child is not None, f"there is no command {name} {words[0]}"
        name, found, words = f"{name} {words[0]}", child, words[1:]
    return name, found, words


def check_call(words: list[str]) -> None:
    """The words are taken apart as the command would: what is unknown, or lacks its value, raises."""
    name, command, rest = leaf(words)
    if isinstance(command, click.Group):
        assert rest in (["--help"], ["--version"]), f"{name} needs a subcommand"
        return
    context = click.Context(command, **command.context_settings)
    given, left, _ = command.make_parser(context).parse_args(list(rest))
    assert not left, f"{name} does not take {left}"
    if "--help" in rest:
        return
    for parameter in command.params:
        value = given.get(parameter.name)
        assert value or not parameter.required, f"{name} needs {parameter.opts}"
        if isinstance(parameter.type, click.Choice) and isinstance(value, str):
            parameter.type.convert(value, parameter, context)


def calls() -> list[tuple[Path, list[str]]]:
    """Every call of ours in a block of commands; what is a pattern for calls is none."""
    found = [(page, words) for page, line in LINES if "[OPTIONS]" not in line for words in commands_in(line)]
    return [(page, words) for page, words in found if not any(word.isupper() and len(word) > 3 for word in words[:2])]


@pytest.mark.parametrize(("page", "words"), calls(), ids=lambda value: value if isinstance(value, Path) else value[0])
def test_a_call_in_a_block_names_a_command_its_flags_and_all_it_needs(page: Path, words: list[str]) -> None:
    check_call(words)


def test_there_are_calls_on_every_page_that_should_have_some() -> None:
    with_calls = {named(page) for page, _ in calls()}
    assert {"README.md", "docs/tutorial.md", "docs/reference.md", "docs/formats.md", "docs/reproduce.md"} <= with_calls


@pytest.mark.parametrize(
    "line",
    [
        "tinylogbert replay x.log --no-such-option",
        "tinylogbert no-such-command",
        "tinylogbert broker",
        "tinylogbert train x.log --out",
        "export X=$(tinylogbert train x.log)",
        "cat x | tinylogbert score - --scorer guess | head",
        "tinylogbert tail surplus",
    ],
)
def test_what_is_wrong_in_a_block_would_be_seen(line: str) -> None:
    [words] = commands_in(line)
    with pytest.raises((AssertionError, click.UsageError)):
        check_call(words)


def test_a_line_is_taken_apart_as_a_shell_does() -> None:
    line = "A=$(tinylogbert broker start); B=1 tinylogbert score - --text 'a | b' < in | wc && tinylogbert tail > out"
    assert list(commands_in(line)) == [["broker", "start"], ["score", "-", "--text", "a | b"], ["tail"]]
    assert list(commands_in("systemctl enable tinylogbert tinylogbert-serve")) == []


# ── inline code ──


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=named)
def test_inline_calls_name_commands_and_flags_that_there_are(page: Path) -> None:
    for span in spans(page.read_text()):
        for words in commands_in(span.replace("…", "")):
            if words and re.fullmatch(r"[a-z-]+", words[0]):
                _, command, rest = leaf([word for word in words if "|" not in word])
                own = {flag for p in command.params for flag in [*p.opts, *p.secondary_opts]} | {"--help"}
                assert {word for word in rest if word.startswith("--")} <= own, span


@pytest.mark.parametrize("page", [page for page in HAND_WRITTEN if page.parent.name != "deploy"], ids=named)
def test_a_flag_in_inline_code_is_one_of_ours(page: Path) -> None:
    text = page.read_text()
    other = re.compile(r"^(python|docker|torchrun|systemd|kubectl|uv|make|curl|promtool|pip|openssl|git|head|kafka)\b")
    found = {
        flag for span in spans(text) if not other.match(span) for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", span)
    }
    assert found - FLAGS - OTHERS == set()


@pytest.mark.parametrize("page", GUIDES, ids=named)
def test_a_variable_of_ours_is_that_of_a_setting(page: Path) -> None:
    assert set(re.findall(r"\bTINYLOGBERT_[A-Z_]+\b", page.read_text())) - SETTINGS == set()


def test_every_variable_that_the_code_reads_is_documented() -> None:
    rooms = ("stream", "model", "training")
    sources = "".join(path.read_text() for room in rooms for path in sorted((ROOT / room).rglob("*.py")))
    assert set(re.findall(r"\bTINYLOGBERT_[A-Z_]*[A-Z]\b", sources)) - SETTINGS == set()


def test_every_command_is_named_where_somebody_explains_it() -> None:
    told = [span for page in HAND_WRITTEN for span in spans(page.read_text())]
    told += [f"tinylogbert {' '.join(words)}" for _, words in calls()]
    for name in COMMANDS:
        _, first, *rest = name.split()
        pattern = rf"^(tinylogbert )?{first}\b" + (rf".*\b{rest[0]}\b" if rest else "")
        assert any(re.search(pattern, text) for text in told), f"{name} is on no page but the reference"


# ── make, modules, files, links ──


@pytest.mark.parametrize("page", GUIDES, ids=named)
def test_make_knows_what_it_is_asked_for(page: Path) -> None:
    texts = [*command_lines(page.read_text()), *spans(page.read_text())]
    for line in [text for text in texts if text.startswith("make ")]:
        for word in line.split("&&")[0].split()[1:]:
            name, sign, _ = word.partition("=")
            assert re.search(rf"[(,]{name}[),]" if sign else rf"^{name}:.*##", MAKEFILE, re.MULTILINE), line


@pytest.mark.parametrize("page", GUIDES, ids=named)
def test_a_module_that_is_to_be_run_is_there(page: Path) -> None:
    for name in re.findall(r"python -m ((?:stream|training|bench|model)[\w.]*)", page.read_text()):
        assert importlib.util.find_spec(name) is not None, name


@pytest.mark.parametrize("page", GUIDES, ids=named)
def test_a_file_of_the_project_that_is_named_is_there(page: Path) -> None:
    pattern = r"^(?:docs|tests|stream|model|training|bench|deploy)/[\w./-]+\.\w+$"
    for span in spans(page.read_text()):
        if re.match(pattern, span):
            assert (ROOT / span).exists(), span


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page.read_text()):
        path, _, anchor = target.partition("#")
        to = (page.parent / path).resolve() if path else page
        assert to.exists(), target
        assert ROOT in to.parents, f"{target} leads out of the project"
        if anchor:
            assert anchor in anchors(to.read_text()), target


def test_pages_have_links_and_headings() -> None:
    assert "docs/formats.md" in list(links((ROOT / "README.md").read_text()))
    assert {"use-it", "on-your-own-logs"} <= anchors((ROOT / "README.md").read_text())
    assert anchors("# A\n## `b_c`: d, [e](f)\n# A\n```\n# no\n```\n") == {"a", "b_c-d-e", "a-1"}
    assert "TIME" not in prose((ROOT / "README.md").read_text())


@pytest.mark.parametrize("page", GUIDES, ids=named)
def test_nothing_of_a_machine_is_written_down(page: Path) -> None:
    assert re.findall(r"/(?:root|work|home/\w+|Users/\w+)/", page.read_text()) == []
