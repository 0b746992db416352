"""What a check has found. Knows no check."""

from typing import Literal, NamedTuple

from stream.errors import UserError

State = Literal["ok", "wrong", "skipped"]


class Finding(NamedTuple):
    """One line about one thing: ``mend`` says what to do about what is wrong, and is empty for all else."""

    check: str
    what: str
    state: State
    said: str
    mend: str = ""


def of_error(check: str, what: str, error: UserError) -> Finding:
    """An error's line says what is wrong and, behind the first semicolon, what to do."""
    said, _, mend = str(error).partition("; ")
    return Finding(check, what, "wrong", said, mend)
