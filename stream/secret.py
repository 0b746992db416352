"""Which properties of Kafka's client are secrets, the files that may hold them, and texts without them.

A secret NAME may lie in a file: ``NAME.file`` says which. Kafka's client has names that end so itself, of no secrets.
"""

import re
from collections.abc import Mapping
from pathlib import Path

_SECRET = re.compile(r"password|passphrase|secret|\.pem$|oauthbearer\.config|jaas|token|credential", re.IGNORECASE)
_OPEN = re.compile(r"\.(url|id|file|location)$|^ssl\.(ca|certificate)\.pem$", re.IGNORECASE)
_FILE = ".file"
_HIDDEN = "[hidden]"
_SHORTEST = 4  # a shorter secret protects nothing, and its letters stand in any word


def is_secret(name: str) -> bool:
    """Whether nobody else may read the value of this property.

    >>> is_secret("sasl.password"), is_secret("sasl.password.file"), is_secret("sasl.username")
    (True, False, False)
    """
    return bool(_SECRET.search(name)) and not _OPEN.search(name)


def with_files_read(properties: Mapping[str, str]) -> dict[str, str]:
    """The properties with ``NAME.file`` replaced by ``NAME`` and what is in the file, without the line's end.

    Raises ValueError, in one line without any secret, for a file that cannot be read or holds nothing, and for a secret
    that is given both ways.
    """
    read = {name: value for name, value in properties.items() if not _names_file(name)}
    for name in properties.keys() - read.keys():
        secret = name.removesuffix(_FILE)
        if secret in read:
            raise ValueError(f"{secret} and {name} are both given; leave one out")
        read[secret] = _content(name, properties[name])
    return read


def without_secrets(text: str, properties: Mapping[str, str]) -> str:
    """A text, such as an error of Kafka's client, with ``[hidden]`` for each secret among these properties."""
    for secret in _secrets(properties):
        text = text.replace(secret, _HIDDEN)
    return text


def _names_file(name: str) -> bool:
    return name.endswith(_FILE) and is_secret(name.removesuffix(_FILE))


def _content(name: str, file: str) -> str:
    try:
        text = Path(file).read_text().rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"{name}: cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: {file} holds no text") from error
    if not text:
        raise ValueError(f"{name}: {file} is empty")
    return text


def _secrets(properties: Mapping[str, str]) -> list[str]:
    """The longest first. Of a key, which has lines, and of a list of settings an error may show a part."""
    secret = {name: value for name, value in properties.items() if is_secret(name)}
    lines = [line.strip() for value in secret.values() for line in value.splitlines()]
    words = [word for name, value in secret.items() if name.endswith("config") for word in value.split()]
    found = {part for part in (*secret.values(), *lines, *words) if len(part) >= _SHORTEST}
    return sorted(found, key=len, reverse=True)
