"""Every setting of the stream, with its default, its unit and what it is for. Flags win over the environment
(``TINYLOGBERT_…``), that over a TOML file, that over the defaults. Knows nothing of the commands that use it.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from stream.lines import LineReader, new_reader
from stream.lines.blocks import PatternBlocks
from stream.secret import with_files_read, without_secrets
from stream.windows.settings import WindowSettings

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_LONGEST = 10_000 * 366 * 86_400_000
_ADDRESS = re.compile(r"(?:(\[[^\[\]\s]+\]|[^:\s]+):)?(\d{1,5})")
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)\s*")


def parse_duration(value: object) -> object:
    """Return the milliseconds of ``500ms``, ``30s``, ``10m``, ``14h`` or ``7d``; a number is milliseconds already."""
    if not isinstance(value, str) or value.strip().isdigit():
        return value
    match = _DURATION.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} is no duration such as 500ms, 30s, 10m, 14h or 7d")
    ms = float(match[1]) * _UNITS[match[2]]
    if ms > _LONGEST:
        raise ValueError(f"{value[:40]!r} is longer than ten thousand years")
    return round(ms)


def show_duration(ms: int) -> str:
    """Return the shortest text that ``parse_duration`` reads back.

    >>> show_duration(50_400_000)
    '14h'
    """
    unit = next(unit for unit in ("d", "h", "m", "s", "ms") if ms % _UNITS[unit] == 0)
    return f"{ms // _UNITS[unit]}{unit}"


def host_and_port(address: str) -> tuple[str, int]:
    """Return both of ``HOST:PORT``; a port alone is one of this machine, for this machine.

    >>> host_and_port("9464"), host_and_port("[::]:9464")
    (('127.0.0.1', 9464), ('::', 9464))
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match[2]) > 65_535:
        raise ValueError(f"{address!r} is no address such as 9464, 127.0.0.1:9464 or [::]:9464")
    return (match[1] or "127.0.0.1").strip("[]"), int(match[2])


def _address(address: str) -> str:
    host_and_port(address)
    return address


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: it is a folder of zones, or too long
        raise ValueError(f"{name[:40]!r} is no time zone such as UTC or Europe/Berlin") from error
    return name


def _block_pattern(pattern: str) -> str:
    PatternBlocks(pattern)
    return pattern


def _pairs(value: object) -> object:
    """``KEY=VALUE`` (from flags), and tables in tables (``sasl.username = …`` in TOML) → one flat table of texts."""
    if isinstance(value, (list, tuple)):
        texts = [str(text).partition("=") for text in value]
        if bad := [key for key, sign, _ in texts if not (key and sign)]:
            name = re.split(r"[^\w.-]", bad[0])[0]  # what follows may be a secret
            raise ValueError(f"{f'{name}…' if name != bad[0] else name!r} is not KEY=VALUE")
        return {key: text for key, _, text in texts}
    return dict(_flat(value)) if isinstance(value, Mapping) else value


def _flat(table: Mapping[str, object], before: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        else:
            plain = isinstance(value, (bool, int, float))
            yield f"{before}{key}", str(value).lower() if plain else value


def _table(value: object) -> object:
    """Pairs as a table, if they are pairs, so that it goes over those of environment and file name by name."""
    try:
        return _pairs(value)
    except ValueError:  # said once it is validated
        return value


Duration = Annotated[int, BeforeValidator(parse_duration), Field(gt=0)]
Zone = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, AfterValidator(_address)]
BlockPattern = Annotated[str, AfterValidator(_block_pattern)]
ClientProperties = Annotated[dict[str, str], BeforeValidator(_pairs), AfterValidator(with_files_read)]


