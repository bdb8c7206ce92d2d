"""Claims on the insurer, and the archive of their evidence."""

import io
import json
import zipfile

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as other_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from commonshelf.desks.settlement.evidence import EvidenceError, entries_of, pack, read_private_key, verify
from messaging import journal as journal_reader
from streams.settlement.claims import claims
from streams.settlement.store import queries
from tests.support.pool import MILK, NOON_MS, OTHER_STORE, POOL, STORE, line, wanted
from tests.support.settlement import agreement, members, transactions
from tests.support.transfers import came, place, tell

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
INSURED = {"premium_ppm_per_day": 0, "deductible_minor": 100, "cover_minor": 200}


def lost(bearer="owner", insurance=INSURED, found=1_000):
    """OTHER keeps six of STORE's milk, worth 1.10 each, and counts `found`."""
    bench = members(terms=agreement(ownership="owner", shrink={"bearer": bearer}, insurance=insurance))
    place(bench)
    tell(bench, "shipped", came(6_000))
    tell(bench, "received", came(6_000))
    at = {"occurred_at_ms": NOON_MS + 5_000, "recorded_at_ms": NOON_MS + 5_000}
    bench.report("counted", "c1", line(found), store=OTHER_STORE, **at)
    return bench


def claims_of(bench, insurance=INSURED):
    terms = agreement(ownership="owner", insurance=insurance).to_avro()
    return claims(transactions(bench), [terms])


@pytest.mark.parametrize(("found", "loss", "claim"), [(1_000, 550, 200), (4_000, 220, 120), (5_500, 55, 0)])
def test_what_is_above_the_deductible_is_claimed_up_to_the_cover(found, loss, claim):
    """Five of milk are 5.50, two 2.20, a half 0.55; 1.00 is the owner's, and 2.00 is the most that is paid."""
    [one] = claims_of(lost(found=found))
    assert (one.owner, one.keeper, one.sku, one.quantity_milli) == (STORE, OTHER_STORE, MILK, 6_000 - found)
    assert (one.loss_minor, one.claim_minor, one.agreement) == (loss, claim, 1)


def test_what_the_keeper_bears_is_nobodys_claim_and_what_is_not_insured_neither():
    assert claims_of(lost("keeper")) == []
    assert [one.claim_minor for one in claims_of(lost(), {"cover_minor": 0})] == [0]


def test_goods_that_are_found_again_are_told():
    bench = lost()
    at = {"occurred_at_ms": NOON_MS + 6_000, "recorded_at_ms": NOON_MS + 6_000}
    bench.report("counted", "c2", line(6_000), store=OTHER_STORE, **at)
    assert [(one.loss_minor, one.claim_minor) for one in claims_of(bench)] == [(550, 200), (-550, 0)]


def test_the_evidence_is_the_shelfs_way_from_the_count_before_and_the_agreement():
    bench = lost()
    at = {"occurred_at_ms": NOON_MS + 7_000, "recorded_at_ms": NOON_MS + 7_000}
    bench.sell("s1", line(500), store=OTHER_STORE, **at)
    bench.sell("elsewhere", line(500), **at)
    bench.report("counted", "c2", line(100), store=OTHER_STORE, occurred_at_ms=NOON_MS + 8_000,
                 recorded_at_ms=NOON_MS + 8_000)  # fmt: skip
    bench.sell("s2", line(100), store=OTHER_STORE, occurred_at_ms=NOON_MS + 9_000, recorded_at_ms=NOON_MS + 9_000)
    first, second = claims_of(bench)
    kinds = [entry.fact[0].rpartition(".")[2] for entry in entries_of(first, bench.journal())]
    assert kinds == ["ConfigChange", "FulfilmentReportDecided", "StockReportRecorded"]
    kinds = [entry.fact[0].rpartition(".")[2] for entry in entries_of(second, bench.journal())]
    assert kinds == ["ConfigChange", "StockReportRecorded", "SaleRecorded", "StockReportRecorded"]
    assert entries_of(second, bench.journal())[-1].position == second.position


def lost_on_the_way(bearer):
    """STORE sends OTHER one milk, worth 1.10, and OTHER does not find it."""
    bench = members(terms=agreement(transit_loss=bearer, insurance=INSURED | {"deductible_minor": 30}))
    place(bench, wanted(1_000))
    tell(bench, "shipped", came(1_000))
    tell(bench, "received", came(1_000, reason="not_found"))
    return bench


