"""The round: every check in turn, each within its time, those left out that cannot be made. Never hangs."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from stream.doctor.finding import Finding, of_error
from stream.errors import UserError


class Check(NamedTuple):
    """``look`` may take its time and raise UserError; ``needs`` names a check without whose success it is left out."""

    name: str
    what: str
    look: Callable[[], list[Finding]]
    needs: str | None = None


def examined(
    checks: Sequence[Check], seconds: float, told: Callable[[str], None] = lambda _name: None
) -> Iterator[Finding]:
    """Yield what the checks find, in their order; each has so many seconds. ``told`` is called with the next's name.

    One that does not come back is left behind in a thread that ends with the process.
    """
    failed: set[str] = set()
    for check in checks:
        told(check.name)
        if check.needs in failed:
            failed.add(check.name)
            yield Finding(check.name, check.what, "skipped", f"not to be looked at: see {check.needs}")
            continue
        findings = _within(check, seconds)
        if any(finding.state == "wrong" for finding in findings):
            failed.add(check.name)
        yield from findings


def _within(check: Check, seconds: float) -> list[Finding]:
    found: list[Finding] = []
    failures: list[BaseException] = []

    def look() -> None:
        try:
            found.extend(check.look())
        except UserError as error:
            found.append(of_error(check.name, check.what, error))
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=look, name=f"doctor-{check.name}", daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if thread.is_alive():
        said = f"no answer within {seconds:g} s"
        return [Finding(check.name, check.what, "wrong", said, "try again with a longer --timeout")]
    return found
