"""requirements.txt without PyTorch and the CUDA packages that its usual build brings; or, with --torch, its pin alone.

python deploy/without_cuda.py [--torch] requirements.txt
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

_LEFT_OUT = re.compile(r"(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)==")


def entries(text: str) -> Iterator[str]:
    """The requirements of a file, each with its hashes; comments are left out."""
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith("#")]
    yield from re.findall(r"(?:.*\\\n)*.+\n", "".join(lines))


def without_cuda(text: str) -> str:
    """All but PyTorch and what comes with its CUDA build."""
    return "".join(entry for entry in entries(text) if not _LEFT_OUT.match(entry))


def torch_alone(text: str) -> str:
    """``torch==VERSION``, without the hashes, which are those of another build."""
    [pinned] = re.findall(r"^torch==[\w.]+", text, re.MULTILINE)
    return f"{pinned}\n"


if __name__ == "__main__":
    content = Path(sys.argv[-1]).read_text()
    sys.stdout.write(torch_alone(content) if "--torch" in sys.argv[1:-1] else without_cuda(content))
