"""One large file over HTTP, that goes on where it was cut. Knows nothing of what is in it.

The bytes go to ``<name>.part``, which stays when the transfer fails or is interrupted and is asked for from its end the
next time (RFC 9110, 14: Range). A server that knows no ranges is begun with anew. Proxies and certificates are those of
the environment (``HTTPS_PROXY``, ``REQUESTS_CA_BUNDLE``), as ``requests`` reads them.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import requests

from stream.errors import InputError
from stream.files import Told

_TIMEOUT_S = (10, 60)  # to connect; without a byte
_CHUNK = 1 << 16  # of a chunk that is cut, nothing is kept
_PARTIAL, _OK = 206, 200


def fetch(url: str, path: Path, size: int, told: Told = lambda _done, _of: None) -> Path:
    """Fetch ``size`` bytes to ``<path>.part`` and return that path; whoever trusts the bytes renames it.

    What is there is not fetched again. A transfer that is cut goes on by itself as long as it gets further each time.

    Raises:
        InputError: in one line: no network, another answer than a file, another size, a full disk, somebody else
            fetches to the same place.
    """
    part = path.with_name(f"{path.name}.part")
    with _writable(part) as file:
        there = _end(file, size)
        while there < size:
            best = there
            cut = _go_on(url, file, there, size, told)
            there = _end(file, size)
            if cut is not None and there <= best:
                raise InputError(_cut_short(url, there, size, cut)) from cut
    return part


@contextmanager
def _writable(part: Path) -> Iterator[BinaryIO]:
    """The file, held by this process alone."""
    try:
        with part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
    except BlockingIOError as error:
        raise InputError(f"another process fetches to {part}; wait for it, or end it") from error
    except OSError as error:
        raise InputError(f"cannot write {part}: {error.strerror or error}") from error


def _end(file: BinaryIO, size: int) -> int:
    """Bytes that are there; more than there can be are none."""
    file.flush()
    end = file.seek(0, 2)
    if end > size:
        file.truncate(0)
        return 0
    return end


def _go_on(url: str, file: BinaryIO, there: int, size: int, told: Told) -> requests.RequestException | None:
    """Append what is missing, as far as it comes; return what cut it, None if nothing did."""
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={there}-"} if there else {})}
    try:
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as answer:
            there = _begin(answer, url, there, size)
            file.truncate(there)
            for chunk in answer.iter_content(_CHUNK):
                there += len(chunk)
                if there > size:
                    raise InputError(_other_size(url, there, size))
                file.write(chunk)
                told(there, size)
    except requests.RequestException as error:
        return error
    if there < size:  # a server that tells no length can end early and look as if it were done
        return requests.ConnectionError("the server ended too early")
    return None


def _begin(answer: requests.Response, url: str, asked: int, size: int) -> int:
    """The place in the file at which the body of the answer begins."""
    if answer.status_code == _PARTIAL and asked:
        begins, total = _content_range(answer.headers.get("Content-Range", ""))
        if begins != asked or total not in (None, size):
            raise InputError(f"{_host(url)} sent other bytes than asked for; remove the .part file and run this again")
        return asked
    if answer.status_code != _OK:
        raise InputError(f"{_host(url)} answers {answer.status_code} {answer.reason} for {urlsplit(url).path}")
    length = answer.headers.get("Content-Length", "")
    if length.isdigit() and int(length) != size:
        raise InputError(_other_size(url, int(length), size))
    return 0


def _content_range(value: str) -> tuple[int | None, int | None]:
    """First byte and size of the whole of ``bytes 5-9/10``; None for what is not said."""
    span, _, total = value.removeprefix("bytes ").partition("/")
    begins = span.partition("-")[0]
    return int(begins) if begins.isdigit() else None, int(total) if total.isdigit() else None


def _other_size(url: str, found: int, size: int) -> str:
    return f"{_host(url)} has another file at {urlsplit(url).path}: {found:,} bytes or more, it must be {size:,}"


def _cut_short(url: str, there: int, size: int, cut: BaseException) -> str:
    if there:
        rest = f"{there / 1e6:,.1f} of {size / 1e6:,.1f} MB are kept; run this again to go on"
    else:
        rest = "check the address, the network and HTTPS_PROXY, then run this again"
    return f"cannot fetch from {_host(url)} ({_short(cut)}); {rest}"


def _host(url: str) -> str:
    """Where it is from, without a password that may stand in the address."""
    return urlsplit(url).netloc.rpartition("@")[2] or repr(url)


def _short(error: BaseException) -> str:
    """The innermost cause in one line: requests and urllib3 wrap it several times."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:159] + "…"
