"""The frame of a changelog record's value: version, checksum, body. Knows nothing of what the body says.

Kafka guards a batch on its way; the checksum guards against what it does not see, such as a foreign writer or a tool
that copied a topic half. A frame of another version, or a damaged one, is refused and never guessed at.
"""

import struct
from zlib import crc32

from stream.errors import StateError

VERSION = 1
_FRAME = struct.Struct("<BI")
FRAME_BYTES = _FRAME.size


def sealed(body: bytes) -> bytes:
    """The value of a record with this body."""
    return _FRAME.pack(VERSION, crc32(body)) + body


def opened(value: bytes) -> bytes:
    """The body of a record's value; raise StateError if it is of another version, or not as it was written."""
    if not value or value[0] != VERSION:
        found = f"version {value[0]}" if value else "no version"
        newer = " (a newer one wrote it: run that)" if value and value[0] > VERSION else ""
        raise StateError(f"it has {found}, this program reads version {VERSION}{newer}")
    body = value[FRAME_BYTES:]
    if len(value) < FRAME_BYTES or _FRAME.unpack_from(value)[1] != crc32(body):
        raise StateError("it is damaged: its checksum does not fit")
    return body
