"""How producers choose a partition by key, and whether a topic's keys lie where one of these ways puts them.

The same block must always be on one partition; that of another key proves nothing about it, unless all keys follow one
rule. Knows no client and no line.
"""

from collections.abc import Callable
from zlib import crc32

Partitioner = Callable[[bytes, int], int]
"""Key and number of partitions → partition."""

_MASK = 0xFFFFFFFF
_POSITIVE = 0x7FFFFFFF
_SEED, _M, _R = 0x9747B28C, 0x5BD1E995, 24
_OFFSET, _PRIME = 0x811C9DC5, 0x01000193


def murmur2_hash(key: bytes) -> int:
    """MurmurHash2 (Austin Appleby) with the seed of Kafka's Java client, as an unsigned number of 32 bits.

    >>> hex(murmur2_hash(b"kafka"))
    '0xd067cf64'
    """
    length = len(key)
    whole = length & ~3
    h = _SEED ^ length
    for i in range(0, whole, 4):
        k = int.from_bytes(key[i : i + 4], "little") * _M & _MASK
        k = (k ^ k >> _R) * _M & _MASK
        h = h * _M & _MASK ^ k
    if whole < length:
        h = (h ^ int.from_bytes(key[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


def fnv1a_hash(key: bytes) -> int:
    """FNV-1a of 32 bits, and of that, taken as a signed number, the absolute value: as Sarama and librdkafka have it.

    >>> hex(fnv1a_hash(b"kafka"))
    '0xd33c4e1'
    """
    h = _OFFSET
    for byte in key:
        h = (h ^ byte) * _PRIME & _MASK
    return h if h <= _POSITIVE else -h & _MASK


def murmur2(key: bytes, partitions: int) -> int:
    """Kafka's Java client and all that stand on it; librdkafka's ``murmur2_random``."""
    return (murmur2_hash(key) & _POSITIVE) % partitions


def consistent(key: bytes, partitions: int) -> int:
    """librdkafka and what stands on it, if not told otherwise (``consistent_random``): CRC-32."""
    return crc32(key) % partitions


def fnv1a(key: bytes, partitions: int) -> int:
    """Sarama if not told otherwise; librdkafka's ``fnv1a_random``."""
    return fnv1a_hash(key) % partitions


class Keying:
    """Which ways of choosing are possible, after all the keys that were looked at in a topic."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._possible: list[Partitioner] = [consistent, murmur2, fnv1a]

    def fits(self, key: bytes, partition: int) -> bool:
        """Whether this key lies there by a way that all keys before it have followed, too."""
        if self._partitions == 1:
            return partition == 0  # by any way
        still = [choose for choose in self._possible if choose(key, self._partitions) == partition]
        if still:
            self._possible = still
        return bool(still)
