"""The verifier of one file: the same verdicts as the program's own, by other code."""

import random
import shutil

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from meso_device.audit import standalone
from meso_device.audit.keys import VerifyKey
from meso_device.audit.proof_text import growth_proof, record_proof
from meso_device.audit.reader import reading
from meso_device.audit.standalone import Unreadable, Wrong, check_file, check_growth, check_record, read_keys
from meso_device.audit.store import Store
from meso_device.audit.tree import consistency_proof, root_of, subtree_proof
from meso_device.audit.verify import verify_home
from protocols.errors import MesoError, UsageError
from tests.unit.audit.clinic import Clinic, commit, stamp
from tests.unit.audit.test_attacks import (
    CUT,
    EDITED,
    HELD,
    RECHAINED,
    RECORDS,
    attacked,
    edit,
    make_original,
)

# RFC 8032, section 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
WRONG = b"\xee" * 32
ORDER = 2**252 + 27742317777372353535851937790883648493


# --- signatures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_standard_hold(public, message, signature):
    assert standalone.signature_holds(*map(bytes.fromhex, (public, signature, message)))


def test_signatures_are_judged_as_by_the_library():
    rng = random.Random(8)
    for number in range(12):
        signer = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
        public, message = signer.public_key().public_bytes_raw(), rng.randbytes(rng.randrange(200))
        signature = signer.sign(message)
        assert standalone.signature_holds(public, signature, message)
        at, bit = rng.randrange(64), 1 << rng.randrange(8)
        changed = signature[:at] + bytes([signature[at] ^ bit]) + signature[at + 1 :]
        key = rng.randbytes(32) if number % 2 else public
        assert standalone.signature_holds(key, changed, message) is library_says(key, changed, message)


