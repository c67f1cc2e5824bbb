"""How long a data directory may go without a backup before the console says so."""

from datetime import UTC, datetime

import pytest

from meso_device.host import newest_backup
from meso_device.host.backup_watch import LATE_DAYS, LOOKS_EVERY_US, BackupWatch
from meso_device.host.newest_backup import FILE_NAME, NewestBackup
from meso_device.session.contract import Instant
from protocols.errors import UsageError
from protocols.units import DAY_US

BEGUN_US = 1_800_000_000_000_000
LATE_US = LATE_DAYS * DAY_US


def at(since_us, mono_us=0):
    return Instant(mono_us, BEGUN_US + since_us)


def made(since_us):
    text = datetime.fromtimestamp((BEGUN_US + since_us) / 1e6, UTC).isoformat()
    return NewestBackup(made_at=text, records=9)


def test_a_log_without_a_backup_is_late_once_it_is_a_week_old(tmp_path):
    watch = BackupWatch(tmp_path, BEGUN_US)
    assert watch.late(at(LATE_US - 1)) == ""
    assert watch.late(at(LATE_US, LOOKS_EVERY_US - 1)) is None
    assert watch.late(at(LATE_US, LOOKS_EVERY_US)) == "never backed up, begun 7 days ago"


def test_a_backup_made_while_the_console_runs_ends_it(tmp_path):
    watch = BackupWatch(tmp_path, BEGUN_US)
    assert watch.late(at(30 * DAY_US))
    newest_backup.note(tmp_path, made(30 * DAY_US))
    assert watch.late(at(30 * DAY_US + 1, LOOKS_EVERY_US)) == ""
    assert watch.late(at(38 * DAY_US, 2 * LOOKS_EVERY_US)) == "backed up 8 days ago"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"made_at":"soon","records":1}', b"\xff" * 9_000])
def test_a_note_that_cannot_be_read_counts_as_none(tmp_path, content):
    (tmp_path / FILE_NAME).write_bytes(content)
    assert BackupWatch(tmp_path, BEGUN_US).late(at(LATE_US)).startswith("never backed up")


def test_a_directory_that_cannot_be_written_is_told_and_the_backup_is_said_to_be_made(tmp_path):
    with pytest.raises(UsageError, match="is made and verified, but"):
        newest_backup.note(tmp_path / "nowhere", made(0))