class Settings(BaseSettings):
    """Settings of the pipeline and of the commands around it; durations in milliseconds."""

    model_config = SettingsConfigDict(env_prefix="TINYLOGBERT_", frozen=True, extra="forbid")

    bootstrap_servers: str = Field("localhost:9092", min_length=1, description="Addresses of the Kafka brokers.")
    kafka: ClientProperties = Field(
        default_factory=dict,
        repr=False,
        description="A property of Kafka's client (librdkafka), such as security.protocol=SSL; of a secret, the "
        "file that holds it: sasl.password.file=FILE.",
    )
    group_id: str = Field(
        "tinylogbert", min_length=1, description="Consumer group; daemons of one group share the work."
    )
    worker_id: str | None = Field(
        None,
        pattern="^[A-Za-z0-9._-]{1,100}$",
        description="Name of this daemon, unique in its group and the same after a restart, "
        "which then takes over at once  [default: a random one]",
    )
    raw_topic: str = Field("hdfs.raw", min_length=1, description="Topic of raw log lines, with any key.")
    lines_topic: str = Field("hdfs.lines", min_length=1, description="Topic of lines keyed by block, written by route.")
    scores_topic: str = Field("hdfs.scores", min_length=1, description="Topic of every scored window.")
    anomalies_topic: str = Field("hdfs.anomalies", min_length=1, description="Topic of what a person must see.")
    dead_letter_topic: str = Field("hdfs.dead-letters", min_length=1, description="Topic of what cannot be read.")
    windows_topic: str = Field("tinylogbert.windows", min_length=1, description="Compacted changelog of open windows.")
    partitions: int = Field(4, ge=1, le=10_000, description="Partitions of topics that are created.")
    replication: int = Field(1, ge=1, le=32, description="Replicas of topics that are created.")
    keyed_input: bool = Field(False, description="The raw topic is keyed by block id already: no route stage.")
    workers: int = Field(1, ge=1, le=64, description="Processes that share the work, each a daemon of the group.")
    metrics_address: Address | None = Field(
        None,
        description="Port, or host and port, where Prometheus scrapes metrics; of several workers the second takes the "
        "next port, and so on  [default: nowhere]",
    )
    stage: Literal["all", "route", "score"] = Field("all", description="Which half of the daemon to run.")
    timezone: Zone = Field("UTC", description="Time zone of log stamps that name none.")
    format: Literal["auto", "raw", "json", "syslog", "cri"] = Field(
        "auto",
        description="What messages are: plain lines, or lines in an envelope of a log shipper; auto: each one's first "
        "bytes tell.",
    )
    block_pattern: BlockPattern | None = Field(
        None,
        description="Regular expression (RE2) of what names a window, or its first group: container_[0-9_]+  "
        "[default: HDFS's blocks]",
    )
    quiet_after: Duration = Field(30_000, description="Silence of a block, in event time, before a provisional score.")
    close_after: Duration = Field(
        14 * 3_600_000, description="Silence of a block, in event time, that closes its window."
    )
    lateness: Duration = Field(600_000, description="How far behind the newest line a line may come, in event time.")
    idle_after: Duration = Field(
        2_000, description="Time at its end after which a raw partition no longer holds up event time."
    )
    max_lines: int = Field(4096, ge=2, le=100_000, description="Lines at which a window closes.")
    max_age: Duration = Field(7 * 86_400_000, description="Age of a window, in event time, at which it closes.")
    max_open_windows: int = Field(
        1_000_000, ge=1, description="Open windows of one partition; beyond, the one that is silent longest closes."
    )
    max_jump: Duration = Field(
        86_400_000, description="How far one line may move event time on; more is believed only if many lines agree."
    )
    commit_interval: Duration = Field(500, le=60_000, description="Time between two commits.")
    guarantee: Literal["exactly-once", "at-least-once"] = Field(
        "exactly-once", description="Whether a crash may publish twice what was published shortly before it."
    )
    scorer: Literal["auto", "bert", "pca", "rarity", "forest"] = Field(
        "auto", description="What scores: TinyLogBERT or a simple detector; auto: what the checkpoint folder is."
    )
    checkpoint: Path | None = Field(None, description="Checkpoint folder  [default: the shipped one]")
    memo: bool = Field(True, description="Remember the scores of windows with equal content.")
    notice_p: float | None = Field(
        None,
        gt=0,
        le=1,
        description="p-value below which a window that is no alarm is a notice, not normal  "
        "[default: ten times the checkpoint's budget of false alarms]",
    )
    critical_p: float | None = Field(
        None,
        gt=0,
        le=1,
        description="p-value below which an alarm is critical, not a warning  [default: the checkpoint's]",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "cpu",
        description="Where TinyLogBERT computes; auto: CUDA if it is there, in half precision (never tested).",
    )
    threads: int = Field(1, ge=1, le=256, description="Threads of TinyLogBERT; more help where cores are idle.")

    listen_address: Address = Field("127.0.0.1:8080", description="Port, or host and port, of the API and the page.")
    api_token_file: Path | None = Field(
        None, description="File with the token that callers of the API have to say  [default: TINYLOGBERT_API_TOKEN]"
    )
    daemon_metrics: Address | None = Field(
        None, description="Where the daemon shows its metrics (its --metrics-address), for the page's open windows."
    )
    allow_anonymous: bool = Field(
        False, description="Let everybody in who can reach a listen address beyond this machine, without a token."
    )

    @model_validator(mode="after")
    def _orders(self) -> "Settings":
        if self.quiet_after >= self.close_after:
            raise ValueError("quiet_after must be shorter than close_after")
        if self.keyed_input and self.stage == "route":
            raise ValueError("with keyed_input there is no route stage to run")
        topics = [getattr(self, name) for name in type(self).model_fields if name.endswith("_topic")]
        if len(set(topics)) < len(topics):
            raise ValueError("every topic needs a name of its own")
        return self

    def hidden(self, text: str) -> str:
        """A text, such as an error of Kafka's client, without the secrets among that client's properties."""
        return without_secrets(text, self.kafka)

    @property
    def windows(self) -> WindowSettings:
        """The settings that the pure windows need."""
        return WindowSettings(
            quiet_after=self.quiet_after,
            close_after=self.close_after,
            lateness=self.lateness,
            max_lines=self.max_lines,
            max_age=self.max_age,
            max_open_windows=self.max_open_windows,
            max_jump=self.max_jump,
            format=self.format,
            block_pattern=self.block_pattern,
        )

    def new_reader(self) -> LineReader:
        """A reader of lines for these settings; each has caches of its own."""
        return new_reader(ZoneInfo(self.timezone), self.format, self.block_pattern)

    @property
    def input_topic(self) -> str:
        """The topic that the score stage reads."""
        return self.raw_topic if self.keyed_input else self.lines_topic


SERVING = ("listen_address", "api_token_file", "allow_anonymous", "daemon_metrics")
"""Fields that concern the server alone."""
DAEMON = tuple(name for name in Settings.model_fields if name not in SERVING)
"""Fields that the daemon needs."""


def load_settings(config: Path | None = None, **flags: Any) -> Settings:
    """Build the settings from flags that were given (others left out), environment, TOML file and defaults.

    Client properties of all of them are one table. Raises pydantic's ValidationError, or OSError and ValueError for a
    file that is no TOML.
    """

    class Configured(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            sources = (init_settings, env_settings)
            return (*sources, TomlConfigSettingsSource(settings_cls, config)) if config else sources

    if "kafka" in flags:
        flags["kafka"] = _table(flags["kafka"])
    return Configured(**flags)
