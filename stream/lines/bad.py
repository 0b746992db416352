"""A line that cannot be scored, and how long one may be."""

MAX_LINE_BYTES = 64 * 1024
"""A longer line is refused: no log4j message of HDFS comes near, and hostile ones must not cost memory."""


class BadLine(ValueError):
    """A line that cannot be scored; ``reason`` names why: here ``too_long``, ``encoding``, ``timestamp``, ``blocks``,
    ``envelope`` (it looks like one and holds no line) or ``format`` (another one is forced).
    """

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason


def check(raw: bytes) -> None:
    """Raise BadLine unless the bytes are a line of bearable length in UTF-8."""
    if len(raw) > MAX_LINE_BYTES:
        raise BadLine("too_long", f"the line has {len(raw)} bytes, more than {MAX_LINE_BYTES}")
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            raise BadLine("encoding", f"the line is not UTF-8: {error.reason} at byte {error.start}") from error
