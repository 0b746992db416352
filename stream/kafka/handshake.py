"""Why a broker and this client do not come together: a login or a certificate is refused. One clear line for each.

Kafka's client says so only beside its calls, which time out; and what is wrong with a broker's certificate it does not
say, so that is looked up.
"""

import re
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress

from confluent_kafka import KafkaError

from stream.errors import BrokerError
from stream.kafka.refusals import Unreachable
from stream.settings import Settings

_LOOK_S = 3.0
_ALERT = re.compile(r"alert .*(certificate|unknown ca)")
_RIGHT_CA = "name the authority that has signed it: --kafka ssl.ca.location=FILE"


def not_let_in(settings: Settings, told: Iterable[KafkaError]) -> BrokerError | None:
    """The one line for what Kafka's client told while it tried to connect; None if nothing of it is a refusal.

    Unreachable where it may be another thing in a moment: a token that could not be fetched.
    """
    for error in told:
        text = error.str()
        if "certificate verify failed" in text:
            return _untrusted(settings)
        if _ALERT.search(text):
            return _certificate_refused(settings)
        if "OAUTHBEARER token" in text:
            return Unreachable(
                f"no token for Kafka: {settings.hidden(text)}; see the properties sasl.oauthbearer.… and that the "
                "identity provider answers"
            )
        if error.code() == KafkaError._AUTHENTICATION:
            return _login_refused(settings, text)
    return None


def _login_refused(settings: Settings, text: str) -> BrokerError:
    user = settings.kafka.get("sasl.username")
    said = settings.hidden(text.partition(": ")[2].partition(" (after")[0])
    if "mechanism handshake" in text:
        return BrokerError(
            f"Kafka at {settings.bootstrap_servers} has another way to log in: {said}; set sasl.mechanism"
        )
    return BrokerError(
        f"Kafka at {settings.bootstrap_servers} refuses the login{f' of {user}' if user else ''}: {said}; see "
        "sasl.username, sasl.password and sasl.mechanism"
    )


def _certificate_refused(settings: Settings) -> BrokerError:
    own = settings.kafka.get("ssl.certificate.location") or settings.kafka.get("ssl.keystore.location")
    if own is None and "ssl.certificate.pem" not in settings.kafka:
        return BrokerError(
            f"Kafka at {settings.bootstrap_servers} wants a certificate from this client: "
            "--kafka ssl.certificate.location=FILE --kafka ssl.key.location=FILE"
        )
    return BrokerError(
        f"Kafka at {settings.bootstrap_servers} refuses this client's certificate ({own or 'ssl.certificate.pem'}): it "
        "has expired, or its authority is unknown there; see: openssl x509 -noout -enddate -issuer -in FILE"
    )


def _untrusted(settings: Settings) -> BrokerError:
    server, reason = next(
        ((server, reason) for server in settings.bootstrap_servers.split(",") if (reason := _look(settings, server))),
        (settings.bootstrap_servers, "it cannot be verified"),
    )
    expired = "expired" in reason or "not yet valid" in reason
    what = "renew it, or see this machine's clock" if expired else _RIGHT_CA
    if "mismatch" in reason or "doesn't match" in reason:
        what = "say the name that it is for with --bootstrap-servers"
    return BrokerError(f"the certificate of Kafka at {server} is not trusted: {reason}; {what}")


def _look(settings: Settings, server: str) -> str:
    """What is wrong with a broker's certificate, in OpenSSL's words; empty if nothing is, or it does not answer."""
    host, _, port = server.strip().rpartition(":")
    try:
        given = settings.kafka
        context = ssl.create_default_context(cafile=given.get("ssl.ca.location"), cadata=given.get("ssl.ca.pem"))
        context.check_hostname = given.get("ssl.endpoint.identification.algorithm", "https") != "none"
        with socket.create_connection((host.strip("[]"), int(port)), _LOOK_S) as raw:
            context.wrap_socket(raw, server_hostname=host.strip("[]")).close()
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except (OSError, ValueError):
        pass
    return ""


def listens(settings: Settings) -> bool:
    """Whether something takes a connection at the first address, be it Kafka or not."""
    host, _, port = settings.bootstrap_servers.split(",")[0].strip().rpartition(":")
    with suppress(OSError, ValueError), socket.create_connection((host.strip("[]"), int(port)), _LOOK_S):
        return True
    return False
