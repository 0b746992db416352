"""The token that guards the API: compared in constant time, and kept out of whatever is shown.

A browser that has said the token once gets a *ticket* instead: when it ends, signed with the token. So the server
remembers nothing, and another token makes all tickets void.
"""

import hmac
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from stream.errors import InputError

VARIABLE = "TINYLOGBERT_API_TOKEN"
TICKET_S = 12 * 3600
_LEAST = 16


class Token:
    """A secret of at least 16 characters; raises InputError for a shorter one, or one that no header can carry."""

    def __init__(self, secret: str) -> None:
        if len(secret) < _LEAST:
            raise InputError(f"the token has {len(secret)} characters, it needs {_LEAST}: openssl rand -hex 32")
        if not secret.isascii() or not secret.isprintable() or " " in secret:
            raise InputError("the token must be printable ASCII without spaces: openssl rand -hex 32")
        self._secret = secret.encode()

    def fits(self, said: str) -> bool:
        """Whether somebody has said the token."""
        return hmac.compare_digest(_digest(self._secret), _digest(said.encode(errors="replace")))

    def ticket(self, now: float) -> str:
        """A ticket for twelve hours from ``now``, Unix time in s."""
        ends = str(int(now) + TICKET_S)
        return f"{ends}.{self._signature(ends)}"

    def admits(self, ticket: str, now: float) -> bool:
        """Whether a ticket is ours and has not ended."""
        ends, _, signature = ticket.partition(".")
        signed = hmac.compare_digest(self._signature(ends).encode(), signature.encode(errors="replace"))
        return signed and ends.isdigit() and now < int(ends)

    def __repr__(self) -> str:
        return "Token(…)"

    def _signature(self, ends: str) -> str:
        return hmac.new(self._secret, f"tinylogbert ticket {ends}".encode(errors="replace"), sha256).hexdigest()


def read_token(environment: Mapping[str, str], file: Path | None) -> Token | None:
    """The token from a file, or else from ``TINYLOGBERT_API_TOKEN``; None if there is neither. Raises InputError."""
    if file is not None:
        try:
            return Token(file.read_text().strip())
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read the token in {file}: {error}") from error
    secret = environment.get(VARIABLE, "")
    return Token(secret) if secret else None


def take_token(file: Path | None) -> Token | None:
    """``read_token`` of this process's environment; child processes will not find it there."""
    token = read_token(os.environ, file)
    os.environ.pop(VARIABLE, None)
    return token


def _digest(text: bytes) -> bytes:
    """Equal length for all, since the time of a comparison tells the length."""
    return sha256(text).digest()
