"""Doctor's lines about certificates: one that ends soon is told while there is time."""

from datetime import timedelta

import pytest

from commonshelf.config.settings import Kafka, Settings
from commonshelf.stack import doctor
from tests.support.certificates import write_certificate

DAY = timedelta(days=1)


def findings(**kafka):
    return list(doctor._certificates(Settings(kafka=Kafka(**kafka))))


@pytest.mark.parametrize(
    ("holds_for", "is_well", "word"),
    [(30 * DAY, True, "holds until"), (13 * DAY, False, "holds until"), (-DAY, False, "has ended on")],
)
def test_a_certificate_is_well_for_two_weeks_more(tmp_path, holds_for, is_well, word):
    authority, _ = write_certificate(tmp_path, holds_for)
    (found,) = findings(ca_file=authority)
    assert (found.what, found.is_well) == ("certificate", is_well)
    assert found.found.startswith(f"kafka.ca_file {authority} {word} 20")


def test_of_several_in_a_file_the_first_to_end_counts(tmp_path):
    (tmp_path / "other").mkdir()
    long, _ = write_certificate(tmp_path, 90 * DAY)
    short, _ = write_certificate(tmp_path / "other", 2 * DAY)
    long.write_bytes(long.read_bytes() + short.read_bytes())
    (found,) = findings(ca_file=long)
    assert not found.is_well


def test_a_file_without_a_certificate_is_told(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("none")
    (found,) = findings(ca_file=file)
    assert not found.is_well
    assert f"{file} holds no certificate that can be read" in found.found


def test_a_broker_that_shows_none_is_told():
    (found,) = findings(bootstrap_servers="127.0.0.1:9", security_protocol="SSL")
    assert found.found.startswith("127.0.0.1:9 shows no certificate (")


def test_without_tls_there_is_nothing_to_say():
    assert findings() == findings(bootstrap_servers="127.0.0.1:9") == []
