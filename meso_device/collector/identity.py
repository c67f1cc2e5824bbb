"""The collector's own directory: the key of its cosignatures, and the certificate that consoles know it by."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec import Struct

from meso_device.audit.filesystem import sync_directory
from meso_device.audit.keys import SEED_BYTES, SigningKey, read_secret, write_secret
from meso_device.host.home import write_private
from protocols.errors import UsageError

DIRECTORY_VARIABLE: Final = "MESO_COLLECTOR"
KEY_NAME: Final = "cosign.key"
TLS_KEY_NAME: Final = "tls.key"
CERTIFICATE_NAME: Final = "tls.crt"
_NAME: Final = "meso-collector"


class Identity(Struct, frozen=True):
    """Who this collector is.

    Attributes:
        key: Signs checkpoints that it holds.
        certificate_file: Its certificate, PEM.
        tls_key_file: The certificate's key, PEM, mode 0600.
    """

    key: SigningKey
    certificate_file: Path
    tls_key_file: Path

    @property
    def certificate(self) -> bytes:
        """The certificate in DER."""
        return x509.load_pem_x509_certificate(self.certificate_file.read_bytes()).public_bytes(Encoding.DER)


def find_directory(given: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the one given, else ``MESO_COLLECTOR``, else the platform's place for user data."""
    if given is not None:
        return given.expanduser()
    named = environ.get(DIRECTORY_VARIABLE, "")
    if named:
        return Path(named).expanduser()
    import platformdirs  # noqa: PLC0415  # not needed where the directory is named

    return Path(platformdirs.user_data_dir(_NAME, appauthor=False))


def settle(directory: Path) -> Identity:
    """Return who the collector is; drawn when the directory is first used, and kept.

    Raises:
        UsageError: the directory cannot be used, or a part of the identity is missing or damaged.
    """
    key_file, certificate_file, tls_key_file = (directory / name for name in (KEY_NAME, CERTIFICATE_NAME, TLS_KEY_NAME))
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(directory):
            # The certificate is written last: with it the identity is whole, and consoles may know it.
            if not certificate_file.exists():
                if not key_file.exists():
                    name = f"{_NAME}/{secrets.token_hex(4)}"
                    write_secret(key_file, SigningKey(name, secrets.token_bytes(SEED_BYTES)))
                _write_certificate(certificate_file, tls_key_file)
                sync_directory(directory)
        identity = Identity(read_secret(key_file), certificate_file, tls_key_file)
        if not identity.certificate or not tls_key_file.exists():
            raise UsageError(f"{tls_key_file} is missing: restore it from a backup")
    except OSError as error:
        raise UsageError(
            f"the collector's directory {directory} cannot be used: {error.strerror}; give another with --dir"
        ) from None
    except ValueError:
        raise UsageError(f"{certificate_file} is no certificate: restore it from a backup") from None
    return identity


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Two commands that begin at once draw one identity."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _write_certificate(certificate_file: Path, key_file: Path) -> None:
    """Make a certificate that never ends: consoles compare it whole, and a date would only stop them one day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(9999, 12, 31, tzinfo=UTC))
        .sign(key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(key_file, secret.decode())
    write_private(certificate_file, certificate.public_bytes(Encoding.PEM).decode())
