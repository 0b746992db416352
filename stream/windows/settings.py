"""What names a window, when it is scored and when it ends. Durations in milliseconds of event time."""

from dataclasses import dataclass

HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """Defaults are measured on HDFS_v1: its longest silence within a block is 12.9 hours.

    ``format`` and ``block_pattern`` are those of ``stream.lines.new_reader``: what a message is in, what names a block.
    """

    quiet_after: int = 30_000
    close_after: int = 14 * HOUR
    lateness: int = 600_000
    max_lines: int = 4096
    max_age: int = 7 * 24 * HOUR
    max_open_windows: int = 1_000_000
    max_jump: int = 24 * HOUR
    format: str = "auto"
    block_pattern: str | None = None
