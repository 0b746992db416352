"""JSON of log shippers and of loggers → log records: the text, and when, where and how loudly it was said.

By what fields are called, not by who wrote them: Filebeat, Logstash, Fluent Bit, Fluentd, Vector, Docker, journald,
GELF, Splunk's event collector, Loki's push format (Promtail, Alloy), OTLP, and the JSON layouts of log4j, logback and
Hadoop are told apart nowhere, for many pipelines mix them. OTLP and Loki put many records into one message.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

TEXTS = ("message", "log", "MESSAGE", "msg", "line", "event.original", "body", "text", "event", "full_message")
TIMES = (
    *("@timestamp", "timestamp", "timeUnixNano", "observedTimeUnixNano", "time", "ts", "datetime", "date"),
    *("__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP", "asctime", "eventTime", "instant.epochSecond"),
)
LEVELS = ("level", "log.level", "severity", "severityText", "levelname", "loglevel", "level_name", "lvl")
LOGGERS = ("logger", "logger_name", "loggerName", "log.logger", "category", "scope.name", "name")
HOSTS = (
    "host",
    "hostname",
    "host.name",
    "_HOSTNAME",
    "agent.hostname",
    "kubernetes.pod_name",
    "container_id",
    "instance",
)
FILES = ("file", "log.file.path", "path", "filename", "source", "stream", "_SYSTEMD_UNIT")
TRACES = ("stack_trace", "error.stack_trace", "stackTrace", "exception.stacktrace", "exception", "stack", "throwable")
_MOST = 5  # records in records
_KNOWN = (*TEXTS, *TIMES, *LEVELS, *LOGGERS, *HOSTS, *FILES, *TRACES)
_LONGEST = 1024  # characters of a field that records share: it counts once a record, and who sends it pays once


class Said(NamedTuple):
    """A log record: ``time`` as it is written; ``source`` names who wrote it; ``fields`` is the whole of it but for
    what it has in common with those around it, which ``shared`` is: the same object for all of them.
    """

    text: str
    time: object = None
    level: str = ""
    logger: str = ""
    source: str = ""
    trace: str = ""
    fields: Mapping[str, Any] = {}
    shared: Mapping[str, Any] = {}


def records(value: object, depth: int = 0) -> Iterator[Said]:
    """The records in a JSON value; none where no field of it can be a line."""
    if isinstance(value, list) and depth < _MOST:
        for entry in value:
            yield from records(entry, depth + 1)
    if not isinstance(value, dict):
        return
    if isinstance(resources := value.get("resourceLogs"), list):
        yield from _otlp(resources)
    elif isinstance(streams := value.get("streams"), list):
        yield from _loki(streams)
    elif (said := _said(value, depth)) is not None:
        yield said


def _said(fields: Mapping[str, Any], depth: int) -> Said | None:
    text = next((found for name in TEXTS if (found := _text(_get(fields, name)))), None)
    if text is None:
        inner = next((inner for name in TEXTS if isinstance(inner := fields.get(name), dict)), None)
        return _said({**fields, **inner}, depth + 1) if inner and depth < _MOST and inner is not fields else None
    time = next((time for name in TIMES if (time := _get(fields, name)) is not None), None)
    level, logger = (_first(fields, names) for names in (LEVELS, LOGGERS))
    source = " ".join(filter(None, (_first(fields, HOSTS), _first(fields, FILES))))
    return Said(text, time, level.upper(), logger, source[:200], _trace(fields), fields)


def _otlp(resources: list[Any]) -> Iterator[Said]:
    for resource in _dicts(resources):
        shared = _attributes(resource.get("resource"))
        where = _looked_at(shared)
        for scope in _dicts(resource.get("scopeLogs")):
            name = scope.get("scope")
            for record in _dicts(scope.get("logRecords")):
                own = {**_attributes(record), **record, "body": _value(record.get("body"))}
                if record.get("timeUnixNano") in ("0", 0):
                    own.pop("timeUnixNano")
                logger = {"logger": name.get("name") if isinstance(name, dict) else None}
                said = _said({**logger, **where, **own, "message": own["body"]}, 0)
                if said is not None:
                    yield said._replace(fields=own, shared=shared)


def _loki(streams: list[Any]) -> Iterator[Said]:
    for stream in _dicts(streams):
        labels = stream.get("stream")
        shared = labels if isinstance(labels, dict) else {}
        where = _looked_at(shared)
        entries = stream.get("values")
        for entry in entries if isinstance(entries, list) else []:
            match entry:
                case [time, str(text), *_] if text:
                    said = _said({**where, "message": text, "@timestamp": time}, 0)
                    if said is not None:
                        yield said._replace(fields={}, shared=shared)


def _looked_at(shared: Mapping[str, Any]) -> dict[str, Any]:
    """Of fields that many records share those that are looked at in each, if they are short."""
    found = {name: shared[name] for name in _KNOWN if name in shared}
    short = (int, float, str)
    return {name: v for name, v in found.items() if isinstance(v, short) and len(str(v)) <= _LONGEST}


def _attributes(holder: object) -> dict[str, Any]:
    """OTLP's list of keys and values as a table."""
    found = holder.get("attributes") if isinstance(holder, dict) else None
    return {str(pair.get("key")): _value(pair.get("value")) for pair in _dicts(found)}


def _value(value: object) -> object:
    """OTLP's ``{"stringValue": …}``."""
    return next(iter(value.values()), None) if isinstance(value, dict) and len(value) == 1 else value


def _dicts(values: object) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _get(fields: Mapping[str, Any], name: str) -> Any:
    """A field by its name or, where that has dots, by its path."""
    if name in fields or "." not in name:
        return fields.get(name)
    found: Any = fields
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((found for name in names if isinstance(found := _get(fields, name), str) and found), "")


def _text(value: object) -> str | None:
    """A text; journald writes one that is no UTF-8 as a list of bytes."""
    if isinstance(value, list) and value and all(type(one) is int and 0 <= one < 256 for one in value):
        value = bytes(value).decode(errors="replace")
    return value.strip("\r\n") or None if isinstance(value, str) else None


def _trace(fields: Mapping[str, Any]) -> str:
    for name in TRACES:
        match _get(fields, name):
            case str(trace) if trace:
                return trace
            case list(frames) if frames and all(isinstance(frame, str) for frame in frames):
                return "\n".join(frames)
    return ""


def parsed(raw: bytes) -> object:
    """The JSON value of the bytes; None for what is none, or nested too deeply."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
