"""The cost of server and page: the command with a real server and a real browser, on a few events."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium (on Debian: apt-get install chromium)")
def test_every_alarm_that_is_sent_is_seen_on_the_page() -> None:
    command = [sys.executable, "-m", "bench.page", "--rate", "300", "--seconds", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = re.search(r"([\d,]+) events at (\d+) a second: the server takes (\d+)% of a core", done.stdout)
    assert said is not None, done.stdout
    events = int(said[1].replace(",", ""))
    assert 800 <= events <= 900
    assert f"; {-(-events // 100)} alarms were on the page" in done.stdout
    assert done.stdout.rstrip().endswith(", 0 never")