def library_says(key, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def test_the_other_form_of_a_signature_is_refused():
    public, message, signature = map(bytes.fromhex, VECTORS[1])
    other = (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    assert not standalone.signature_holds(public, signature[:32] + other, message)


@pytest.mark.parametrize(
    "key", [bytes(31), (2**255 - 19).to_bytes(32, "little"), bytes([1, *bytes(30), 0x80]), b"\xff" * 32]
)
def test_what_is_no_key_holds_no_signature(key):
    assert not standalone.signature_holds(key, bytes(64), b"")


# --- the tree ---------------------------------------------------------------------------------------------------------


def leaves_of(size):
    return [bytes([at]) * 32 for at in range(size)]


def test_any_leaves_and_the_subtrees_beside_them_lead_to_the_root():
    rng = random.Random(3)
    for size in range(1, 70):
        leaves = leaves_of(size)
        places = sorted(rng.sample(range(size), rng.randrange(1, size + 1)))
        hashes = subtree_proof(places, size, lambda first, end, leaves=leaves: root_of(leaves[first:end]))
        shown = {place: leaves[place] for place in places}
        assert standalone.root_from(shown, size, hashes) == root_of(leaves)
        with pytest.raises(Wrong, match="more hashes"):
            standalone.root_from(shown, size, [*hashes, bytes(32)])
        if hashes:
            with pytest.raises(Wrong, match="too few"):
                standalone.root_from(shown, size, hashes[:-1])


def test_growth_leads_to_both_roots_for_all_sizes():
    for new in range(2, 40):
        leaves = leaves_of(new)
        for old in range(1, new):
            proof = consistency_proof(old, new, lambda first, end, leaves=leaves: root_of(leaves[first:end]))
            before = root_of(leaves[:old])
            assert standalone.roots_of_growth(old, new, proof, before) == (before, root_of(leaves))
            assert standalone.roots_of_growth(old, new, proof, WRONG) != (WRONG, root_of(leaves))


# --- proofs as text ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    home = tmp_path_factory.mktemp("log") / "home"
    store = Store.open(home, software="0.1.0", stamp=stamp())
    clinic, kept = Clinic(), []
    commit(store, clinic.link_up(), clinic.opened())
    kept.append(store.newest_checkpoint())
    for _ in range(40):
        commit(store, clinic.shot())
    commit(store, clinic.closed())
    kept.append(store.newest_checkpoint())
    store.close(stamp())
    return home, kept


def test_each_record_is_proven_as_text_and_every_changed_line_shows(log):
    home, _ = log
    vkey = (home / "audit.vkey").read_text()
    with reading(home) as db:
        texts = [record_proof(db, seq, VerifyKey.parse(vkey)) for seq in range(0, 46, 5)]
        with pytest.raises(UsageError, match="newest record"):
            record_proof(db, 10_000, VerifyKey.parse(vkey))
    for seq, text in zip(range(0, 46, 5), texts, strict=True):
        assert check_record(text.encode(), read_keys(vkey))["record"]["seq"] == seq
    lines = texts[3].split("\n")
    for at, line in enumerate(lines[:-2]):
        for changed in ([*lines[:at], *lines[at + 1 :]], [*lines[:at], line[:-2], *lines[at + 1 :]]):
            if at and changed != lines:  # the first line only names the form
                with pytest.raises(Wrong):
                    check_record("\n".join(changed).encode(), read_keys(vkey))


def test_growth_is_proven_as_text(log, tmp_path):
    home, kept = log
    vkey = (home / "audit.vkey").read_text()
    with reading(home) as db:
        for note in kept:
            text = growth_proof(db, note, VerifyKey.parse(vkey))
            assert check_growth(text.encode(), read_keys(vkey), note)["records_in_log"] == 46
        with pytest.raises(Wrong, match="another checkpoint"):
            check_growth(text.encode(), read_keys(vkey), kept[0])
        with pytest.raises(Unreadable, match="--checkpoint"):
            check_growth(text.encode(), read_keys(vkey), None)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_original(tmp_path_factory.mktemp("log") / "home")


@pytest.fixture
def home(original, tmp_path):
    return shutil.copytree(original, tmp_path / "home")


# --- the ten attacks, by the verifier of one file ---------------------------------------------------------------------


def caught(home, *, outside=False):
    try:
        check_file(home / "audit.db", "", home / "held" if outside else None)
    except Wrong:
        return True
    return False


def test_the_untouched_log_holds_and_says_how_much(home):
    found = check_file(home / "audit.db", (home / "audit.vkey").read_text(), home / "held")
    assert (found["records_in_log"], found["outside"]) == (RECORDS, HELD)
    assert found["root"] == verify_home(home).root


@pytest.mark.parametrize("attack", [*EDITED, *RECHAINED, *CUT])
@pytest.mark.parametrize("with_key", [False, True])
def test_each_of_the_ten_attacks_is_told_as_by_the_program_itself(home, attack, with_key):
    attacked(home, attack, with_key=with_key)
    for outside in (False, True):
        mine = not verify_home(home, checkpoint_file=home / "held" if outside else None).ok
        assert caught(home, outside=outside) is mine
        if outside and attack is not CUT[1]:
            assert mine, "one checkpoint kept outside catches nine of the ten"


# Growth is about hashes: a body changed beside its old hash is for whoever looks at bodies.
@pytest.mark.parametrize("attack", [*(one for one in EDITED if one is not edit), *RECHAINED, CUT[0]])
def test_no_attacked_log_proves_that_it_grew_from_a_checkpoint_kept_outside(home, attack):
    attacked(home, attack, with_key=True)
    key = VerifyKey.parse((home / "audit.vkey").read_text())
    with reading(home) as db, pytest.raises(MesoError, match=r"rewritten|does not prove|was cut"):
        growth_proof(db, (home / "held").read_text(), key)


def test_a_log_beside_which_there_is_no_key_asks_for_it(home, tmp_path):
    shutil.copy(home / "audit.db", tmp_path / "audit.db")
    with pytest.raises(Unreadable, match="--key"):
        check_file(tmp_path / "audit.db")
