"""The table: every figure beside its goal."""

from typing import Any

from rich.table import Table

MIB = 2**20
GOAL_MIB, GOAL_S, GOAL_FLAT = 1024, 10.0, 10.0


def figures(
    windows: int, read: dict[str, Any], found: dict[str, Any], work: dict[str, Any], changelog: int
) -> dict[str, Any]:
    """What was measured with so many windows, in MiB, s, bytes and microseconds."""
    return {
        "windows": windows,
        "open": found["open"],
        "changelog_mib": changelog / MIB,
        "restore_s": found["seconds"],
        "restore_cpu_s": found["cpu_seconds"],
        "kafka_s": read["seconds"],
        "before_mib": found["before"] / MIB,
        "after_mib": found["after"] / MIB,
        "peak_mib": found["peak"] / MIB,
        "bytes_a_window": (found["after"] - found["before"]) / windows,
        "random_us": found["random_us"],
        "recent_us": found["recent_us"],
        "daemon_us": work["daemon_us"],
    }


def table(runs: list[dict[str, Any]]) -> Table:
    """One column for each number of windows."""
    shown = Table(title="Open windows: restored from a real changelog in a fresh process")
    shown.add_column("")
    for run in runs:
        shown.add_column(f"{run['windows']:,}", justify="right")
    shown.add_column("goal")
    rows = [
        ("open windows", "open", "{:,.0f}", "all"),
        ("changelog, MiB", "changelog_mib", "{:,.0f}", ""),
        ("restored in, s", "restore_s", "{:.1f}", f"≤ {GOAL_S:.0f}"),
        ("  own processor time, s", "restore_cpu_s", "{:.1f}", ""),
        ("  reading Kafka alone, s", "kafka_s", "{:.1f}", ""),
        ("resident before, MiB", "before_mib", "{:,.0f}", ""),
        ("resident after, MiB", "after_mib", "{:,.0f}", f"≤ {GOAL_MIB:,}"),
        ("resident at most, MiB", "peak_mib", "{:,.0f}", f"≤ {GOAL_MIB:,}"),
        ("bytes a window", "bytes_a_window", "{:,.0f}", ""),
        ("a line of a random window, µs", "random_us", "{:.2f}", f"+{GOAL_FLAT:.0f} %"),
        ("a line as streams have it, µs", "recent_us", "{:.2f}", f"+{GOAL_FLAT:.0f} %"),
        ("  the same in the daemon, both stages, µs", "daemon_us", "{:.2f}", f"+{GOAL_FLAT:.0f} %"),
    ]
    for name, key, form, goal in rows:
        shown.add_row(name, *(form.format(run[key]) for run in runs), goal)
    return shown
