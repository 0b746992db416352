"""``tinylogbert serve`` with the tests' scorer by content instead of TinyLogBERT; all else is the command's own.

A line that ``hangs`` is judged for a second, and a scorer called ``broken`` cannot be loaded.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
from pipeline import ContentScorer

from stream.commands.options import settings_options
from stream.commands.serve import SERVE_OPTIONS, serve
from stream.errors import InputError
from stream.scoring import Score, Scorer
from stream.settings import Settings


class SlowScorer(ContentScorer):
    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        if any("hangs" in text for texts in windows for text in texts):
            time.sleep(1)
        return super().score(windows, complete)


def load() -> Scorer:
    if os.environ.get("SCORER") == "broken":
        raise InputError("the checkpoint is broken")
    return SlowScorer()


@click.command()
@click.option("--labels", type=click.Path(path_type=Path))
@settings_options(*SERVE_OPTIONS)
def main(labels: Path | None, settings: Settings) -> None:
    serve(settings, load, sys.stderr, labels)


if __name__ == "__main__":
    from stream.cli import run

    run(main, "content_server")
