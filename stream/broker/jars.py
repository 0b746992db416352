"""Kafka's jars: resolved once from a Maven repository by jgo into the user's cache, then only looked at.

The class path is kept beside the jars, so that a second start reads one small file and touches no network.
Knows nothing of Java or of how the broker runs.
"""

import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext, PythonResolver

from stream.broker.files import locked, write_atomically
from stream.errors import BrokerError

KAFKA_VERSION = "4.1.0"
_KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
# Kafka's own dependencies hold log4j's core but not its binding to slf4j, without which nothing is logged.
# Taken alone: its dependency management, if let in, would replace kafka-clients by an older one.
_LOG_BINDING = ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.24.3")

Progress = Callable[[str], None]


def kafka_jars(cache_dir: Path, progress: Progress, repository: str | None = None) -> list[Path]:
    """The class path of Kafka ``KAFKA_VERSION``; if absent, fetched from ``repository`` (or Central).

    Raises:
        BrokerError: the jars are not in the cache and cannot be fetched.
        OSError: the cache folder cannot be written.
    """
    if jars := _remembered(cache_dir):
        return jars
    cache_dir.mkdir(parents=True, exist_ok=True)
    with locked(cache_dir / "lock"):
        return _remembered(cache_dir) or _fetch(cache_dir, progress, repository or MAVEN_CENTRAL_URL)


def _list_file(cache_dir: Path) -> Path:
    return cache_dir / f"kafka-{KAFKA_VERSION}.json"


def _remembered(cache_dir: Path) -> list[Path] | None:
    """The class path of an earlier fetch, if every jar is still there with its size."""
    try:
        sizes = json.loads(_list_file(cache_dir).read_text())
        intact = all((cache_dir / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return None  # absent or damaged alike: fetched again
    return [cache_dir / name for name in sizes] if intact and sizes else None


def _fetch(cache_dir: Path, progress: Progress, repository: str) -> list[Path]:
    folder = cache_dir / "repository"
    _drop_damaged(folder)
    try:
        jars = _resolve(folder, progress, repository)
    except (OSError, RuntimeError, ValueError, SyntaxError) as error:  # requests' errors are OSErrors
        place = urlsplit(repository).netloc.rpartition("@")[2] or repository
        raise BrokerError(
            f"Apache Kafka {KAFKA_VERSION} could not be fetched from {place} "
            f"({_short(error)}); check the network and HTTPS_PROXY, then run this again"
        ) from error
    if damaged := _drop_damaged(folder):
        raise BrokerError(f"{damaged[0].name} arrived damaged and was removed from {folder}; run this again")
    sizes = {str(jar.relative_to(cache_dir)): jar.stat().st_size for jar in jars}
    write_atomically(_list_file(cache_dir), json.dumps(sizes, indent=1))
    return jars


def _resolve(folder: Path, progress: Progress, repository: str) -> list[Path]:
    @contextmanager
    def show(name: str, size: int) -> Iterator[Callable[[int], None]]:
        progress(f"fetching Apache Kafka {KAFKA_VERSION}, about 45 MB, this once: {name}")
        yield lambda count: None

    progress(f"fetching Apache Kafka {KAFKA_VERSION}, about 45 MB, this once: which jars it needs")
    context = MavenContext(
        resolver=PythonResolver(progress_callback=show),
        repo_cache=folder,
        remote_repos={"central": repository.rstrip("/")},
        timeout=30,
    )
    own, needed = context.resolver.resolve([context.create_dependency(_KAFKA)])
    group, name, version = _LOG_BINDING
    binding = context.project(group, name).at_version(version).artifact()
    return [Path(a.resolve()) for a in [*(d.artifact for d in own + needed), binding]]


def _drop_damaged(folder: Path) -> list[Path]:
    """Removes what an interrupted download left: jgo writes in place, and trusts whatever exists."""
    damaged = [path for path in sorted(folder.rglob("*.*")) if path.is_file() and not _whole(path)]
    for path in damaged:
        path.unlink()
    return damaged


def _whole(path: Path) -> bool:
    try:
        if path.suffix == ".pom":
            ElementTree.parse(path)
        elif path.suffix == ".jar":
            with zipfile.ZipFile(path) as jar:
                return jar.testzip() is None
    except (ElementTree.ParseError, zipfile.BadZipFile):
        return False
    return True


def _short(error: BaseException) -> str:
    """The innermost cause in one line: requests and urllib3 wrap it several times."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:159] + "…"
