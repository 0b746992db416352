"""The report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere.

Everything that comes from a log or a command line is escaped: a line may hold anything.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from stream.windows.judge import time_text
from training.mistakes import Mistake
from training.provenance import Provenance

_VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">'
_STYLE = """
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --line: #ddd; --soft: #f4f4f4; --mark: #ffe3c2 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ddd; --paper: #171717; --line: #444; --soft: #242424; --mark: #6b4310 }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem;
  margin: 2rem auto; padding: 0 1rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; margin: 1rem 0; font-size: .94rem }
td, th { padding: .2rem .4rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
th { vertical-align: bottom }
small { display: block; opacity: .8; white-space: nowrap }
figure { margin: 1.5rem 0 }
figcaption { font-size: .9rem }
img { max-width: 100%; height: auto; background: #fff; border-radius: 4px }
img.two { max-width: max(100%, 40rem) }
code, pre { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere }
pre { white-space: pre-wrap; background: var(--soft); padding: .6rem }
summary { cursor: pointer; overflow-wrap: anywhere }
mark { background: var(--mark); color: inherit }
.kind { font-weight: 600 }
.verdict { border-left: 4px solid #0072b2; padding-left: .8rem; font-weight: 600 }
"""
_PLOTS = {
    "How well the scores rank": {
        "scores.png": "How the scores of both classes are spread.",
        "roc.png": "ROC curve, linear and logarithmic, with the label-free verdicts.",
        "pr.png": "Precision against recall, with the label-free verdicts and the oracle's.",
    },
    "Beside simple detectors": {"beside.png": "Precision against recall, of all detectors on the same blocks."},
    "Over time": {
        "running.png": "Figures over event time: cumulative, the last 1,000 closed windows, the last hour, fading.",
        "delay.png": "How long failed blocks stay unseen, in event time.",
    },
    "Whether p-values keep their word": {
        "p_values.png": "p-values of normal windows against uniform.",
        "p_histogram.png": "How they are spread: flat where calibration is right.",
    },
    "What the model sees": {"tsne.png": "Distinct windows as the model sees them, by label and by severity."},
}
_SCALE = 0.57  # of a plot's pixels, so that the letters of all have one size, and two panels fit beside each other
_ONE_PANEL = 1200
_HEADLINES = (
    ("roc_auc", "ROC-AUC"),
    ("average_precision", "average precision"),
    ("at_threshold.precision", "precision at the label-free threshold"),
    ("at_threshold.recall", "recall at the label-free threshold"),
    ("at_threshold.f1", "F1 at the label-free threshold"),
    ("best_f1_oracle.f1", "best F1 (an oracle's)"),
)
_MOST_LINES = 60


def page(
    figures: Mapping[str, Any],
    plots: Iterable[Path],
    mistakes: Sequence[Mistake],
    run: Provenance | None,
    beside: str = "",
) -> str:
    """The whole page; plots are read from their files and lie inside it. ``beside`` is HTML (``pagebeside``)."""
    parts = [
        "<h1>How well anomalies were found</h1>",
        _summary(figures),
        _table(figures),
        operator_table(figures),
        *_sections({path.name: path for path in plots}, beside),
        _mistakes(mistakes),
        _every(figures),
        _run(run),
    ]
    head = f'<meta charset="utf-8">{_VIEWPORT}<title>TinyLogBERT report</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n' + "\n".join(parts) + "\n</body></html>\n"


def _summary(figures: Mapping[str, Any]) -> str:
    what = f" by checkpoint <code>{escape(figures['checkpoint'])}</code>" if "checkpoint" in figures else ""
    return (
        f"<p>{figures['anomalous'] + figures['normal']:,} blocks with a score{what} and a label, "
        f"{figures['anomalous']:,} of them anomalous. Labels were used to measure, and for nothing else. "
        "Below a figure stands its 95 % interval.</p>"
    )


def _table(figures: Mapping[str, Any]) -> str:
    distinct = figures.get("distinct")
    heads = ("all blocks", "each content once")
    rows = [f"<tr><th></th>{''.join(f'<th class=n>{head}</th>' for head in heads)}</tr>"]
    for key, name in _HEADLINES:
        whole = number(_at(figures, key)) + interval(figures.get(f"{key}_interval"))
        cells = (whole, number(_at(distinct, key)) if distinct else "")
        rows.append(f"<tr><td>{name}</td>{''.join(f'<td class=n>{cell}</td>' for cell in cells)}</tr>")
    return wide(rows)


def operator_table(figures: Mapping[str, Any]) -> str:
    """What somebody who gets the alarms lives with; empty where nothing was replayed."""
    if "false_alarms" not in figures:
        return ""
    alarms, delay = figures["false_alarms"], figures["delay"]
    rows = {
        "false alarms an hour of event time": number(alarms["per_hour"]),
        "… as many as were stated": number(alarms["stated_per_hour"]),
        "normal blocks that raised an alarm at any time": f"{alarms['blocks']:,}",
        "failed blocks that raised none": f"{delay['never']:,}",
        "median seconds from the first line that differs to the alarm": _median(delay["from_first_differing_line"]),
        "median seconds from the last line, where none differs": _median(delay["from_last_line"]),
        "ROC-AUC 1 s, 10 s and 60 s after the first line": ", ".join(
            number(early["roc_auc"]) for early in figures["early"].values()
        ),
        "times at which the logs had changed": ", ".join(map(escape, figures["drift"]["times"])) or "none",
    }
    return wide(f"<tr><td>{name}</td><td class=n>{value}</td></tr>" for name, value in rows.items())


def _median(delay: Mapping[str, Any]) -> str:
    return "–" if delay["median"] is None else f"{delay['median']:,.0f} ({delay['blocks']:,} blocks)"


def wide(rows: Iterable[str]) -> str:
    """Rows of HTML as a table that scrolls by itself where the window is narrower."""
    return f"<div class=wide><table>{''.join(rows)}</table></div>"


def _sections(plots: Mapping[str, Path], beside: str) -> Iterable[str]:
    """Plots under headings, those that there are; ``beside`` belongs to its own."""
    for heading, texts in _PLOTS.items():
        shown = [_plot(plots[name], text) for name, text in texts.items() if name in plots]
        told = beside if heading.startswith("Beside") else ""
        if shown or told:
            yield f"<h2>{heading}</h2>{told}{''.join(shown)}"


def _plot(path: Path, text: str) -> str:
    content = path.read_bytes()
    pixels = int.from_bytes(content[16:20])  # where every PNG has its width
    kind = " class=two" if pixels > _ONE_PANEL else ""
    source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    image = f'<img{kind} alt="{text}" width="{round(_SCALE * pixels)}" src="{source}">'
    return f"<figure><div class=wide>{image}</div><figcaption>{text}</figcaption></figure>"


def _mistakes(mistakes: Sequence[Mistake]) -> str:
    if not mistakes:
        return ""
    told = "".join(_mistake(number, mistake) for number, mistake in enumerate(mistakes, 1))
    return f"<h2>The worst mistakes</h2><p>Each content once; what the scorer found odd is marked.</p>{told}"


def _mistake(number: int, mistake: Mistake) -> str:
    kind = "missed failure" if mistake.anomalous else "false alarm"
    others = f", and {mistake.alike - 1} more like it" if mistake.alike > 1 else ""
    found = {surprise.line: surprise for surprise in mistake.surprises}
    window = mistake.window
    shown = range(len(window.texts)) if len(window.texts) <= _MOST_LINES else sorted({*range(_MOST_LINES), *found})
    lines = []
    for i in shown:
        text = f"{time_text(window.times[i])}  {escape(window.texts[i])}"
        if (surprise := found.get(i)) is None:
            lines.append(text)
        else:
            rather = f"; rather: {escape('; '.join(surprise.expected))}" if surprise.expected else ""
            lines.append(f"<mark>{text}</mark>  ← {surprise.value:+.2f}{rather}")
    left = len(window.texts) - len(lines)
    more = f"\n… {left:,} more lines" if left else ""
    return (
        f"<details{' open' if number <= 3 else ''}><summary>{number}. <span class=kind>{kind}</span> "
        f"<code>{escape(mistake.block)}</code>, score {mistake.score:.4f}{others}</summary>"
        f"<pre>{chr(10).join(lines)}{more}</pre></details>"
    )


def _every(figures: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(key)}</code></td><td class=n>{number(value)}</td></tr>" for key, value in _flat(figures)
    )
    head = "<h2>Every figure</h2><details><summary>as in report.json, the curve left out</summary>"
    return f"{head}{wide([rows])}</details>"


def _run(run: Provenance | None) -> str:
    if run is None:
        return ""
    told = run.as_json()
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td><code>{escape(str(value))}</code></td></tr>"
        for table in ({"seed": told["seed"]}, told["versions"], {f"SHA-256 {k}": v for k, v in told["sha256"].items()})
        for name, value in table.items()
    )
    return f"<h2>To get the same</h2><pre>{escape(run.command)}</pre>{wide([rows])}"


def interval(found: list[float] | None, sign: str = "") -> str:
    """A 95 % interval, to stand below its figure; ``sign`` is ``+`` for what may be negative."""
    return f"<small>{found[0]:{sign}.4f} to {found[1]:{sign}.4f}</small>" if found else ""


def _flat(found: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in found.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif key != "curve":
            yield f"{prefix}{key}", value


def _at(found: Mapping[str, Any], path: str) -> Any:
    for key in path.split("."):
        found = found[key]
    return found


def number(value: Any) -> str:
    """A figure as a person reads it; a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, list):
        return ", ".join(map(number, value))
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) >= 1e-3 or value == 0 else f"{value:.2e}"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))
