"""What evidence should name for each of the simulator's failures, and where it does. Knows no model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stream.lines import LineReader
from stream.simulator import FAILURES, example
from stream.simulator.events import Kind


@dataclass(frozen=True, slots=True)
class Truth:
    """Masked texts of a failure: lines that it writes and a healthy life does not; lines that it leaves out."""

    at_fault: frozenset[str]
    missing: frozenset[str]

    def place(self, evidence: Sequence[Mapping[str, Any]]) -> int | None:
        """Number, from 1, of the first entry of an event's evidence that names the fault; None if none does.

        Where the failure writes a line of its own, that line is the fault; else what is missing has to be ``expected``.
        """
        for number, entry in enumerate(evidence, 1):
            named = {entry["text"]} if self.at_fault else set(entry["expected"])
            if named & (self.at_fault or self.missing):
                return number
        return None


def truths() -> dict[str, Truth]:
    """The truth of each failure, by its name."""
    reader = LineReader()

    def texts(kinds: Iterable[Kind]) -> frozenset[str]:
        return frozenset(reader.text(example(kind)) for kind in kinds)

    return {name: Truth(texts(failure.at_fault), texts(failure.missing)) for name, failure in FAILURES.items()}
