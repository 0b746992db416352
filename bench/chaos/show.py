"""The outcome as a table for people, and as JSON values for machines."""

from statistics import median
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.chaos.run import Outcome


def facts(outcome: Outcome) -> dict[str, Any]:
    """What was done, by name; durations in s."""
    done, tally = outcome.run.done, outcome.crew.tally
    seconds = [seconds for _, seconds in tally.restores]
    busy = done.outage_cpu_s / done.outage_daemon_s if done.outage_daemon_s else 0.0
    return {
        "lines": outcome.lines,
        "windows": outcome.windows,
        "daemons killed": done.accidents["kill"],
        **{f"… {moment}": count for moment, count in sorted(done.kills.items())},
        "daemons that stood still": done.accidents["freeze"],
        "broker killed": done.accidents["broker"],
        "… seconds away, in all": round(sum(outcome.away), 1),
        "… longest": round(max(outcome.away, default=0.0), 1),
        "… share of a core that a daemon took meanwhile": round(busy, 3),
        "… daemons that found no broker at their start, and said so": outcome.crew.refusals,
        "workers joined": done.accidents["join"],
        "workers left": done.accidents["leave"],
        "transactions aborted": tally.counts["transaction aborted"],
        "partitions lost to others": tally.counts["lost"],
        "fenced": tally.counts["fenced"],
        "restores": len(seconds),
        "… records, in all": sum(records for records, _ in tally.restores),
        "… seconds, median": round(median(seconds or [0.0]), 3),
        "… seconds, longest": round(max(seconds, default=0.0), 3),
        "longest time without progress, s": round(outcome.run.longest, 1),
        "seconds of accidents": round(outcome.run.storm_s, 1),
        "seconds until all was closed then": round(outcome.run.drained_s, 1),
        "seconds of the undisturbed run": round(outcome.calm_s, 1),
        "ended early, for time was over": done.out_of_time,
    }


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Everything, for a file."""
    checks = [
        {"what": check.what, "count": check.count, "wrong": len(check.wrong), "examples": list(check.examples)}
        for check in outcome.checks
    ]
    return {
        "ok": outcome.ok,
        "did": facts(outcome),
        "found": checks,
        "aborts": dict(outcome.crew.tally.aborts.most_common()),
    }


def show(outcome: Outcome, console: Console) -> None:
    """What was done, then what was found; of what is wrong, examples."""
    did = Table("what was done", "", show_edge=False)
    for name, value in facts(outcome).items():
        did.add_row(name, f"{value:,}" if not isinstance(value, bool) else "yes" if value else "no")
    found = Table("what was found", "looked at", "wrong", "", show_edge=False)
    for check in outcome.checks:
        found.add_row(check.what, f"{check.count:,}", f"{len(check.wrong):,}", "ok" if check.ok else "NOT OK")
    console.print(did, "", found)
    for text, count in outcome.crew.tally.aborts.most_common():
        console.print(f"aborted {count} times: {escape(text)}", highlight=False, soft_wrap=True)
    for check in outcome.checks:
        for example in check.examples:
            console.print(f"{check.what}: {escape(example)}", highlight=False, soft_wrap=True)
