"""librdkafka's security options as Faust takes them."""

import ssl

import pytest
from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import AuthProtocol, SASLMechanism

from streams.agents.errors import AgentsError
from streams.agents.kafka_security import credentials
from streams.agents.settings import AgentsSettings

SCRAM = {
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": "agents",
    "sasl.password": "canary",
}


@pytest.mark.parametrize("options", [{}, {"security.protocol": "plaintext"}])
def test_a_plain_connection_has_no_credentials(options):
    assert credentials(options) is None


def test_scram_over_tls_checks_certificate_and_host_name():
    found = credentials(SCRAM)
    assert isinstance(found, SASLCredentials)
    assert (found.protocol, found.mechanism) == (AuthProtocol.SASL_SSL, SASLMechanism.SCRAM_SHA_512)
    assert (found.username, found.password) == ("agents", "canary")
    assert found.ssl_context.verify_mode == ssl.CERT_REQUIRED
    assert found.ssl_context.check_hostname
    assert found.ssl_context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_sasl_without_tls_has_no_tls_context():
    found = credentials(SCRAM | {"security.protocol": "SASL_PLAINTEXT"})
    assert found.protocol == AuthProtocol.SASL_PLAINTEXT
    assert found.ssl_context is None


def test_librdkafka_s_other_spelling_of_the_mechanism_counts():
    options = {name: value for name, value in SCRAM.items() if name != "sasl.mechanism"}
    assert credentials(options | {"sasl.mechanisms": "PLAIN"}).mechanism == SASLMechanism.PLAIN


def test_the_host_name_is_left_unchecked_only_when_told():
    options = {"security.protocol": "SSL", "ssl.endpoint.identification.algorithm": "none"}
    found = credentials(options)
    assert isinstance(found, SSLCredentials)
    assert (found.context.check_hostname, found.context.verify_mode) == (False, ssl.CERT_REQUIRED)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"security.protocol": "TLS"}, "security.protocol is 'TLS'; it must be one of PLAINTEXT, SSL"),
        (SCRAM | {"sasl.mechanism": "GSSAPI"}, "sasl.mechanism is 'GSSAPI'; it must be one of PLAIN"),
        (SCRAM | {"sasl.password": ""}, "sasl.password is missing, and SASL_SSL needs it"),
        ({"security.protocol": "SSL", "ssl.ca.location": "/nowhere/ca.pem"}, "certificate files for Kafka cannot be"),
        ({"ssl.crl.location": "x"}, "does not know the Kafka option ssl.crl.location"),
    ],
)
def test_an_unusable_option_is_refused_with_its_name(options, said):
    with pytest.raises(AgentsError, match=said):
        credentials(options)


def test_the_password_is_in_no_text_of_the_settings(tmp_path):
    settings = AgentsSettings(bootstrap_servers="k:9092", data_dir=tmp_path, kafka_options=SCRAM)
    assert "canary" not in repr(settings)
    assert "canary" not in repr(credentials(SCRAM))
