"""Lines that somebody sends to be judged: what stands for a window where none of them names a block."""

from collections.abc import Sequence
from datetime import UTC
from math import inf

import pytest
from pipeline import ContentScorer

from stream.scoring import Score
from stream.serve.judging import judge_lines
from stream.windows.settings import WindowSettings


class Reading(ContentScorer):
    """Remembers the texts that it was to score."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[Sequence[str]] = []

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        self.texts += windows
        return super().score(windows, complete)


@pytest.mark.parametrize(
    ("line", "settings", "text"),
    [
        (b"job container_7 failed", WindowSettings(), "job container_ failed"),
        (b"task job_x failed", WindowSettings(block_pattern="job_[a-z]"), "task <block> failed"),
        (b'{"message": "job failed"}', WindowSettings(), "job failed"),
        (b'{"message": "job failed"}', WindowSettings(format="raw"), '{"message": "job failed"}'),
    ],
)
def test_lines_without_a_block_are_read_by_the_settings_of_form_and_pattern(
    line: bytes, settings: WindowSettings, text: str
) -> None:
    scorer = Reading()
    judged = judge_lines([line], False, scorer, settings, UTC, inf)
    assert scorer.texts == [(text,)]
    assert [event["block_id"] for event in judged.blocks] == [None]
