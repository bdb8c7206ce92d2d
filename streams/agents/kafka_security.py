"""Security settings of librdkafka as Faust's client (aiokafka) takes them, so that both lanes share one set.

Source of the names: librdkafka's CONFIGURATION.md.
"""

import ssl
from collections.abc import Mapping

from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT

from streams.agents.errors import AgentsError

_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_KNOWN = frozenset({
    "security.protocol", "sasl.mechanism", "sasl.mechanisms", "sasl.username", "sasl.password",
    "ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.key.password",
    "ssl.endpoint.identification.algorithm", "enable.ssl.certificate.verification",
})  # fmt: skip


def credentials(options: Mapping[str, str]) -> CredentialsT | None:
    """What Faust calls broker_credentials; None for a plain connection.

    Raises AgentsError for a setting that is unknown, missing or not readable: a security setting that was
    quietly left out would be worse than a worker that does not start.
    """
    unknown = sorted(options.keys() - _KNOWN)
    if unknown:
        raise AgentsError(
            f"the agents worker does not know the Kafka option {unknown[0]}; it takes {', '.join(sorted(_KNOWN))}."
        )
    protocol = options.get("security.protocol", "PLAINTEXT").upper()
    if protocol not in _PROTOCOLS:
        raise AgentsError(f"Kafka option security.protocol is {protocol!r}; it must be one of {', '.join(_PROTOCOLS)}.")
    context = _ssl_context(options) if protocol.endswith("SSL") else None
    if protocol.startswith("SASL"):
        return SASLCredentials(
            mechanism=_mechanism(options),
            username=_required(options, "sasl.username", protocol),
            password=_required(options, "sasl.password", protocol),
            ssl_context=context,
        )
    return SSLCredentials(context) if context else None


def _mechanism(options: Mapping[str, str]) -> str:
    mechanism = options.get("sasl.mechanism") or options.get("sasl.mechanisms") or ""
    if mechanism not in _MECHANISMS:
        raise AgentsError(f"Kafka option sasl.mechanism is {mechanism!r}; it must be one of {', '.join(_MECHANISMS)}.")
    return mechanism


def _required(options: Mapping[str, str], name: str, protocol: str) -> str:
    if not options.get(name):
        raise AgentsError(f"Kafka option {name} is missing, and {protocol} needs it; set it.")
    return options[name]


def _ssl_context(options: Mapping[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.get("ssl.ca.location"))
        if certificate := options.get("ssl.certificate.location"):
            context.load_cert_chain(certificate, options.get("ssl.key.location"), options.get("ssl.key.password"))
    except (OSError, ssl.SSLError) as error:
        raise AgentsError(
            f"the certificate files for Kafka cannot be used ({error}); check the options ssl.ca.location, "
            "ssl.certificate.location, ssl.key.location and ssl.key.password."
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if options.get("ssl.endpoint.identification.algorithm", "https") == "none":
        context.check_hostname = False
    if options.get("enable.ssl.certificate.verification", "true").lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
