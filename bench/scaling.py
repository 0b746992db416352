"""``python -m bench.scaling``: what docs/scaling.md derives from its table of inputs, written back into the page.

Arithmetic and nothing else: who measures anew changes the table of inputs and runs this. A test holds the page to it.
"""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from stream.cli import run

RATES = {"10 thousand": 1e4, "1 million": 1e6, "100 million": 1e8}
"""Lines a second."""
_INPUT = re.compile(r"^\| `(\w+)` \| ([\d.,]+) \|", re.MULTILINE)
_DERIVED = re.compile(r"(<!-- derived: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_MB, _GIB, _TB, _DAY_S = 1e6, 2**30, 1e12, 86_400

Inputs = Mapping[str, float]


class Plan:
    """What so many lines a second need; ``keyed``: no route stage. Fields of ``inputs`` as the page describes them."""

    def __init__(self, inputs: Inputs, lines: float, keyed: bool, close_after_h: float) -> None:
        self.inputs, self.lines, self.keyed = inputs, lines, keyed
        self.closed = lines / inputs["lines_a_window"]
        self.open = self.closed * (inputs["life_s"] + close_after_h * 3600)
        full = inputs["keyed_lines_s" if keyed else "any_key_lines_s"]
        self.workers = math.ceil(lines / (full * inputs["use"]))
        self.partitions = max(self.workers, math.ceil(self.open / inputs["windows_a_partition"]))
        self.commits = 1 / inputs["commit_s"]

    @property
    def memory_gib(self) -> float:
        """Of all open windows."""
        return self.open * self.inputs["window_bytes"] / _GIB

    @property
    def restore_s(self) -> float:
        """For one worker to read the windows that are its share."""
        return self.open / self.workers / 1e6 * self.inputs["restore_s_a_million"]

    def model_cores(self, missed: float) -> float:
        """Processors that TinyLogBERT keeps busy if it is asked for this share of the scores."""
        return self.lines * self.inputs["scores_a_line"] * missed / self.inputs["model_windows_s"]

    @property
    def control(self) -> float:
        """Records a second in which every raw partition tells every lines partition how far it is."""
        return 0.0 if self.keyed else self.partitions**2 * self.commits

    @property
    def transactions(self) -> float:
        """A second: one a stage, worker and commit."""
        return self.workers * self.commits * (1 if self.keyed else 2)

    @property
    def line_bytes(self) -> float:
        """What a line costs in topics of lines: once if it is keyed already, else a second time with its key."""
        raw = self.inputs["line_bytes"]
        return raw if self.keyed else 2 * raw + self.inputs["key_bytes"]

    @property
    def written_mb(self) -> float:
        """Written to Kafka a second, before replication."""
        inputs = self.inputs
        a_line = self.line_bytes + inputs["changelog_bytes_a_line"] + inputs["events_a_line"] * inputs["event_bytes"]
        return (self.lines * a_line + self.control * inputs["control_bytes"]) / _MB

    @property
    def brokers(self) -> int:
        """If each writes what is assumed of it, replicas among that."""
        return math.ceil(self.written_mb * self.inputs["replicas"] / self.inputs["broker_mb_s"])

    @property
    def day_tb(self) -> float:
        """What a day of lines takes, replicas among that."""
        return self.lines * self.line_bytes * self.inputs["replicas"] * _DAY_S / _TB


_ROWS: tuple[tuple[str, Callable[[Plan], float]], ...] = (
    ("clusters like that of HDFS_v1", lambda plan: plan.lines / plan.inputs["cluster_lines_s"]),
    ("windows that close a second", lambda plan: plan.closed),
    ("open windows", lambda plan: plan.open),
    ("their memory, GiB", lambda plan: plan.memory_gib),
    ("workers, a core each", lambda plan: plan.workers),
    ("cores for TinyLogBERT", lambda plan: plan.model_cores(plan.inputs["missed"])),
    ("… if no score were remembered", lambda plan: plan.model_cores(1)),
    ("partitions", lambda plan: plan.partitions),
    ("memory of one worker's windows, GiB", lambda plan: plan.memory_gib / plan.workers),
    ("to restore one worker's windows, s", lambda plan: plan.restore_s),
    ("transactions a second", lambda plan: plan.transactions),
    ("control records a second", lambda plan: plan.control),
    ("… a line", lambda plan: plan.control / plan.lines),
    ("written to Kafka, MB/s before replicas", lambda plan: plan.written_mb),
    ("brokers for that", lambda plan: plan.brokers),
    ("a day of lines with replicas, TB", lambda plan: plan.day_tb),
)


def inputs_of(page: str) -> dict[str, float]:
    """The page's table of inputs."""
    return {name: float(value.replace(",", "")) for name, value in _INPUT.findall(page)}


def rewritten(page: str) -> str:
    """The page with its derived tables made anew of its inputs."""
    inputs = inputs_of(page)
    kinds = {"default": (False, inputs["close_after_h"]), "keyed": (True, inputs["short_close_after_h"])}

    def table(found: re.Match[str]) -> str:
        plans = [Plan(inputs, lines, *kinds[found[2]]) for lines in RATES.values()]
        head = f"| lines a second | {' | '.join(RATES)} |\n|---|{'---:|' * len(RATES)}\n"
        rows = (f"| {name} | {' | '.join(_shown(value(plan)) for plan in plans)} |\n" for name, value in _ROWS)
        return f"{found[1]}{head}{''.join(rows)}{found[3]}"

    return _DERIVED.sub(table, page)


def _shown(value: float) -> str:
    """Two significant digits, since the inputs are no better."""
    if not value:
        return "0"
    if isinstance(value, int) and value < 100:
        return str(value)
    digits = 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    for size, word in ((1e9, "billion"), (1e6, "million")):
        if rounded >= size:
            return f"{rounded / size:,g} {word}"
    return f"{rounded:,.{max(digits, 0)}f}"


@click.command(epilog="\b\nExample:\n  python -m bench.scaling docs/scaling.md")
@click.argument("page", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(page: Path) -> None:
    """Work out the derived tables of a page from its table of inputs."""
    page.write_text(rewritten(page.read_text()))


if __name__ == "__main__":
    run(main, "python -m bench.scaling")
