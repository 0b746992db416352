"""False alarms an hour against the budget that was stated: normal blocks that raised an alarm, at any time of theirs.

An hour is one of event time, from the log's first line to its last, pauses included. The budget is the share of healthy
windows that training was told to let through; a block counts once, however often it rings.
"""

from collections.abc import Collection, Mapping
from typing import Any

_MS = 3_600_000


def false_alarm_figures(
    labels: Mapping[str, bool], scored: Collection[str], alarms: Collection[str], span: int, stated: float | None
) -> dict[str, Any]:
    """As JSON values, for blocks that were scored in a log that spans so many ms; None where there is nothing to say.

    ``stated`` is the budget as a share; ``stated_per_hour`` what it means for the normal blocks of this log.
    """
    normal = [block for block in scored if labels.get(block) is False]
    false, hours = sum(block in alarms for block in normal), span / _MS
    share = false / len(normal) if normal else None
    return {
        "blocks": false,
        "hours": hours,
        "share": share,
        "stated_share": stated,
        "per_hour": false / hours if hours else None,
        "stated_per_hour": None if stated is None or not hours else stated * len(normal) / hours,
    }
