"""``tinylogbert consume`` with the tests' scorer by content instead of TinyLogBERT; all else is the command's own.

A window in which a line ``hangs`` is never judged.
"""

import sys
import time
from collections.abc import Sequence

import click
from pipeline import ContentScorer

from stream.commands.consume import run_daemon, until_told
from stream.commands.options import settings_options
from stream.logs import new_log
from stream.scoring import Score
from stream.settings import DAEMON, Settings


class HangingScorer(ContentScorer):
    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        if any("hangs" in text for texts in windows for text in texts):
            print("it hangs", file=sys.stderr, flush=True)
            time.sleep(3600)
        return super().score(windows, complete)


@click.command()
@settings_options(*DAEMON)
def main(settings: Settings) -> None:
    with until_told() as stop:
        run_daemon(settings, new_log(sys.stderr), stop, lambda _: HangingScorer())


if __name__ == "__main__":
    main()
