"""A real broker that lets nobody in who may not: TLS, three ways of logging in, client certificates, and ACLs.

Its open listener on localhost, which the embedded broker has anyway, is that of the administrator.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from certificates import Authority, Signed
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from pipeline import wait_until

from stream.broker import EmbeddedBroker, Listener
from stream.broker.config import choose_ports
from stream.kafka.rights import Right

PASSWORD = "geheim-und-lang"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_PLAIN = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_paula="{PASSWORD}";'
_BEARER = (
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=b;"
)
_AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",  # whoever comes through the open listener
}
_KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional-id": ResourceType.TRANSACTIONAL_ID,
}
_OPERATIONS = {
    "AlterConfigs": AclOperation.ALTER_CONFIGS,
    "Create": AclOperation.CREATE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
}


class Secured:
    """The running broker, its authority, and what an administrator does: make users, give rights.

    Its listeners: ``sasl``, one with an ``expired`` certificate, one where logins have to be said ``again``, ``mtls``.
    """

    def __init__(self, authority: Authority, open_servers: str, *listeners: Listener) -> None:
        self.authority = authority
        self.open = open_servers
        self.sasl, self.expired, self.again, self.mtls = (one.bootstrap_servers for one in listeners)
        self._admin = AdminClient({"bootstrap.servers": open_servers, "log_level": 0})

    def user(self, name: str, password: str = PASSWORD) -> None:
        """Make a user who logs in with SCRAM-SHA-512, or give it another password."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion(name, info, password.encode())
        self._admin.alter_user_scram_credentials([change])[name].result(30)

    def grant(self, principal: str, rights: Iterable[Right]) -> None:
        """Give these rights and no others."""
        bindings = {binding for right in rights for binding in _bindings(principal, right)}
        for future in self._admin.create_acls([*bindings]).values():
            future.result(30)
        wait_until(lambda: bindings <= set(self._held(principal)), "the broker knows the rights")

    def _held(self, principal: str) -> list[AclBinding]:
        anything = (ResourceType.ANY, None, ResourcePatternType.ANY, principal, None)
        asked = AclBindingFilter(*anything, AclOperation.ANY, AclPermissionType.ANY)
        found: list[AclBinding] = self._admin.describe_acls(asked).result(30)
        return found

    def tls(self) -> dict[str, str]:
        """What a client needs to trust this broker."""
        return {"ssl.ca.location": str(self.authority.file)}

    def login(self, mechanism: str, **more: str) -> dict[str, str]:
        """What a client says that logs in; ``sasl_username`` means ``sasl.username``."""
        said = {name.replace("_", "."): value for name, value in more.items()}
        return {"security.protocol": "SASL_SSL", "sasl.mechanism": mechanism, **self.tls(), **said}

    def scram(self, name: str, password: Path) -> dict[str, str]:
        """What a client of this user says, with its password in a file."""
        return {**self.login("SCRAM-SHA-512", sasl_username=name), "sasl.password.file": str(password)}

    def certificate(self, signed: Signed) -> dict[str, str]:
        """What a client says that has a certificate."""
        files = {"ssl.certificate.location": str(signed.certificate), "ssl.key.location": str(signed.key)}
        return {"security.protocol": "SSL", **files, **self.tls()}


@contextmanager
def secured_broker(folder: Path) -> Iterator[Secured]:
    """The broker, until the block ends."""
    authority = Authority(folder, "authority")
    server, over = authority.sign("server"), authority.sign("over", lasts=-timedelta(hours=1))
    login = {
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN,OAUTHBEARER",
        "scram-sha-512.sasl.jaas.config": _SCRAM,
        "plain.sasl.jaas.config": _PLAIN,
        "oauthbearer.sasl.jaas.config": _BEARER,
    }
    soon = {"scram-sha-512.connections.max.reauth.ms": "2000"}  # so often a client has to log in again
    ports = [choose_ports(0).broker for _ in range(4)]
    listeners = [
        Listener("SASL", "SASL_SSL", ports[0], {**login, **_store(server)}),
        Listener("EXPIRED", "SASL_SSL", ports[1], {**login, **_store(over)}),
        Listener("AGAIN", "SASL_SSL", ports[2], {**login, **_store(server), **soon}),
        Listener("MTLS", "SSL", ports[3], {**_store(server), **_trust(authority)}),
    ]
    broker = EmbeddedBroker(
        folder / "broker", port=0, settings=_AUTHORIZER, listeners=listeners, heap="512m", die_with_parent=True
    )
    try:
        yield Secured(authority, broker.start(), *listeners)
    finally:
        broker.stop()


def _store(signed: Signed) -> dict[str, str]:
    return {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(signed.both)}


def _trust(authority: Authority) -> dict[str, str]:
    wanted = {"ssl.client.auth": "required"}
    return {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(authority.file), **wanted}


def _bindings(principal: str, right: Right) -> list[AclBinding]:
    pattern = ResourcePatternType.PREFIXED if right.prefix else ResourcePatternType.LITERAL
    return [
        AclBinding(
            _KINDS[right.kind], right.name, pattern, principal, "*", _OPERATIONS[operation], AclPermissionType.ALLOW
        )
        for operation in right.operations
    ]