@pytest.mark.parametrize(("bearer", "loss", "claim"), [("sender", 110, 80), ("half", 55, 25)])
def test_goods_lost_on_their_way_are_claimed_by_their_sender_less_what_the_receiver_bears(bearer, loss, claim):
    bench = lost_on_the_way(bearer)
    [one] = claims_of(bench, INSURED | {"deductible_minor": 30})
    assert (one.owner, one.keeper, one.transfer, one.sku, one.quantity_milli) == (STORE, OTHER_STORE, "t1", MILK, 1_000)
    assert (one.loss_minor, one.claim_minor) == (loss, claim)
    kinds = [entry.fact[0].rpartition(".")[2] for entry in entries_of(one, bench.journal())]
    assert kinds == ["ConfigChange", "FulfilmentReportDecided", "FulfilmentReportDecided"]


def test_what_the_receiver_bears_of_goods_on_their_way_is_nobodys_claim():
    assert claims_of(lost_on_the_way("receiver")) == []


def test_spoilt_goods_of_another_are_claimed_as_missing_ones_are():
    bench = lost(found=6_000)
    at = {"occurred_at_ms": NOON_MS + 6_000, "recorded_at_ms": NOON_MS + 6_000}
    bench.report("adjusted", "spoilt", line(-3_000, reason="expiry"), store=OTHER_STORE, **at)
    assert [(one.quantity_milli, one.loss_minor, one.claim_minor) for one in claims_of(bench)] == [(3_000, 330, 200)]


def packed():
    bench = lost()
    [claim] = claims_of(bench)
    return pack(POOL, claim, entries_of(claim, bench.journal()), KEY)


def test_an_archive_is_checked_by_its_signature_and_is_the_same_when_made_again():
    content = packed()
    assert verify(content, KEY.public_key())["claim"]["claim_minor"] == 200
    assert content == packed()
    with pytest.raises(EvidenceError, match="not signed with this key"):
        verify(content, Ed25519PrivateKey.from_private_bytes(b"x" * 32).public_key())


def changed(content, name, made):
    """The archive with a file changed, added, or, by None, left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for each in {*old.namelist(), name}:
            kept = made if each == name else old.read(each)
            if kept is not None:
                new.writestr(each, kept)
    return out.getvalue()


def test_an_archive_that_was_changed_in_any_file_is_refused():
    content = packed()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if name.startswith("entries/") or name == "manifest.json"]
    assert len(names) > 4
    for name in names:
        for made in (b"{}", None):
            with pytest.raises(EvidenceError, match=name if name.startswith("entries/") else "manifest"):
                verify(changed(content, name, made), KEY.public_key())
    with pytest.raises(EvidenceError, match=r"entries/x\.avro is missing, was added"):
        verify(changed(content, "entries/x.avro", b"x"), KEY.public_key())
    with pytest.raises(EvidenceError, match="no archive of evidence"):
        verify(b"nothing", KEY.public_key())


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip


def test_a_key_that_cannot_sign_is_told(tmp_path):
    file = tmp_path / "key.pem"
    with pytest.raises(EvidenceError, match="no private key that can be read"):
        read_private_key(file)
    file.write_bytes(pem(other_key(SECP256R1())))
    with pytest.raises(EvidenceError, match="no Ed25519 key; make one"):
        read_private_key(file)


@pytest.fixture
def keys(tmp_path):
    """Files of the operator's key, and of the public part of it."""
    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    private.write_bytes(pem(KEY))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(KEY.public_key().public_bytes(serialization.Encoding.PEM, form))
    return str(private), str(public)


def test_claims_are_listed_packed_and_verified_by_command(settle, keys, tmp_path, monkeypatch):
    bench = lost()
    private, public = keys
    file = str(tmp_path / "claim.zip")
    terms = agreement(ownership="owner", insurance=INSURED).to_avro()
    monkeypatch.setattr(queries, "transactions_of", lambda *_: transactions(bench))
    monkeypatch.setattr(queries, "agreements_of", lambda *_: [terms])
    monkeypatch.setattr(journal_reader, "read_journal", lambda *_: iter(bench.journal()))
    assert [one["claim_minor"] for one in json.loads(settle("claims", POOL, "--json").output)] == [200]
    assert "2.00 EUR" in settle("claims", POOL).output
    ran = settle("claims", POOL, "--pack", "1", "--key", private, "--out", file)
    assert ran.exit_code == 0, ran.output
    assert (tmp_path / "claim.zip").read_bytes() == packed()
    assert "is as it was signed" in settle("verify", file, "--public-key", public).output


def test_what_cannot_be_packed_or_verified_is_told(settle, keys, tmp_path):
    private, public = keys
    assert "nothing was lost" in settle("claims", POOL).output
    assert "--pack needs --key FILE.pem and --out FILE.zip" in settle("claims", POOL, "--pack", "1").output
    assert "the list has 0" in settle("claims", POOL, "--pack", "1", "--key", private, "--out", "x.zip").output
    assert "cannot be read" in settle("verify", str(tmp_path / "none.zip"), "--public-key", public).output
