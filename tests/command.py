"""The ``tinylogbert`` command within the test's process: exit code, stdout and stderr as a person gets them."""

from pathlib import Path
from typing import NamedTuple

import pytest

from stream.__main__ import main


class Ran(NamedTuple):
    code: object
    out: bytes
    err: str


class Command:
    """Call it with the arguments; it ends as the process would."""

    def __init__(self, capture: pytest.CaptureFixture[bytes]) -> None:
        self._capture = capture

    def __call__(self, *arguments: str | Path) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = self._capture.readouterr()
        return Ran(ended.value.code, out, err.decode())
