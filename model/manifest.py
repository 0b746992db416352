"""What a folder's config.json says of its files, and of itself: names, sizes, SHA-256; checked before any is parsed.

So a file that was cut short, exchanged or edited since it was saved is seen, and one of another checkpoint. It is no
signature: whoever may write all of the folder may write the record, too. Loads no heavy library.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model.folder import CONFIG, config_of

FORMAT = 2
"""What is written: since 2 there is a record."""
OLDEST = 2
"""What is read. At 2, a folder without a record is refused."""
_OURS = "tinylogbert"


def seal(folder: Path, names: Sequence[str]) -> None:
    """Put into the folder's config.json what its other files are; the last thing that saving does."""
    config = json.loads((folder / CONFIG).read_bytes())
    others = {name: (folder / name).read_bytes() for name in names if name != CONFIG}
    files = {name: {"bytes": len(content), "sha256": _hash(content)} for name, content in sorted(others.items())}
    ours = {**config[_OURS], "format": FORMAT, "files": files}
    ours["sha256"] = hash_of_config({**config, _OURS: ours})
    (folder / CONFIG).write_text(json.dumps({**config, _OURS: ours}, indent=2, sort_keys=True) + "\n")


def read_checked(folder: Path, names: Sequence[str], oldest: int = OLDEST) -> dict[str, bytes]:
    """The content of the named files, in this order, each read once and found to be what was saved.

    Sizes are compared before anything large is read. Raises ValueError, in one line, for a file that is another one,
    for names that differ, for a format that is older than ``oldest`` or newer than ours; OSError.
    """
    found = config_of(folder)
    ours = json.loads(found)[_OURS]
    if (version := _format(ours)) < oldest:
        raise ValueError(f"{CONFIG} does not say what its files are (format {version}), as folders have done since 2")
    if version == 1:
        return {name: found if name == CONFIG else (folder / name).read_bytes() for name in names}
    _require_itself(found)
    record = _record(ours, names)
    for name, (size, _) in record.items():
        _require_size(name, (folder / name).stat().st_size, size)
    return {name: found if name == CONFIG else _read(folder / name, *record[name]) for name in names}


def hash_of_config(config: Mapping[str, Any]) -> str:
    """SHA-256 of what a config.json says, but for this hash; its layout does not matter."""
    ours = {key: value for key, value in config[_OURS].items() if key != "sha256"}
    return _hash(json.dumps({**config, _OURS: ours}, sort_keys=True).encode())


def _format(ours: Mapping[str, Any]) -> int:
    version = ours.get("format", 1)
    if type(version) is not int or version < 1:
        raise ValueError(f"{CONFIG} names the format {version!r}, which is none")
    if version > FORMAT:
        raise ValueError(f"{CONFIG} has format {version}, this version reads up to {FORMAT}; install a newer one")
    return version


def _require_itself(content: bytes) -> None:
    config = json.loads(content)
    if config[_OURS].get("sha256") != hash_of_config(config):
        raise ValueError(f"{CONFIG} has been changed since it was saved")


def _record(ours: Mapping[str, Any], names: Sequence[str]) -> dict[str, tuple[int, str]]:
    files = ours["files"]
    if set(files) != (expected := set(names) - {CONFIG}):
        raise ValueError(f"{CONFIG} belongs to {_listed(files)}, not to {_listed(expected)}")
    return {name: (files[name]["bytes"], files[name]["sha256"]) for name in sorted(files)}


def _read(file: Path, size: int, sha256: str) -> bytes:
    with file.open("rb") as opened:
        content = opened.read(size + 1)  # it may have grown since it was measured
    _require_size(file.name, len(content), size)
    if _hash(content) != sha256:
        raise ValueError(f"{file.name} has been changed since it was saved, or is that of another checkpoint")
    return content


def _require_size(name: str, found: int, saved: int) -> None:
    if found != saved:
        more = "more than" if found > saved else f"{found:,} of"
        raise ValueError(f"{name} has {more} the {saved:,} bytes that were saved")


def _listed(names: Sequence[str] | set[str]) -> str:
    return ", ".join(sorted(names)) or "no files"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
