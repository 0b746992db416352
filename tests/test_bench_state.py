"""The measurement of the state runs, and finds every window again."""

import json
import subprocess
import sys
from pathlib import Path


def test_windows_are_written_restored_and_measured(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.state", "--windows", "2000", "--lines", "3", "--partitions", "2"]
    done = subprocess.run(
        [*command, "--more", "3000", "--json", str(tmp_path / "state.json")],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "resident at most, MiB" in done.stdout
    runs = json.loads((tmp_path / "state.json").read_text())
    assert [(run["windows"], run["open"]) for run in runs] == [(20, 20), (200, 200), (2000, 2000)]
    assert all(run["restore_s"] > 0 and run["peak_mib"] >= run["before_mib"] > 0 for run in runs)
    assert all(run["random_us"] > 0 and run["recent_us"] > 0 and run["daemon_us"] > 0 for run in runs)
