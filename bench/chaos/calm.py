"""What should come out: one daemon that nobody disturbs, over the same raw topic, and the pure windows of the lines."""

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.chaos.compare import Key, Said
from bench.chaos.crew import Crew
from bench.chaos.feed import LATER_BLOCK
from bench.chaos.plan import Plan, flags, undisturbed
from bench.chaos.watch import Watch
from bench.content_daemon import ContentScorer
from stream.commands.scorers import load_scorer
from stream.errors import BrokerError
from stream.kafka.clients import new_admin
from stream.kafka.topics import create_topics
from stream.scoring import Scorer
from stream.settings import Settings
from stream.windows.files import windows_of
from stream.windows.judge import time_text

_PATIENCE_S = 180.0
_GRACE_S = 2.0  # what is published twice, or too much, may come after all that was waited for


def scorer_of(plan: Plan, settings: Settings) -> Scorer:
    """The daemons' scorer, in this process."""
    return ContentScorer() if plan.scorer == "content" else load_scorer(settings)


def in_a_file(lines: Sequence[bytes], scorer: Scorer, settings: Settings) -> dict[Key, Said]:
    """What is said of the closed windows if these lines, in their order, are a file."""
    windows = list(windows_of(lines, settings.windows))
    scores = scorer.score([window.texts for window in windows], [True] * len(windows))
    return {
        (w.block_id, w.part): (*score[:3], len(w.texts), time_text(w.times[0]), time_text(w.times[-1]))
        for w, score in zip(windows, scores, strict=True)
        if w.block_id != LATER_BLOCK
    }


def settled(watch: Watch, wanted: int, crew: Crew, say: Callable[[str], None]) -> bool:
    """Wait until so many windows are closed; return whether they were before nothing moved for three minutes."""
    told = 0.0
    while len(watch.closed) < wanted:
        crew.wait(lambda: len(watch.closed) >= wanted, 1.0)
        if time.monotonic() - watch.moved > _PATIENCE_S:
            return False
        if time.monotonic() >= told:
            told = time.monotonic() + 5
            say(f"{len(watch.closed):,} of {wanted:,} windows are closed")
    crew.wait(lambda: False, _GRACE_S)
    return True


def run_undisturbed(
    plan: Plan, settings: Settings, wanted: int, folder: Path, say: Callable[[str], None]
) -> tuple[Settings, float, bool]:
    """Let one daemon read the same raw topic; return its settings, the seconds that it took, and whether it settled.

    Raises BrokerError if it ends by itself.
    """
    calm = undisturbed(settings)
    create_topics(new_admin(calm), calm)
    crew = Crew(folder, plan.scorer, flags(calm), random.Random(0), lambda: False, say)
    begun = time.monotonic()
    watch = Watch(calm, lambda: 0)
    try:
        crew.hire()
        done = settled(watch, wanted, crew, say)
    finally:
        watch.stop()
        crew.end()
    if crew.findings:
        raise BrokerError(f"the undisturbed daemon: {crew.findings[0]}")
    return calm, time.monotonic() - begun, done
