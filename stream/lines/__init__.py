"""What one log line says: its time, its level and component, its masked text, the blocks it names. Pure."""

from stream.lines.blocks import MAX_BLOCKS, block_ids, windowed_blocks
from stream.lines.mask import mask, words
from stream.lines.reader import BadLine, Line, LineReader, new_reader

__all__ = [
    "MAX_BLOCKS",
    "BadLine",
    "Line",
    "LineReader",
    "block_ids",
    "mask",
    "new_reader",
    "windowed_blocks",
    "words",
]
