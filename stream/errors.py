"""The exceptions that a person sees, each one clear line that says what is wrong and what to do.

UserError
├── InputError      what was given to read cannot be used
├── BrokerError     the broker cannot be reached, or refuses
│   └── Denied      the broker does not allow it to this user
└── StateError      the windows' state cannot be read
"""


class UserError(Exception):
    """Something the user can mend; the command prints it as ``error: …`` and exits with 1."""


class InputError(UserError):
    """A file, a topic or a value that was given cannot be used."""


class BrokerError(UserError):
    """Kafka cannot be started or reached, or refuses what is asked."""


class Denied(BrokerError):
    """Kafka knows who asks, and that one lacks a right; ``named`` if the text says which."""

    def __init__(self, text: str, named: bool = False) -> None:
        super().__init__(text)
        self.named = named


class StateError(UserError):
    """The changelog of the windows cannot be read or does not fit; ``key`` is that of the record to blame, if any."""

    def __init__(self, text: str, key: bytes | None = None) -> None:
        super().__init__(text)
        self.key = key
