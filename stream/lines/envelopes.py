"""Envelopes of log shippers → the plain lines in them.

What a message is in, its first bytes say, each message's own: nothing is remembered from one message to the next, so a
partition may hold several forms, or change its form, and a replay that begins anywhere, in batches of any size, finds
the same. One envelope may be in another: the JSON of a shipper holds what a container runtime has wrapped around a line
that syslog has been given.

A plain line is what a logger writes to its file. Where the line in an envelope has a time of its own, it is taken as it
is; where it has none, the envelope's time, level and logger are put before it, in the form in which Hadoop writes them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import tzinfo
from typing import Any, NamedTuple

import orjson

from stream.lines.bad import MAX_LINE_BYTES, BadLine
from stream.lines.continued import continues
from stream.lines.epochs import epoch_ms, iso_text
from stream.lines.jsonlines import Said, parsed, records

FORMS = ("auto", "raw", "json", "syslog", "cri")
"""What ``--format`` takes: found by itself, never an envelope, or this outermost envelope and no other."""

MAX_ENVELOPE_BYTES = 16 * 1024 * 1024
"""Envelopes may hold many lines, so they may be longer than a line."""

_GROWTH = 8
"""So many times as long as an envelope its lines may be together: each gets a time, and the blocks that all share."""

_MOST = 4  # envelopes in envelopes
_LOOKS = re.compile(
    rb"(?P<json>\s*(?:\{|\[\s*\{))"
    rb"|(?P<cri>--T::\.?(?:Z|[+-]:) (?:stdout|stderr) [FP][ :])"
    rb"|(?P<syslog><>|[A-Z][a-z]{2} {2,3}:: [\w.:-]{0,255} [\w./-]{1,100}(?:\[\])?:"
    rb"|--T::\.?(?:Z|[+-]:) [\w.:-]{0,255} [\w./-]{1,100}\[\]: )"
)
_CRI = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]{8,20}(?:Z|[+-]\d\d:\d\d) (stdout|stderr) [FP](?::\w{1,9})? ")
_RFC_5424 = re.compile(
    rb"<\d{1,3}>\d{1,2} (?P<time>\S{1,40}) (?P<host>\S{1,255}) (?P<app>\S{1,48}) \S{1,128} \S{1,32} "
    rb'(?:-|(?:\[(?:[^"\]]++|"(?:[^"\\]++|\\.)*+")*+\])++)(?: (?:\xef\xbb\xbf)?(?P<text>.*))?',
    re.DOTALL,
)
_TAG = rb"(?P<host>[\w.:-]{1,255}) (?P<app>[\w./-]{1,100})"
_RFC_3164 = re.compile(
    rb"(?:<\d{1,3}>)?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d " + _TAG + rb"(?:\[\d{1,10}\])?: ?(?P<text>.*)", re.DOTALL
)
# rsyslog's own form for files, or what it forwards. Without a process it may as well be a plain line.
_RSYSLOG = re.compile(
    rb"(?:<\d{1,3}>)?(?P<time>\d{4}-\d\d-\d\dT[\d:.]{8,20}(?:Z|[+-]\d\d:\d\d)) "
    + _TAG
    + rb"(?:\[\d{1,10}\]: ?(?P<text>.*))",
    re.DOTALL,
)
_SYSLOGS = (_RFC_5424, _RFC_3164, _RSYSLOG)
_PLAIN_WORD = re.compile(r"[^\s:(\[]{1,200}")
_HADOOP_LEVELS = {
    **dict.fromkeys(("TRACE", "DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL", "SEVERE")),
    "INFORMATION": "INFO",
    "NOTICE": "INFO",
    "ERR": "ERROR",
    "CRITICAL": "FATAL",
    "CRIT": "FATAL",
    "WRN": "WARN",
    "EMERG": "FATAL",
    "EMERGENCY": "FATAL",
    "ALERT": "FATAL",
    "PANIC": "FATAL",
    "INF": "INFO",
    "VERBOSE": "DEBUG",
}


class Inner(NamedTuple):
    """A plain line; ``source`` says who wrote it as far as the envelope does, ``form`` the outermost envelope."""

    line: bytes
    source: str
    form: str


class Opener:
    """Opens envelopes. ``timed`` says whether a plain line has a time of its own, ``named`` which parts of a text name
    blocks; ``zone`` is that of times without an offset.
    """

    def __init__(
        self, form: str, zone: tzinfo, timed: Callable[[bytes], bool], named: Callable[[bytes], list[bytes]]
    ) -> None:
        self._form, self._zone, self._timed, self._named = form, zone, timed, named

    def opens(self, raw: bytes) -> bool:
        """Whether a message has to be opened: it seems to be in an envelope, or its form is forced."""
        return self._form not in ("auto", "raw") or self.seems(raw)

    def seems(self, raw: bytes) -> bool:
        """Whether it seems to be in an envelope, as far as anybody asks for that."""
        return self._form == "auto" and looks(raw) is not None

    def open(self, raw: bytes) -> list[Inner]:
        """The plain lines in it; raise BadLine (``envelope``, ``format``, ``too_long``) if there are none.

        Of a form that is forced, and is not this message's, nothing is read (``format``).
        """
        if len(raw) > MAX_ENVELOPE_BYTES:
            raise BadLine("too_long", f"the envelope has {len(raw)} bytes, more than {MAX_ENVELOPE_BYTES}")
        form = looks(raw)
        if self._form != "auto" and form != self._form:
            raise BadLine("format", f"the line is not of the form {self._form}, which --format asks for")
        lines, room = [], _GROWTH * len(raw) + MAX_LINE_BYTES
        for line, source in self._open(raw, form, 0):
            room -= len(line)
            if room < 0:
                raise BadLine("too_long", f"its lines are more than {_GROWTH} times as long as the envelope itself")
            lines.append(Inner(line, source, form or "raw"))
        return lines

    def _open(self, raw: bytes, form: str | None, depth: int) -> Iterator[tuple[bytes, str]]:
        if form is None or depth == _MOST:
            yield raw, ""
        elif form == "json":
            yield from self._json(raw, depth)
        elif form == "cri":
            yield from self._cri(raw, depth)
        else:
            yield from self._syslog(raw, depth)

    def _json(self, raw: bytes, depth: int) -> Iterator[tuple[bytes, str]]:
        value = parsed(raw)
        if value is None:
            raw.decode()  # UnicodeDecodeError is a ValueError; the caller says what it is
            raise BadLine("envelope", "it begins like JSON and is none")
        shared: Mapping[str, Any] | None = None
        names: list[bytes] = []
        for said in records(value):
            if said.shared is not shared:  # that of many records is read once
                shared, names = said.shared, self._named(_dumped(said.shared))
            yield from self._said(said, names, depth)
        if shared is None:
            raise BadLine("envelope", "it is JSON and no field of it holds a line (message, log, MESSAGE, msg, body …)")

    def _said(self, said: Said, shared: list[bytes], depth: int) -> Iterator[tuple[bytes, str]]:
        text = said.text.encode(errors="replace")
        if (form := looks(text)) is not None and depth + 1 < _MOST:
            for line, source in self._open(text, form, depth + 1):
                yield self._stamped(line, said.time, "", ""), f"{said.source} {source}".strip()
            return
        if said.trace and said.trace not in said.text:
            text += b"\n" + said.trace.encode(errors="replace")
        if not self._named(text) and (names := [*shared, *self._named(_dumped(said.fields))]):
            text = b" ".join((text, *dict.fromkeys(names)))  # a field of its own says which block it is
        yield self._stamped(text, said.time, said.level, said.logger), said.source

    def _cri(self, raw: bytes, depth: int) -> Iterator[tuple[bytes, str]]:
        match = _CRI.match(raw)
        if match is None:
            raise BadLine("envelope", "it begins like a container's line and is none")
        time = raw[: raw.index(b" ")].decode()
        yield from self._within(raw[match.end() :], time, match[1].decode(), depth)

    def _syslog(self, raw: bytes, depth: int) -> Iterator[tuple[bytes, str]]:
        match = next((match for pattern in _SYSLOGS if (match := pattern.fullmatch(raw))), None)
        if match is None:
            raise BadLine("envelope", "it begins like syslog and is of neither RFC 3164 nor RFC 5424")
        found = match.groupdict()
        time = (found.get("time") or b"").decode(errors="replace")
        source = b" ".join((found["host"], found["app"])).decode(errors="replace")
        yield from self._within(found["text"] or b"", time, source, depth)

    def _within(self, text: bytes, time: str, source: str, depth: int) -> Iterator[tuple[bytes, str]]:
        for line, inner in self._open(text, looks(text), depth + 1):
            yield self._stamped(line, time, "", ""), f"{source} {inner}".strip()[:200]

    def _stamped(self, line: bytes, time: object, level: str, logger: str) -> bytes:
        """The line with a time: its own, or else this one; without one where there is none, or it needs none."""
        if self._timed(line) or continues(line) or (ms := epoch_ms(time, self._zone)) is None:
            return line
        level = _HADOOP_LEVELS.get(level, "") or (level if level in _HADOOP_LEVELS else "")
        if level and _PLAIN_WORD.fullmatch(logger):
            return b"%b %b %b: %b" % (iso_text(ms), level.encode(), logger.encode(), line)
        return b" ".join(filter(None, (iso_text(ms), level.encode(), line)))


def _dumped(fields: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(fields)
    except TypeError:  # nested more deeply than it writes
        return b""


def looks(raw: bytes) -> str | None:
    """The envelope that a message seems to be in, by its first bytes; None for a plain line.

    Digits are not looked at, so that this is the same for all lines of a skeleton.

    >>> looks(b'{"message": "…"}'), looks(b"<13>Oct 11 22:14:15 dn1 hdfs: …"), looks(b"081109 203518 143 INFO dfs: …")
    ('json', 'syslog', None)
    """
    match = _LOOKS.match(raw.translate(None, b"0123456789"))
    return match.lastgroup if match else None
