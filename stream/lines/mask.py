"""Masking: a message without its variables, and the words that are left for the encoder.

It works on text *without its digits*, so that the template of a line is a pure function of the line's skeleton
(see ``reader``), which is found in a dictionary without any regular expression. Numbers therefore leave no trace, and
an address such as ``/10.250.18.114:43996`` is seen here as ``/...:``.

Every pattern starts at a token's start or is bounded, and none gives back what it has taken (possessive repetitions)
or nests one repetition in another: the time is linear in the line, whoever wrote it.
"""

import re

_ADDRESS = re.compile(r"(?:(?<![\w.-])[A-Za-z_-][\w.-]*+/|(?<![\w.])/?)\.\.\.(?![.\w]):?")
_URI = re.compile(r"\b[a-z][a-z+.-]{0,16}://[^\s,;'\"()\[\]]*+")
_TOKEN_WITH_SLASH = re.compile(r"(?<![^\s,;:='\"()\[\]])/[^\s,;:'\"()\[\]]*+")
_LETTER = re.compile(r"[^\W\d_]")
_POOL = re.compile(r"\bBP-[^\s:,;]*+")
_BLOCK = re.compile(r"\bblk_-?_?(?![A-Za-z])")
_UUID = re.compile(r"(?<![\w-])(?:DS-)?[a-f]{0,8}-[a-f]{0,4}-[a-f]{0,4}-[a-f]{0,4}-[a-f]{0,12}(?![\w-])")
# Of ``0x1f`` is left ``xf``, of an object's ``@1b2`` is left ``@b``; elsewhere one letter may as well be a word.
_HEX = re.compile(r"(?<![\w<-])(?:x[a-fA-F]*+|(?<=@)[a-f]*+|[a-f]{2,}+)(?![\w>-])")
# What stays of -1, 1.5 or 1,000 and not of 1: the same line with another number.
_SIGNS = re.compile(r"(?<![^\s=:(\[])[-+.,]{1,8}+(?![^\s)\]%])")
_SPACE = re.compile(r"\s+")
_REPEATED = re.compile(r"(<(block|address|path|hex)>)(?:[ ,]{1,2}<\2>)+")
_PLACEHOLDER = re.compile(r"<(?:block|pool|address|path|hex)>")
_WORD = re.compile(r"[^\W\d_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

# What the digits of a hexadecimal number leave behind looks like a word of a-f; these are the ones that truly are.
_WORDS_OF_HEX_LETTERS = re.compile(
    r"(?:be|bed|bad|bade|ad|add|added|cab|cafe|dad|dead|deaf|deed|ebb|face|faced|fad|fade|faded|fed|fee|feed)"
)


def mask(message: str) -> str:
    """Replace block ids, pools, addresses, paths and hexadecimal rests by placeholders; the digits must be gone.

    A list of one kind (the blocks of a delete, the targets of a replication) becomes one placeholder.

    >>> mask("Receiving block blk_- src: /...: dest: /...:")
    'Receiving block <block> src: <address> dest: <address>'
    """
    text = _ADDRESS.sub("<address>", message)
    text = _URI.sub("<path>", text)
    text = _TOKEN_WITH_SLASH.sub(_path, text)
    text = _POOL.sub("<pool>", text)
    text = _BLOCK.sub("<block>", text)
    text = _UUID.sub("<hex>", text)
    text = _HEX.sub(_hex, text)
    text = _SIGNS.sub("", text)
    return _REPEATED.sub(r"\1", _SPACE.sub(" ", text)).strip()


def words(masked: str) -> str:
    """Lower-cased words of a masked text, one space between; placeholders and signs are left out.

    Names in camel case are several words: an exception that nobody has seen still ends with ``exception``.

    >>> words("DFSClient: java.io.FileNotFoundException: <path>")
    'dfs client java io file not found exception'
    """
    return " ".join(_WORD.findall(_HUMP.sub(" ", _PLACEHOLDER.sub(" ", masked)).lower()))


def _path(match: re.Match[str]) -> str:
    return "<path>" if _LETTER.search(match.group()) else match.group()


def _hex(match: re.Match[str]) -> str:
    found = match.group()
    return found if _WORDS_OF_HEX_LETTERS.fullmatch(found) else "<hex>"
