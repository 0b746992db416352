"""What one log line says: its time, its level and component, its masked text, the blocks it names. Pure."""

from stream.lines.blocks import block_ids
from stream.lines.mask import mask, words
from stream.lines.reader import BadLine, Line, LineReader

__all__ = ["BadLine", "Line", "LineReader", "block_ids", "mask", "words"]
