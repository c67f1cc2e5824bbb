"""Salvages a damaged log: by two people where people are enrolled, whose signatures stand on the record of it."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from meso_device import __version__
from meso_device.accounting.entries import Batch, CommitFailed, Entry
from meso_device.audit.keys import VerifyKey
from meso_device.audit.records import Stamp
from meso_device.audit.salvage import Salvaged, salvage
from meso_device.audit.store import Store
from meso_device.audit.verify import stored_vkey
from meso_device.cli.desk import open_desk
from meso_device.collector.refill import elsewhere
from meso_device.host.clock import Clock, read_clock_state, read_host_boot
from meso_device.host.home import Home, HomeLock, existing_home, find_home
from meso_device.people.office import read_operators
from meso_device.people.register import Purpose
from meso_device.people.roles import Act
from meso_device.people.signatures import authorise, sign_together
from protocols.errors import AuditWriteFailed

COMMAND = "meso audit salvage"


def salvage_home(home: Path | None, *, first: str, second: str, pin_file: str, without_collector: bool) -> Salvaged:
    """Salvage the log of a data directory and record it.

    Raises:
        MesoError: nothing is damaged, nothing can be saved, a collector that this console is enrolled with does not
            answer, or these people may not.
        UsageError: another process has the data directory.
        AuditWriteFailed: the new log cannot be written.
    """
    place = existing_home(find_home(home, os.environ))
    if not read_operators(place.root):
        return _salvage(place, lambda _: (), without_collector)
    with open_desk(home, command=COMMAND, pin_file=pin_file) as desk:
        proofs = (desk.prove(first, Purpose.SIGNATURE), desk.prove(second, Purpose.SIGNATURE))
        pair = authorise(Act.SALVAGE, *proofs, desk.now())
        return _salvage(place, lambda entry: sign_together(entry, pair), without_collector)


def _salvage(place: Home, sign: Callable[[Entry], tuple[Entry, ...]], without_collector: bool) -> Salvaged:
    now = Clock().now()
    stamp = Stamp(ts_us=now.utc_us, mono_us=now.since_boot_us, boot=read_host_boot(), clock=read_clock_state())
    with HomeLock.take(place, purpose=COMMAND):
        name = VerifyKey.parse(stored_vkey(place.root)).name
        held = contextlib.nullcontext(None) if without_collector else elsewhere(place.root, name)
        with held as other:
            found = salvage(place.root, str(now.utc_us // 1_000_000), other)
        entry = found.entry()
        store = Store.open(place.root, software=__version__, stamp=stamp)
        try:
            [result] = store.commit([Batch(no=0, entries=(entry, *sign(entry)))], stamp)
            if isinstance(result, CommitFailed):
                raise AuditWriteFailed(result.reason)
        finally:
            store.close(stamp)
    return found
