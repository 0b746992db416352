"""Where the server listens. Pure."""

import ipaddress
from typing import NamedTuple

_NAMES = frozenset(("localhost", "ip6-localhost", "ip6-loopback"))


class Address(NamedTuple):
    """A host, without brackets, and a port; port 0 is any that is free."""

    host: str
    port: int

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    @property
    def url(self) -> str:
        """As a browser writes it, without a slash at its end."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether a name or an address means this machine, seen from itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") in _NAMES
