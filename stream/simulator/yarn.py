"""Lines of a YARN cluster's node managers, which exist only here: the lives of containers, some of which fail.

    python -m stream.simulator.yarn --containers 2000 --seed 1 --out yarn.log --labels yarn.csv

What is to be windowed is a container (``--block-pattern 'container_[0-9_]+'``), and not a block: see docs/formats.md.
The forms of the lines are those of Hadoop 2's NodeManager.
"""

import argparse
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

_START = datetime(2023, 10, 10, 8)
_STATES = ("NEW", "LOCALIZING", "SCHEDULED", "RUNNING")
_STATE = "container.ContainerImpl: Container {id} transitioned from {a} to {b}"
_BEGIN = "containermanager.ContainerManagerImpl: Start request for {id} by user hadoop"
_SIZE = "monitor.ContainersMonitorImpl: Memory usage of ProcessTree 4711 for container-id {id}: 410.2 MB of 1 GB used"
_ENDS = (
    _STATE.format(id="{id}", a="RUNNING", b="EXITED_WITH_SUCCESS"),
    "launcher.ContainerLaunch: Cleaning up container {id}",
    _STATE.format(id="{id}", a="EXITED_WITH_SUCCESS", b="DONE"),
    "application.ApplicationImpl: Removing {id} from application application_1696924950_0001",
)
_TRACE = "\n".join(
    (
        "org.apache.hadoop.util.Shell$ExitCodeException: exit code=1",
        "\tat org.apache.hadoop.util.Shell.runCommand(Shell.java:604)",
        "\tat org.apache.hadoop.util.Shell.run(Shell.java:507)",
    )
)
_FAILURES: tuple[list[str], ...] = (
    ["WARN nodemanager.DefaultContainerExecutor: Exit code from container {id} is : 1\n" + _TRACE],
    ["WARN monitor.ContainersMonitorImpl: Container {id} is running beyond physical memory limits. Killing container."],
    [],  # it is never heard of again
)


def life(name: str, failure: list[str] | None) -> list[str]:
    """What is logged of a container, without the times; ``failure`` is what is logged where its end should be."""
    lines = [_BEGIN, *(_STATE.format(id="{id}", a=a, b=b) for a, b in pairwise(_STATES))]
    lines += [_SIZE] * 2
    lines += _ENDS if failure is None else failure
    return [line.format(id=name) if line.startswith("WARN ") else f"INFO {line.format(id=name)}" for line in lines]


def simulate(containers: int, rate: float, seed: int) -> Iterator[tuple[datetime, str, str, bool]]:
    """Time, line, container and whether it fails, one container after the other."""
    rng = random.Random(seed)
    for number in range(1, containers + 1):
        name = f"container_1696924950_{number // 50 + 1:04}_01_{number % 50 + 1:06}"
        failure = rng.choice(_FAILURES) if rng.random() < rate else None
        at = _START + timedelta(seconds=2 * number)
        for line in life(name, failure):
            yield at, line, name, failure is not None
            at += timedelta(milliseconds=rng.randrange(50, 5_000))


def main() -> None:
    """Write log and labels."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--containers", type=int, default=2_000)
    parser.add_argument("--anomaly-rate", type=float, default=0.03)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    asked = parser.parse_args()
    told = list(simulate(asked.containers, asked.anomaly_rate, asked.seed))
    failed = {name: fails for _, _, name, fails in told}
    lines = (f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03} {line}\n" for at, line, _, _ in sorted(told))
    asked.out.write_text("".join(lines))
    rows = (f"{name},{'Anomaly' if fails else 'Normal'}\n" for name, fails in failed.items())
    asked.labels.write_text("BlockId,Label\n" + "".join(rows))


if __name__ == "__main__":
    main()
