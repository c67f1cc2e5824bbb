"""Cosignatures after C2SP, checked by code that is not ours."""

from base64 import b64decode
from hashlib import sha256

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from meso_device.audit.checkpoint import Checkpoint, open_note, sign
from meso_device.audit.keys import SigningKey
from meso_device.collector.cosignature import Cosigner, cosign, cosigned_at_s
from protocols.errors import UsageError

LOG, COLLECTOR = SigningKey("meso/log", b"l" * 32), SigningKey("meso-collector/one", b"c" * 32)
CHECKPOINT = Checkpoint("meso/log", 20_852_163, b"r" * 32)
AT_S = 1_679_315_147


def test_a_line_is_what_the_standard_says():
    line = cosign(CHECKPOINT, COLLECTOR, AT_S)
    dash, name, encoded = line.removesuffix("\n").split(" ")
    content, public = b64decode(encoded, validate=True), COLLECTOR.verify_key.public
    assert (dash, name) == ("—", "meso-collector/one")
    assert content[:4] == sha256(b"meso-collector/one\n\x04" + public).digest()[:4]
    assert int.from_bytes(content[4:12], "big") == AT_S
    signed = b"cosignature/v1\ntime 1679315147\n" + sign(CHECKPOINT, LOG).split("\n\n")[0].encode() + b"\n"
    checker = Ed25519PublicKey.from_public_bytes(public)
    checker.verify(content[12:], signed)
    with pytest.raises(InvalidSignature):
        checker.verify(content[12:], signed.replace(b"20852163", b"20852164"))


def test_a_cosigned_checkpoint_is_still_a_note_of_the_log():
    note = sign(CHECKPOINT, LOG) + cosign(CHECKPOINT, COLLECTOR, AT_S)
    assert open_note(note, LOG.verify_key) == CHECKPOINT


def test_a_cosignature_holds_for_its_checkpoint_and_collector_alone():
    line, cosigner = cosign(CHECKPOINT, COLLECTOR, AT_S), Cosigner.parse(str(Cosigner.of(COLLECTOR)))
    assert cosigned_at_s(CHECKPOINT, line, cosigner) == AT_S
    stranger = Cosigner.of(SigningKey("meso-collector/one", b"x" * 32))
    wrong = [
        (Checkpoint("meso/log", 20_852_164, b"r" * 32), line, cosigner),
        (CHECKPOINT, line, stranger),
        (CHECKPOINT, cosign(CHECKPOINT, LOG, AT_S), cosigner),
        (CHECKPOINT, line[:-6] + "AAAA=\n", cosigner),
        (CHECKPOINT, line[:-30] + "\n", cosigner),
        (CHECKPOINT, "— meso-collector/one ä\n", cosigner),
        (CHECKPOINT, "", cosigner),
    ]
    for checkpoint, said, by in wrong:
        with pytest.raises(UsageError):
            cosigned_at_s(checkpoint, said, by)


def test_a_damaged_public_key_is_refused():
    text = str(Cosigner.of(COLLECTOR))
    for wrong in ("", "name", text[:-1], text.replace("+", "-"), text.replace("one", "two"), str(LOG.verify_key)):
        with pytest.raises(UsageError):
            Cosigner.parse(wrong)
