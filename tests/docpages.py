"""What the documentation says, taken apart: pages, blocks of commands, inline code, links, headings."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
GUIDES = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    ROOT / "deploy" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
"""Pages that tell a reader what to do."""
PAGES = [*GUIDES, *(ROOT / f"{name}.md" for name in ("ARCHITECTURE", "CHANGELOG", "LOG"))]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OPERATORS = set("();<>|&")


def named(page: Path) -> str:
    """A page's name as tests show it."""
    return str(page.relative_to(ROOT))


def fenced(page: str, *languages: str) -> Iterator[str]:
    """The text of each block of a page in one of these languages; the empty one is that of blocks that name none."""
    return (text for found, text in _FENCE.findall(page) if found in languages)


def prose(page: str) -> str:
    """A page without its blocks."""
    return _FENCE.sub("", page)


def uncommented(line: str) -> str:
    """A command line without the remark behind it."""
    return re.sub(r"(^|\s{2,})#.*$", "", line).strip()


def command_lines(page: str) -> Iterator[str]:
    """Lines of blocks that hold commands, continued ones joined; whatever else such a block holds comes along."""
    for block in fenced(page, "", "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            if bare := uncommented(line):
                yield bare


def commands_in(line: str, program: str = "tinylogbert") -> Iterator[list[str]]:
    """The arguments of each call of a program in a command line, wherever in a pipe or substitution it stands."""
    if not re.search(rf"(^|[\s(]){program}\s", line):
        return
    lexer = shlex.shlex(line.replace("$(", "$ ("), posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] | None = None
    begins, redirected = True, False
    for token in [*lexer, ";"]:
        if set(token) <= _OPERATORS:
            redirected = set(token) <= {"<", ">"}
            if words is not None and not redirected:
                yield words
                words = None
            begins = not redirected
        elif redirected:
            redirected = False
        elif words is not None:
            words.append(token)
        elif begins and token == program:
            words = []
        else:
            begins = begins and re.match(r"\w+=|\$$", token) is not None


def spans(page: str) -> Iterator[str]:
    """Inline code of a page's prose, on one line each; ``\\|`` of tables is the stroke that it shows."""
    return (re.sub(r"\s+", " ", text).replace(r"\|", "|") for text in re.findall(r"`([^`]+)`", prose(page)))


def links(page: str) -> Iterator[str]:
    """Targets of links and pictures, those to other machines left out."""
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", prose(page)))
    return (target for target in found if "://" not in target and not target.startswith("mailto:"))


def anchors(page: str) -> set[str]:
    """What links may name of a page: its headings, as GitHub makes anchors of them."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
        if found[slug]:
            found[f"{slug}-{found[slug]}"] = 0
    return set(found)
