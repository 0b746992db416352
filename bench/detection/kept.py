"""What was measured is kept, so that a run that is cut goes on where it was.

It goes by the content of everything that decides it: the description, which names data, method, fold and seed, and the
code that learns and judges. So no figure is of another state of the project.
"""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

_CODE = ("model", "training", "stream/lines", "stream/windows", "stream/simulator", "bench/detection")
_NO_MATTER = ("show.py", "__main__.py")


class Kept:
    """Results of fits, and checkpoints that are not done, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._code = _digest_of_code()

    def result(self, what: dict[str, Any], compute: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
        """What is kept under this description, or what ``compute`` finds, with the description.

        ``compute`` is given a folder, the same one each time, for what a cut run may go on with.
        """
        described = self._code + orjson.dumps(what, option=orjson.OPT_SORT_KEYS)
        key = hashlib.blake2b(described, digest_size=12).hexdigest()
        file, place = self._folder / f"{key}.json", self._folder / key
        if file.is_file():
            kept: dict[str, Any] = orjson.loads(file.read_bytes())
            return kept
        self._folder.mkdir(parents=True, exist_ok=True)
        found = {**what, **compute(place)}
        new = file.with_suffix(".new")
        new.write_bytes(orjson.dumps(found))
        new.rename(file)
        shutil.rmtree(place, ignore_errors=True)
        return found


def _digest_of_code() -> bytes:
    root = Path(__file__).parents[2]
    digest = hashlib.blake2b(digest_size=12)
    for room in _CODE:
        for file in sorted((root / room).rglob("*.py")):
            if file.name not in _NO_MATTER:
                digest.update(file.read_bytes())
    return digest.digest()
