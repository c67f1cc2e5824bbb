"""What the product does to its log while the disk is recorded: clinics at random, clean ends and starts in between."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from meso_device.audit import database
from meso_device.audit.store import Store
from meso_device.audit.writer import GROUP_RECORDS_MAX
from tests.storage.recorder import Recorder
from tests.unit.audit.clinic import batch, stamp
from tests.unit.audit.history import History

HOME = "house/home"
SMALL_WAL_BYTES = 24 * 1024


@contextmanager
def settings(
    *, synchronous: str = "FULL", autocheckpoint: int = 1000, wal_bytes: int = SMALL_WAL_BYTES
) -> Iterator[None]:
    """Let the product open its database with these settings, and read them back as it does with its own."""
    back = {"OFF": 0, "NORMAL": 1, "FULL": 2}[synchronous]
    changed = {
        "synchronous": ("synchronous", synchronous, back),
        "wal_autocheckpoint": ("wal_autocheckpoint", str(autocheckpoint), autocheckpoint),
    }
    table = tuple(changed.get(row[0], row) for row in database._SETTINGS)
    with mock.patch.object(database, "_SETTINGS", table), mock.patch.object(database, "WAL_BYTES", wal_bytes):
        yield


class Told:
    """A store whose every answer is noted as an acknowledgement."""

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder

    def commit(self, batches, at):
        results = self._store.commit(batches, at)
        assert not self._store.broken, self._store.broken
        self._recorder.acknowledge(self._store.size)
        return results


def work(root: Path, recorder: Recorder, seed: int, *, steps: int, starts: int = 2) -> None:
    """Begin or take up the log below ``root`` and work on it; every second end is a clean one."""
    rng = random.Random(seed)
    home = root / HOME
    for start in range(starts):
        boot = f"boot-{seed}-{start}"
        store = Store.open(home, software="0.1.0", stamp=stamp(boot=boot), randomness=rng.randbytes)
        recorder.acknowledge(store.size)
        history = History(Told(store, recorder), rng)
        history.run(steps)
        if rng.random() < 0.5:  # a gun that was away delivers a full group
            clinic = history.clinics[0]
            shots = [batch(clinic.shot(), no=no) for no in range(GROUP_RECORDS_MAX)]
            Told(store, recorder).commit(shots, stamp(history.step, boot))
        size = store.size
        if start % 2 == 0:
            store.close(stamp(10**6, boot=boot))
            recorder.acknowledge(size + 1)
        else:
            database.abandon(store._db)
