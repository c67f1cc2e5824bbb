import os
import select
from types import SimpleNamespace

import pytest

from meso_device.accounting.entries import Committed
from meso_device.audit import reserve
from meso_device.audit.reserve import LOW_BYTES, RESERVE_BYTES, RESERVE_NAME, Reserve, reserve_missing_bytes
from meso_device.audit.writer import Writer
from meso_device.session.contract import ClinicLoaded, Instant, LoadClinic
from protocols.errors import AuditWriteFailed
from tests.unit.audit.clinic import ALIAS, GUN, SESSION, batch

NOW = Instant(mono_us=7, utc_us=8)
QUESTION = LoadClinic(SESSION, ALIAS, GUN.gun_uid, "d1" * 32)


def free(monkeypatch, count):
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=count, f_frsize=1))


def test_the_reserve_takes_its_room_once_and_keeps_it(tmp_path):
    assert reserve_missing_bytes(tmp_path) == RESERVE_BYTES
    for _ in range(2):
        Reserve(tmp_path)
        status = (tmp_path / RESERVE_NAME).stat()
        assert (status.st_size, status.st_mode & 0o777) == (RESERVE_BYTES, 0o600)
        assert reserve_missing_bytes(tmp_path) == 0


@pytest.mark.hazard("HZ-31")
def test_a_disk_that_falls_low_gives_the_room_back_and_says_so_once(tmp_path, monkeypatch):
    kept = Reserve(tmp_path)
    free(monkeypatch, LOW_BYTES)
    assert (kept.falls_low(), kept.low) == (None, False)
    free(monkeypatch, LOW_BYTES - 1)
    assert (kept.falls_low(), kept.low) == (LOW_BYTES - 1, True)
    assert not (tmp_path / RESERVE_NAME).exists()
    free(monkeypatch, 2 * RESERVE_BYTES)
    assert (kept.falls_low(), kept.low) == (None, True), "room that somebody else may take back is no room"


def test_a_disk_without_room_for_the_reserve_is_one_line(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(reserve, "_take", refuse)
    with pytest.raises(AuditWriteFailed, match="16 MiB: No space left"):
        Reserve(tmp_path)


@pytest.mark.invariant("I-48")
@pytest.mark.hazard("HZ-31")
def test_the_writer_records_a_low_disk_before_what_it_was_asked_and_tells_the_rules(
    tmp_path, store, clinic, monkeypatch
):
    kept = Reserve(tmp_path)
    writer = Writer(store, boot="boot-1", clock="synced", reserve=kept)

    def ask():
        writer.load_clinic(QUESTION, NOW)
        return collect(writer)

    def collect(writer):
        assert select.select([writer], [], [], 10)[0]
        [result] = writer.take_results()
        return result

    try:
        writer.submit(batch(clinic.link_up(), no=1), NOW)
        assert collect(writer) == Committed(no=1, appended=1)
        answer = ask()
        assert isinstance(answer, ClinicLoaded)
        assert not answer.facts.disk_low
        free(monkeypatch, LOW_BYTES // 2)
        for number in (2, 3):
            writer.submit(batch(clinic.shot(), no=number), NOW)
            assert collect(writer) == Committed(no=number, appended=1)
        assert ask().facts.disk_low
        kinds = [kind for (kind,) in store._db.execute("SELECT kind FROM record ORDER BY seq")]
        assert kinds[-4:] == ["link.up", "disk.low", "shot", "shot"]
    finally:
        writer.close(NOW)
