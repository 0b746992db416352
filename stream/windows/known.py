"""Scores by the content of windows, so that what was judged before need not be put together, nor asked again.

Exact: a scorer is deterministic, and one that is ``Bagged`` does not look at the order of lines. Content is numbered by
partition, so each has a memo of its own. Pure.
"""

from collections.abc import Sequence

from stream.scoring import Bagged, Score, Scorer
from stream.windows.due import Due

REMEMBERED = 32_768
LONGEST = 512
"""Bytes of a content that is remembered: long windows have few equals, and a scorer has a memo of its own."""
_Content = tuple[bytes | Due, bool]


class Known:
    """Scores of one scorer at a time, at most ``most`` or what one call asks for: they are forgotten when they are too
    many, or when another checkpoint scores.
    """

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._checkpoint = ""
        self._scores: dict[_Content, Score] = {}

    def scores(self, due: Sequence[Due], scorer: Scorer) -> list[Score]:
        """The score of each window, as ``scorer.score`` gives it."""
        if not (isinstance(scorer, Bagged) and scorer.bagged):
            return _asked(due, scorer)
        if scorer.checkpoint != self._checkpoint:
            self._checkpoint = scorer.checkpoint
            self._scores.clear()
        contents = [_content(d) for d in due]
        new = {content: d for content, d in zip(contents, due, strict=True) if content not in self._scores}
        scorer.spare(len(due) - len(new))
        fresh = dict(zip(new, _asked(list(new.values()), scorer), strict=True)) if new else {}
        scores = [fresh.get(content) or self._scores[content] for content in contents]
        self._remember(fresh)
        return scores

    def _remember(self, fresh: dict[_Content, Score]) -> None:
        if len(self._scores) + len(fresh) > self._most:
            self._scores.clear()
        self._scores.update((content, score) for content, score in fresh.items() if isinstance(content[0], bytes))


def _content(due: Due) -> _Content:
    """What decides the score; where a window's content is not known, or is too long to be remembered, itself."""
    content = due.content
    return (due if content is None or len(content) > LONGEST else content), due.complete


def _asked(due: Sequence[Due], scorer: Scorer) -> list[Score]:
    return scorer.score([d.window.texts for d in due], [d.complete for d in due])
