"""Restores a backup, with what collectors hold of the log beyond it: before anything is recorded behind it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from meso_device.audit.keys import VerifyKey
from meso_device.audit.log_keys import log_keys
from meso_device.audit.reader import reading
from meso_device.audit.retirement import is_retired
from meso_device.audit.take_over import Taken
from meso_device.audit.verify import stored_vkey
from meso_device.cli.asking import STDIN, ask, read_document, stdin_line
from meso_device.cli.recording import commit
from meso_device.collector import sender
from meso_device.collector.channel import parse_address
from meso_device.collector.code import OneTimeCode
from meso_device.collector.refill import WITHOUT, elsewhere
from meso_device.host.home import Home, find_home
from meso_device.records.backup import read_list
from meso_device.records.restore import (
    Restored,
    follow_log,
    missing_records,
    place_secrets,
    regain,
    restoring,
)
from protocols.errors import MesoError, UsageError

COMMAND: Final = "meso backup restore"


def restore_home(
    where: Path,
    keys: Path,
    home: Path | None,
    *,
    checkpoint: Path | None,
    collectors: Sequence[str],
    code_file: str,
    without_collector: bool,
) -> Restored:
    """Make a data directory of a backup and of what collectors hold beyond it, and record that.

    Args:
        where: The backup.
        keys: Where the secrets are.
        home: The data directory as given to the command.
        checkpoint: The newest one that was kept outside.
        collectors: Where they listen; none for those that the backup names.
        code_file: File with a one-time code of each, a line each; empty to ask for them.
        without_collector: Whether to ask none.

    Raises:
        UsageError: no backup, no empty place, no secrets, or no code of a collector.
        MesoError: the backup does not hold, a collector does not answer, or holds another history.
        AuditWriteFailed: the log cannot be written. Nothing was made, whatever is raised.
    """
    if without_collector and (collectors or code_file):
        raise UsageError("--without-collector asks no collector: leave --collector and --code-file out")
    addresses = () if without_collector else tuple(collectors) or read_list(where).collectors
    # Asked for before the long part.
    codes = _codes(addresses, code_file)
    root = find_home(home, os.environ)
    with restoring(where, root, keys) as (backup, work):
        taken = _regained(work, dict(zip(addresses, codes, strict=True)))
        missing = 0 if checkpoint is None else missing_records(work, checkpoint)
        place_secrets(work, keys)
        restored = Restored(
            backup=backup, taken=taken, missing=missing, people=follow_log(work), retired=is_retired(work)
        )
        if not restored.retired:
            commit(Home(work), (restored.entry(),), purpose=COMMAND)
    return restored


def _regained(work: Path, codes: dict[str, OneTimeCode]) -> Taken | None:
    """Enrol anew with the collectors, which voids the credential of the old directory, and take what they hold."""
    trusted = VerifyKey.parse(stored_vkey(work))
    with reading(work) as db:
        first = str(log_keys(db, trusted).first)
    for address, code in codes.items():
        try:
            sender.enrol(work, *parse_address(address), code, first)
        except MesoError as error:
            raise MesoError(f"{error}; {WITHOUT}") from error
    with elsewhere(work, trusted.name) as other:
        return None if other is None else regain(work, other)


def _codes(addresses: Sequence[str], code_file: str) -> list[OneTimeCode]:
    if not addresses:
        return []
    if code_file == STDIN:
        lines = [stdin_line(f"the code of {address}") for address in addresses]
    elif code_file:
        lines = read_document(code_file, f"--code-file {code_file}").decode("ascii", "replace").split("\n")
        lines = [line for line in lines if line.strip()]
    else:
        needed = (
            f"this console was enrolled with a collector, which may hold what came after the backup: get a code there "
            f"with 'meso collector enrol NAME' and give --code-file FILE; {WITHOUT}"
        )
        lines = [ask(f"One-time code of the collector at {address}", needed) for address in addresses]
    if len(lines) != len(addresses):
        raise UsageError(f"{len(lines)} codes for {len(addresses)} collectors refused: {', '.join(addresses)}")
    return [OneTimeCode.parse(line) for line in lines]
