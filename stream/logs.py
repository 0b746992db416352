"""Structured logs of a daemon: an event and its fields, coloured ``key=value`` on a terminal, JSON lines otherwise.

Nothing is set up at import, and nothing for the whole process: whoever wants to log is given a logger. What must not be
read is hidden before anything is written, and an event that floods is cut to a few a second, with the rest counted.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

Log = FilteringBoundLogger

MOST_A_SECOND = 10


def new_log(stream: TextIO, hidden: Callable[[str], str] = str, clock: Callable[[], float] = time.monotonic) -> Log:
    """A logger that writes to ``stream``; times are local on a terminal, UTC in JSON.

    ``hidden`` returns a text without what must not be read (``Settings.hidden``); ``clock``, in s, is that of the limit
    of ten lines a second for each event.
    """
    form = _for_people() if stream.isatty() else _for_machines()
    common: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        _Hiding(hidden),
    ]
    processors: list[Processor] = [*common, *form]
    unlimited = _logger(stream, processors)
    return _logger(stream, [_Limit(unlimited, clock), *processors])


def _logger(stream: TextIO, processors: list[Processor]) -> Log:
    logger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )
    return cast(Log, logger)


@dataclass(slots=True)
class _Flow:
    begun: float
    lines: int = 0
    left_out: int = 0


class _Limit:
    """Lets ten lines a second of each event pass, by its name; says how many it left out once the second is over, with
    the next line of any event. Names are few, for fields hold what varies.
    """

    def __init__(self, log: Log, clock: Callable[[], float]) -> None:
        self._log = log
        self._clock = clock
        self._flows: dict[str, _Flow] = {}

    def __call__(self, _logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
        now = self._clock()
        self._tell(now)
        flow = self._flows.setdefault(fields["event"], _Flow(now))
        flow.lines += 1
        if flow.lines > MOST_A_SECOND:
            flow.left_out += 1
            raise structlog.DropEvent
        return fields

    def _tell(self, now: float) -> None:
        over = {event: flow for event, flow in self._flows.items() if not flow.begun <= now < flow.begun + 1}
        for event, flow in over.items():
            del self._flows[event]
            if flow.left_out:
                self._log.warning("lines left out of the log, they came too fast", of=event, lines=flow.left_out)


class _Hiding:
    """Hides what must not be read in all texts of an event, however deep they lie."""

    def __init__(self, hidden: Callable[[str], str]) -> None:
        self._hidden = hidden

    def __call__(self, _logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
        return {name: self._shown(value) for name, value in fields.items()}

    def _shown(self, value: Any) -> Any:
        match value:
            case str():
                return self._hidden(value)
            case dict():
                return {self._shown(name): self._shown(inner) for name, inner in value.items()}
            case list() | tuple() | set():
                return [self._shown(inner) for inner in value]
            case bool() | int() | float() | None:
                return value
            case _:
                return self._hidden(str(value))


def _for_people() -> list[Processor]:
    clock = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
    colours = not os.environ.get("NO_COLOR")
    return [clock, _grouped, _obeying_no_text, _console(colours)]


def _console(colours: bool) -> structlog.dev.ConsoleRenderer:
    plain = structlog.dev.plain_traceback  # of what is hidden by then
    return structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=0, sort_keys=False, exception_formatter=plain)


def _for_machines() -> list[Processor]:
    clock = structlog.processors.TimeStamper(fmt="iso", utc=True)
    return [clock, _ordered, structlog.processors.JSONRenderer()]


def _grouped(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    """Large numbers with separators: ``lines=1,234,567``."""
    numbers = {name: f"{value:,}" for name, value in fields.items() if type(value) in (int, float)}
    return {**fields, **numbers}


def _obeying_no_text(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    """What a terminal would obey is shown instead; a traceback keeps its lines."""
    from stream.show import visible  # which needs what a log into a file does not

    shown = {name: "\n".join(map(visible, value.split("\n"))) for name, value in fields.items() if type(value) is str}
    lines = {name: text if name == "exception" else text.replace("\n", "\\n") for name, text in shown.items()}
    return {**fields, **lines}


def _ordered(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    """Time, level and event before the fields, as a person reads it."""
    head = {name: fields.pop(name) for name in ("timestamp", "level", "event")}
    return {**head, **fields}
