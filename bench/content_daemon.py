"""``tinylogbert consume`` with a scorer by content instead of TinyLogBERT: it starts in a second, loading no torch.

What is measured with it is the stream alone: reading, windows, state, transactions. All else is the command's own.
"""

import sys
from collections.abc import Sequence
from zlib import crc32

import click

from stream.cli import run
from stream.commands.consume import run_daemon, until_told
from stream.commands.options import settings_options
from stream.logs import new_log
from stream.scoring import Score, Surprise
from stream.settings import Settings

_ALARM = 800


class ContentScorer:
    """Scores a window by a checksum of its lines in order: equal content, equal score, and nothing else. One in five
    is anomalous.
    """

    checkpoint = "content"
    material = 0.5

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        """Score each window; see ``stream.scoring.Scorer``."""
        contents = ["\n".join((str(done), *texts)) for texts, done in zip(windows, complete, strict=True)]
        values = [crc32(content.encode()) % 1000 for content in contents]
        return [Score(v / 10, (1000 - v) / 1000, v > _ALARM, "critical" if v > _ALARM else "normal") for v in values]

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        """Name the last line."""
        return [Surprise(len(window) - 1, 1.0, ("something else",))]


@click.command()
@settings_options(*Settings.model_fields)
def main(settings: Settings) -> None:
    """Run the daemon; flags are those of ``tinylogbert consume``."""
    with until_told() as stop:
        run_daemon(settings, new_log(sys.stderr), stop, lambda _: ContentScorer())


if __name__ == "__main__":
    run(main, "content_daemon")
