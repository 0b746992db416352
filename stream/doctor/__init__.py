"""What is wrong around a daemon, and how it is mended: small checks, each from plain facts to findings.

Knows no Kafka client, no model and no clock: what is asked of them comes in as values or as something to call.
"""

from stream.doctor.finding import Finding, State
from stream.doctor.round import Check, examined

__all__ = ["Check", "Finding", "State", "examined"]
