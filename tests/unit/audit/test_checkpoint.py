import random
from base64 import b64encode

import pytest

from meso_device.audit.checkpoint import Checkpoint, open_note, open_text, sign
from meso_device.audit.keys import SigningKey, VerifyKey
from protocols.errors import UsageError

KEY = SigningKey("meso/clinic-1", bytes(range(32)))
CHECKPOINT = Checkpoint("meso/clinic-1", 48, bytes(range(32, 64)))


def test_a_note_reads_back_as_the_checkpoint():
    assert open_note(sign(CHECKPOINT, KEY), KEY.verify_key) == CHECKPOINT


def test_the_bytes_are_those_of_the_format():
    note = sign(CHECKPOINT, KEY).encode()
    text, _, tail = note.partition(b"\n\n")
    assert text == b"meso/clinic-1\n48\n" + b64encode(CHECKPOINT.root)
    assert tail.startswith(b"\xe2\x80\x94 meso/clinic-1 ")
    assert tail.endswith(b"\n")
    assert len(note) == 2 * len(CHECKPOINT.origin) + 2 + 146


def test_the_longest_name_and_size_fit_one_small_qr_code():
    key = SigningKey("x" * 46, bytes(32))
    assert len(sign(Checkpoint("x" * 46, 10**12 - 1, bytes(32)), key).encode()) <= 250


def test_signatures_by_others_are_ignored():
    other = SigningKey("witness.example", bytes(32))
    own, others = sign(CHECKPOINT, KEY), sign(Checkpoint("x", 1, bytes(32)), other).partition("\n\n")[2]
    assert open_note(own + others, KEY.verify_key) == CHECKPOINT
    head, _, tail = own.partition("\n\n")
    assert open_note(f"{head}\n\n{others}{tail}", KEY.verify_key) == CHECKPOINT


def test_no_changed_character_is_taken():
    note, rng = sign(CHECKPOINT, KEY), random.Random(3)
    for at in range(len(note)):
        changed = note[:at] + chr((ord(note[at]) + 1 + rng.randrange(20)) % 0x2100) + note[at + 1 :]
        try:
            opened = open_note(changed, KEY.verify_key)
        except UsageError:
            continue
        assert opened == CHECKPOINT


@pytest.mark.parametrize(
    "spoil",
    [
        lambda note: "",
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note[:-1],
        lambda note: note.replace("\n48\n", "\n048\n"),
        lambda note: note.replace("\n48\n", "\n-1\n"),
        lambda note: note.replace("\n48\n", "\n٤٨\n"),
        lambda note: note.replace("\n48\n", "\n49\n"),
        lambda note: note.replace("—", "-"),
        lambda note: note.partition("\n\n")[0] + "\n\n",
        lambda note: note + "— x y\n" * 200,
        lambda note: "x" * 100_000,
    ],
)
def test_malformed_notes_are_refused(spoil):
    with pytest.raises(UsageError):
        open_note(spoil(sign(CHECKPOINT, KEY)), KEY.verify_key)


def test_a_checkpoint_of_another_log_or_key_is_refused():
    with pytest.raises(UsageError, match="of log"):
        open_note(sign(CHECKPOINT, KEY), VerifyKey("meso/other", KEY.verify_key.public))
    with pytest.raises(UsageError, match="not signed by the given key"):
        open_note(sign(CHECKPOINT, KEY), SigningKey(KEY.name, bytes(32)).verify_key)


def test_the_example_note_of_the_signed_note_specification_is_taken():
    key = VerifyKey.parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
    note = (
        "This is an example message.\n\n— example.com/foo "
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
    )
    assert open_text(note, key) == "This is an example message.\n"
    with pytest.raises(UsageError, match="does not hold"):
        open_text(note.replace("example message", "other message"), key)
