from base64 import b64decode

import pytest

from meso_device.audit.keys import SigningKey, VerifyKey, read_secret, write_secret
from protocols.errors import UsageError

# The example of Go's note package: made by other hands, with "+" inside the base64.
GO_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"  # noqa: S105  # public example
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="


def test_the_keys_of_gos_example_are_understood():
    secret, public = SigningKey.parse(GO_SECRET), VerifyKey.parse(GO_VKEY)
    assert str(secret.verify_key) == GO_VKEY == str(public)
    assert secret.secret_line() == GO_SECRET
    assert public.key_id.hex() == "c74f20a3"


def test_gos_example_signature_is_the_one_we_make():
    raw = b64decode(GO_SIGNATURE)
    assert VerifyKey.parse(GO_VKEY).holds(raw[4:], GO_TEXT)
    assert SigningKey.parse(GO_SECRET).sign(GO_TEXT) == raw[4:]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a+b",
        "a+b+c",
        "a+00000000+AQ==",
        GO_VKEY.replace("c74f20a3", "c74f20a4"),
        GO_VKEY[:-4],
        "a b" + GO_VKEY[12:],
        "é" + GO_VKEY,
    ],
)
def test_damaged_public_keys_are_refused(text):
    with pytest.raises(UsageError):
        VerifyKey.parse(text)


@pytest.mark.parametrize("text", ["", GO_VKEY, GO_SECRET.replace("c74f", "c74e"), GO_SECRET[:-2]])
def test_damaged_secret_keys_are_refused_without_showing_them(text):
    with pytest.raises(UsageError) as caught:
        SigningKey.parse(text)
    assert "AYEKF" not in str(caught.value)


def test_the_key_file_is_for_its_owner_alone(tmp_path):
    path, key = tmp_path / "key", SigningKey.parse(GO_SECRET)
    write_secret(path, key)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_secret(path) == key
    assert "AYEKF" not in repr(key)
    path.chmod(0o640)
    with pytest.raises(UsageError, match="chmod 600"):
        read_secret(path)
    with pytest.raises(FileExistsError):
        write_secret(path, key)
