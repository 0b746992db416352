"""The timeline of scores as options of ECharts. Pure."""

import math
from collections.abc import Iterable
from typing import Any

from stream.serve.events import Entry
from stream.serve.page.rows import key_of, known_severity
from stream.serve.timeline import Timeline

COLOURS = {"critical": "#e5484d", "warning": "#e58e26", "notice": "#3b82c4", "normal": "#8b8f98"}
_GREY, _FAINT = "#8b8f98", "rgba(128,128,128,0.18)"
MOST_POINTS = 1_000


def new_options() -> dict[str, Any]:
    """A chart without data."""
    axis = {"axisLine": {"onZero": False, "lineStyle": {"color": _GREY}}, "axisLabel": {"color": _GREY}}
    return {
        "useUTC": True,
        "animation": False,
        "grid": {"left": 44, "right": 16, "top": 16, "bottom": 26},
        "tooltip": {"trigger": "item", "confine": True},
        "aria": {"enabled": True},
        "xAxis": {
            "type": "time",
            **axis,
            "splitLine": {"show": False},
            "axisLabel": {"color": _GREY, "hideOverlap": True},
        },
        "yAxis": {"type": "value", **axis, "splitLine": {"lineStyle": {"color": _FAINT}}, "scale": True},
        "series": [_healthy(), *(_alarms(name) for name in COLOURS)],
    }


def fill(
    options: dict[str, Any],
    timeline: Timeline,
    alarms: Iterable[Entry],
    begin: int,
    end: int,
    threshold: float | None,
    by_log: bool,
) -> None:
    """Put bins and alarms of a stretch of time, epoch ms, into the options."""
    found = timeline.between(begin, end)
    points: list[list[float | None]] = []
    for moment, each in found:
        if points and moment - int(points[-1][0] or 0) > 6 * timeline.width:
            points.append([moment - timeline.width, None])  # nothing came: no line goes there
        points.append([moment, None if each.top is None else _rounded(each.top)])
    if found:
        points.append([min(end, found[-1][0] + timeline.width), points[-1][1]])
    healthy, *graded = options["series"]
    healthy["data"] = points
    healthy["markLine"]["data"] = [] if threshold is None else [{"yAxis": _rounded(threshold)}]
    by_severity: dict[str, list[dict[str, Any]]] = {name: [] for name in COLOURS}
    for number, entry in enumerate(alarms):
        if number >= MOST_POINTS:
            break
        moment = entry.last if by_log else entry.began
        if begin <= moment <= end:
            point = {"value": [moment, _rounded(entry.event["score"])], "name": key_of(entry)}
            by_severity[known_severity(entry)].append(point)
    for series in graded:
        series["data"] = by_severity[series["name"]]
    options["xAxis"]["min"], options["xAxis"]["max"] = begin, end


def _healthy() -> dict[str, Any]:
    line = {"silent": True, "symbol": "none", "lineStyle": {"color": COLOURS["critical"], "type": "dashed", "width": 1}}
    label = {"formatter": "threshold", "position": "insideStartTop", "color": _GREY, "fontSize": 11}
    return {
        "name": "highest score that is no alarm",
        "type": "line",
        "step": "end",
        "symbol": "none",
        "lineStyle": {"color": _GREY, "width": 1.5},
        "areaStyle": {"color": "rgba(128,128,128,0.12)", "origin": "start"},
        "data": [],
        "markLine": {**line, "label": label, "data": []},
    }


def _alarms(severity: str) -> dict[str, Any]:
    return {
        "name": severity,
        "type": "scatter",
        "symbolSize": 9,
        "itemStyle": {"color": COLOURS[severity], "borderColor": "rgba(255,255,255,0.6)", "borderWidth": 0.5},
        "data": [],
    }


def _rounded(value: float) -> float:
    return round(value, 3) if math.isfinite(value) else 0.0
