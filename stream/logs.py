"""Structured logs of a daemon: an event and its fields, coloured ``key=value`` on a terminal, JSON lines otherwise.

Nothing is set up at import, and nothing for the whole process: whoever wants to log is given a logger.
"""

import os
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

Log = FilteringBoundLogger


def new_log(stream: TextIO) -> Log:
    """A logger that writes to ``stream``; times are local on a terminal, UTC in JSON."""
    terminal = stream.isatty()
    logger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[structlog.processors.add_log_level, *(_for_people() if terminal else _for_machines())],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )
    return cast(Log, logger)


def _for_people() -> list[Processor]:
    clock = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
    colours = not os.environ.get("NO_COLOR")
    return [clock, _grouped, structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=0, sort_keys=False)]


def _for_machines() -> list[Processor]:
    clock = structlog.processors.TimeStamper(fmt="iso", utc=True)
    return [clock, _ordered, structlog.processors.JSONRenderer()]


def _grouped(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    """Large numbers with separators: ``lines=1,234,567``."""
    numbers = {name: f"{value:,}" for name, value in fields.items() if type(value) in (int, float)}
    return {**fields, **numbers}


def _ordered(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    """Time, level and event before the fields, as a person reads it."""
    head = {name: fields.pop(name) for name in ("timestamp", "level", "event")}
    return {**head, **fields}
