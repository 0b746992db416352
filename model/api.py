"""One call from text to a score, with the shipped checkpoint."""

from functools import lru_cache

from model.scorer import BertScorer
from stream.lines import LineReader


def get_anomaly_score(log_text: str) -> float:
    """Score one or several log lines as the window of one block that may go on; higher is more anomalous.

    Unbounded; the shipped checkpoint calls a complete window of 0 or more anomalous. The times of the lines do not
    matter, nor does their order. Raises ValueError for text without a line, ``BadLine`` (a ValueError) for a line that
    is too long, InputError if the package has no checkpoint.
    """
    reader, scorer = _shipped()
    texts = [reader.text(line.encode()) for line in log_text.splitlines() if line.strip()]
    if not texts:
        raise ValueError("there is no log line in the text")
    return scorer.score([texts], [False])[0].value


@lru_cache(maxsize=1)
def _shipped() -> tuple[LineReader, BertScorer]:
    return LineReader(), BertScorer.load()
