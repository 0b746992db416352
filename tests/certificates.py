"""Certificates for tests, made anew each time: an authority, what it has signed, and what is good no more."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


class Signed(NamedTuple):
    """Files: a certificate, its key, and both in one, as Kafka's brokers take them."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """Signs certificates; ``file`` is its own. ``now`` is when the test runs."""

    def __init__(self, folder: Path, name: str, now: datetime | None = None) -> None:
        self._folder = folder
        self._now = now or datetime.now(UTC)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        built = self._builder(self._name, self._key, timedelta(days=2))
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(built.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def sign(self, name: str, *, lasts: timedelta = _DAY, password: str = "") -> Signed:
        """A certificate of this name for 127.0.0.1; it is over if it lasts less than no time."""
        key = ec.generate_private_key(ec.SECP256R1())
        built = self._builder(_named(name), key, lasts)
        places = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        certificate = built.add_extension(places, critical=False).sign(self._key, hashes.SHA256())
        secret = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)
        signed = Signed(*(self._folder / f"{name}.{kind}" for kind in ("crt", "key", "both")))
        signed.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        signed.key.write_bytes(key_pem)
        signed.both.write_bytes(key_pem + certificate.public_bytes(Encoding.PEM) + self.file.read_bytes())
        return signed

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - 3 * _DAY)
            .not_valid_after(self._now + lasts)
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
