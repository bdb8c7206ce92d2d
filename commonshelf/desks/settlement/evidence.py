"""Evidence of a claim: the journal entries that it rests on, byte for byte, in an archive that the operator signs."""

import io
import json
import zipfile
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from messaging.errors import UserError
from messaging.journal import JournalEntry
from streams.pool.journal.facts import CONFIG_CHANGE
from streams.pool.journal.movements import Movement, Movements
from streams.settlement.claims import Claim

MANIFEST, SIGNATURE, PUBLIC_KEY, NOTE = "manifest.json", "manifest.sig", "public_key.pem", "README.txt"
_WRITTEN_AT = (1980, 1, 1, 0, 0, 0)
"""Of all files, so that the same evidence makes the same archive; it is the earliest that zip has."""
_NOTE = """Evidence of a claim. manifest.json names each journal entry with its SHA-256, and is signed (Ed25519):
  openssl pkeyutl -verify -pubin -inkey public_key.pem -rawin -in manifest.json -sigfile manifest.sig
Trust the public key only if it is the one that the operator gave you otherwise.
entries/*.avro are the facts as the pool's journal has them, in Avro; entries/*.json the same to read.
"""


class EvidenceError(UserError):
    """A key cannot be used, or an archive is not what was signed; the sentence says which part."""


def read_private_key(file: Path) -> Ed25519PrivateKey:
    """An Ed25519 key in PEM, as `openssl genpkey -algorithm ed25519` makes it. Raises EvidenceError."""
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise EvidenceError(f"{file} is no private key that can be read: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise EvidenceError(f"{file} is no Ed25519 key; make one: openssl genpkey -algorithm ed25519 -out {file}")
    return key


def read_public_key(file: Path) -> Ed25519PublicKey:
    """An Ed25519 public key in PEM. Raises EvidenceError."""
    try:
        key = serialization.load_pem_public_key(file.read_bytes())
    except (OSError, ValueError) as error:
        raise EvidenceError(f"{file} is no public key that can be read: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise EvidenceError(f"{file} is no Ed25519 key")
    return key


def entries_of(claim: Claim, journal: Iterable[JournalEntry]) -> list[JournalEntry]:
    """The agreements, and the way of the goods up to the loss.

    Of goods on a shelf that is all that moved it since the count before; of a transfer all that is told of it.
    journal: the pool's, from its first entry on.
    """
    movements = Movements()
    agreements: list[JournalEntry] = []
    shelf: list[JournalEntry] = []
    for entry in journal:
        if entry.position > claim.position:
            break
        moved = [one for one in movements.of(entry.fact) if _is_of(claim, one)]
        if entry.fact[0] == CONFIG_CHANGE and entry.fact[1]["change"][0] == "commonshelf.Agreement":
            agreements.append(entry)
        elif moved or entry.position == claim.position:
            is_counted = claim.transfer is None and any(one.cause == "counted" for one in moved)
            if is_counted and entry.position != claim.position:
                shelf.clear()
            shelf.append(entry)
    return sorted([*agreements, *shelf], key=lambda entry: entry.position)


def _is_of(claim: Claim, move: Movement) -> bool:
    if claim.transfer is not None:
        return (move.transfer, move.sku) == (claim.transfer, claim.sku)
    return (move.store, move.sku) == (claim.keeper, claim.sku)


def pack(pool: str, claim: Claim, entries: Iterable[JournalEntry], key: Ed25519PrivateKey) -> bytes:
    """The archive, as a zip file."""
    files: dict[str, bytes] = {}
    listed: list[dict[str, Any]] = []
    for entry in entries:
        name = f"entries/{entry.position:012d}"
        files[f"{name}.avro"] = entry.fact_bytes
        files[f"{name}.json"] = _json(entry.fact)
        digests = {each: _digest(files[each]) for each in (f"{name}.avro", f"{name}.json")}
        listed.append(
            {
                "position": entry.position, "cause": entry.cause._asdict(), "appended_at_ms": entry.appended_at_ms,
                "kind": entry.fact[0], "files": digests,
            }
        )  # fmt: skip
    manifest = _json({"pool": pool, "claim": claim._asdict(), "entries": listed})
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip
    whole = {MANIFEST: manifest, SIGNATURE: key.sign(manifest), PUBLIC_KEY: public, NOTE: _NOTE.encode(), **files}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in whole.items():
            archive.writestr(zipfile.ZipInfo(name, _WRITTEN_AT), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def verify(content: bytes, key: Ed25519PublicKey) -> dict[str, Any]:
    """The manifest of an archive that is as it was signed. Raises EvidenceError for one that is not."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        key.verify(files[SIGNATURE], files[MANIFEST])
    except InvalidSignature as error:
        raise EvidenceError(f"{MANIFEST} was not signed with this key, or was changed since") from error
    except (zipfile.BadZipFile, KeyError) as error:
        raise EvidenceError(f"this is no archive of evidence: {error}") from error
    manifest: dict[str, Any] = json.loads(files[MANIFEST])
    digests = {name: digest for entry in manifest["entries"] for name, digest in entry["files"].items()}
    for name in sorted({*digests, *files} - {MANIFEST, SIGNATURE, PUBLIC_KEY, NOTE}):
        if name not in files or name not in digests or _digest(files[name]) != digests[name]:
            raise EvidenceError(f"{name} is missing, was added or was changed since the archive was signed")
    return manifest


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, default=str).encode()
