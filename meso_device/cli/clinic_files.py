"""The clinic's own treatment protocol files: those that were approved are kept in the data directory, byte by byte."""

from hashlib import sha256
from pathlib import Path

from meso_device.host.home import Home, write_private
from protocols.errors import MesoError
from protocols.treatment.files import read_treatment_file
from protocols.treatment.treatment import Treatment

_DIRECTORY = "treatments"


def clinic_files(root: Path) -> tuple[Path, ...]:
    """Return the treatment protocol files that are kept in a data directory, by name."""
    return tuple(sorted((root / _DIRECTORY).glob("*.toml")))


def keep_approved(home: Home, source: Path, treatment: Treatment) -> Path:
    """Keep the very bytes that were approved, under the id of the treatment; an older version gives way.

    Raises:
        MesoError: they cannot be kept, or the file was changed meanwhile.
    """
    kept = home.root / _DIRECTORY / f"{treatment.file.treatment.id}.toml"
    try:
        data = read_treatment_file(source)
        if sha256(data).hexdigest() != treatment.digest:
            raise MesoError(f"approved, but {source} was changed meanwhile and is not kept: approve it again")
        kept.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(kept, data.decode())
    except OSError as error:
        raise MesoError(
            f"approved, but not kept in {kept.parent} ({error.strerror}): give it to the console with --protocol"
        ) from None
    return kept
