"""The settings: variables that are none, files that are not there."""

import os
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from pathlib import Path

from stream.doctor.finding import Finding
from stream.settings import Settings

CHECK = "settings"
_PREFIX = "TINYLOGBERT_"
_FILES = (".location", ".keytab")  # what properties of Kafka's client are called that name a file


def _readable(path: Path) -> bool:
    return os.access(path, os.R_OK)


def configured(
    settings: Settings,
    environment: Mapping[str, str],
    others: Collection[str] = (),
    readable: Callable[[Path], bool] = _readable,
) -> list[Finding]:
    """``others`` are variables with our prefix that are no settings. Names are told, never values."""
    wrong = [*_unknown(environment, others), *_unreadable(settings, readable)]
    if wrong:
        return wrong
    defaults = Settings.model_construct()
    own = [n for n in Settings.model_fields if n != "kafka" and getattr(settings, n) != getattr(defaults, n)]
    own += ["kafka"] * bool(settings.kafka)
    said = f"not the default: {', '.join(own)}" if own else "all have their defaults"
    return [Finding(CHECK, "settings", "ok", said)]


def _unknown(environment: Mapping[str, str], others: Collection[str]) -> list[Finding]:
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields} | set(others)
    found = []
    for name in sorted(environment):
        if name.upper().startswith(_PREFIX) and name.upper() not in known:
            near = get_close_matches(name.upper(), sorted(known), 1)
            mend = f"did you mean {near[0]}?" if near else "take it out of the environment"
            found.append(Finding(CHECK, name, "wrong", "this variable is no setting and does nothing", mend))
    return found


def _unreadable(settings: Settings, readable: Callable[[Path], bool]) -> list[Finding]:
    files = {f"kafka {name}": value for name, value in settings.kafka.items() if name.endswith(_FILES)}
    if settings.api_token_file is not None:
        files["api_token_file"] = str(settings.api_token_file)
    mend = "name a file that is there, and let this user read it"
    return [
        Finding(CHECK, name, "wrong", f"{file} cannot be read", mend)
        for name, file in files.items()
        if not readable(Path(file)) and file != "probe"  # the word that lets OpenSSL look for authorities
    ]
