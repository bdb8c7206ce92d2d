"""The dates of certificates: of the files that the settings name, and of the one that a broker shows."""

import socket
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from commonshelf.config.settings import Kafka

_SOON = timedelta(days=14)
_TIMEOUT_S = 5.0


class CertificateDate(NamedTuple):
    """A certificate and until when it holds."""

    what: str
    ends_at: datetime

    def is_well(self, now: datetime) -> bool:
        """Whether it holds for two weeks more."""
        return now + _SOON < self.ends_at

    def sentence(self, now: datetime) -> str:
        """Until when it holds, or since when it does not."""
        word = "holds until" if now < self.ends_at else "has ended on"
        return f"{self.what} {word} {self.ends_at:%Y-%m-%d %H:%M} UTC"


class UnreadableCertificateError(Exception):
    """No certificate can be read there; the text says where and why."""


def certificate_dates(kafka: Kafka) -> Iterator[CertificateDate]:
    """Those of an existing cluster that speaks TLS. Raises UnreadableCertificateError."""
    for name in ("ca_file", "client_certificate_file"):
        file = getattr(kafka, name)
        if file is not None:
            yield _first_to_end(f"kafka.{name} {file}", _read(file))
    if kafka.bootstrap_servers is not None and kafka.security_protocol in ("SSL", "SASL_SSL"):
        for address in kafka.bootstrap_servers.split(","):
            yield _first_to_end(f"the certificate of {address.strip()}", [_shown_by(address.strip())])


def _first_to_end(what: str, certificates: list[x509.Certificate]) -> CertificateDate:
    return CertificateDate(what, min(one.not_valid_after_utc for one in certificates))


def _read(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UnreadableCertificateError(f"{file} holds no certificate that can be read ({error})") from None


def _shown_by(address: str) -> x509.Certificate:
    """A broker's, whoever signed it: whether it is trusted is the client's to say, when it connects."""
    host, _, port = address.rpartition(":")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host.strip("[]"), int(port)), _TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=host.strip("[]")) as shown,
        ):
            return x509.load_der_x509_certificate(shown.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError) as error:
        raise UnreadableCertificateError(f"{address} shows no certificate ({error})") from None
