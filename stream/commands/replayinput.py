"""What a replay is asked for: lines of files or of a topic, labels, and the one line where they give no figure."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from stream.commands.baselines import folders_beside
from stream.commands.progress import counting
from stream.files import Told, read_lines
from stream.labels import read_labels
from stream.settings import Settings

if TYPE_CHECKING:
    from stream.kafka.labeltopic import LabelTopic
    from training.replay import Replay

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET_BITS = 40


class ReplayLine(NamedTuple):
    """A line of a file (``offset`` is its number) or of a topic (see ``in_place``)."""

    offset: int
    key: bytes | None
    raw: bytes
    label: bool | None


class Asked(NamedTuple):
    """What was asked for, apart from the settings; ``scores`` is a file, ``publish`` whether to send events.

    ``beside``: whether simple detectors judge, too: those of ``folders``, those that are fitted on the logs ``fit_on``.
    """

    files: tuple[str, ...]
    topic: str | None
    labels: str | None
    labels_topic: str | None
    begin: datetime | None
    end: datetime | None
    scores: str | None
    publish: bool
    beside: bool
    folders: tuple[Path, ...]
    fit_on: tuple[str, ...]

    @property
    def source(self) -> str:
        """What it is called."""
        return self.topic or self.files[0]

    def baselines(self, settings: Settings) -> list[Path]:
        """The folders of simple detectors."""
        return folders_beside(self.folders, self.fit_on, settings) if self.beside else []


class GivenLabels:
    """The labels that are given apart from the lines; empty if there are none."""

    def __init__(self, asked: Asked, settings: Settings) -> None:
        """Raises UserError for bad ones."""
        self._topic: LabelTopic | None = None
        self.known = read_labels(asked.labels) if asked.labels else {}
        if asked.labels_topic:
            from stream.kafka import labeltopic
            from stream.kafka.clients import new_admin

            new_admin(settings)
            self._topic = labeltopic.LabelTopic(settings, asked.labels_topic)
            self.known = self._read(self._topic)

    def come_since(self) -> dict[str, bool] | None:
        """All labels as they are now, if they may be others than when they were read first; raises UserError."""
        return None if self._topic is None else self._read(self._topic)

    def _read(self, topic: "LabelTopic") -> dict[str, bool]:
        with counting("reading the labels") as told:
            return dict(topic.read(told))


def lines_of(asked: Asked, labelled: bool, settings: Settings) -> Callable[[Told], Iterator[ReplayLine]]:
    """The lines, once progress can be told; a topic is asked for at once. Given labels stand above those of headers."""
    if not asked.topic:
        return lambda told: _files(asked.files, told)
    from stream.kafka.replay import TopicLines

    found = TopicLines(settings, asked.topic, settings.new_reader())

    def lines(told: Told) -> Iterator[ReplayLine]:
        for line in found:
            told(found.done, found.of)
            key = line.key if settings.keyed_input else None
            place = line.partition << _OFFSET_BITS | line.offset  # one number for the windows, whose lines mix
            yield ReplayLine(place, key, line.raw, None if labelled else line.label)

    return lines


def _files(files: tuple[str, ...], told: Told) -> Iterator[ReplayLine]:
    for number, raw in enumerate(read_lines(files, told)):
        yield ReplayLine(number, None, raw, None)


def in_place(event: dict[str, Any]) -> dict[str, Any]:
    """The event with the partition and offset of the lines that its evidence names."""
    evidence = [
        {**one, "source": [one["source"][0], *divmod(one["source"][2], 1 << _OFFSET_BITS)]} for one in event["evidence"]
    ]
    return {**event, "evidence": evidence}


def epoch_ms(moment: datetime | None, zone: ZoneInfo) -> int | None:
    """A time as epoch milliseconds; one without an offset is read in ``zone``."""
    if moment is None:
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=zone)) - _EPOCH) // timedelta(milliseconds=1)


def why_no_figure(replay: "Replay", asked: Asked) -> str:
    """The one line where no block has both a score and a label."""
    if (asked.begin or asked.end) and not replay.blocks.scores:
        return f"no block of {asked.source} begins between --from and --to ({replay.lines:,} lines lie there)"
    if not replay.blocks.scores:
        return f"no line of {asked.source} can be read and names a block ({replay.lines:,} lines)"
    if asked.labels or asked.labels_topic:
        return f"no block of {asked.source} has a label in {asked.labels or asked.labels_topic}"
    return (
        f"the topic {asked.source} carries no labels; send it with: tinylogbert produce FILE --labels CSV, "
        "or give --labels or --labels-topic"
    )
