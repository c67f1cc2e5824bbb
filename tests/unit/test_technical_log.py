"""The technical log is observation: complete enough to be of use, never in the way, and about no person."""

import gc
import json
import os
import subprocess
import sys

import pytest
from msgspec.structs import replace

from meso_device.session.contract import Instant, LinkState, Notice, NoticeKind, Phase
from meso_device.session.engine import SessionEngine
from meso_device.technical_log import BYTES_MAX, FILE_NAME, TechnicalLog

NOW = Instant(mono_us=5, utc_us=6)
EMPTY = SessionEngine(host_id=bytes(16), host_boot="test").view()


class Recorder:
    def __init__(self):
        self.notices, self.views = [], []

    def notice(self, notice):
        self.notices.append(notice)

    def seen(self, view, now):
        self.views.append((view, now))


def lines(root):
    return [json.loads(line) for line in (root / FILE_NAME).read_text("utf-8").splitlines()]


def test_each_change_of_state_and_each_notice_is_a_line_and_all_is_passed_on(tmp_path):
    heard = Recorder()
    up = replace(EMPTY, link=LinkState.UP, gun_uid="aa" * 12, simulated=True)
    with TechnicalLog(tmp_path, heard, command="meso test") as log:
        for view in (EMPTY, EMPTY, up, up, replace(up, phase=Phase.ARMED)):
            log.seen(view, NOW)
        log.notice(Notice(NoticeKind.ALARM, "line\nend \x1b[31m"))
    assert [line["event"] for line in lines(tmp_path)] == ["start", "state", "state", "state", "notice", "end"]
    assert [line["phase"] for line in lines(tmp_path)[1:4]] == [EMPTY.phase, EMPTY.phase, Phase.ARMED]
    assert lines(tmp_path)[2]["simulated"] is True
    assert lines(tmp_path)[4]["text"] == "line\nend \x1b[31m"
    assert b"\x1b" not in (tmp_path / FILE_NAME).read_bytes()
    assert (len(heard.notices), len(heard.views)) == (1, 5)
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_a_line_leaves_nothing_for_the_garbage_collector(tmp_path):
    with TechnicalLog(tmp_path, Recorder(), command="meso test") as log:
        log.notice(Notice(NoticeKind.INFO, "first"))
        while gc.collect():  # what other tests left may take more than one turn
            pass
        for _ in range(100):
            log.notice(Notice(NoticeKind.INFO, "more"))
        assert gc.collect() == 0


@pytest.mark.parametrize("spoil", ["missing", "directory", "link"])
def test_a_log_that_cannot_be_written_is_in_nobodys_way(tmp_path, spoil):
    root = tmp_path / "home"
    if spoil != "missing":
        root.mkdir()
    if spoil == "directory":
        (root / FILE_NAME).mkdir()
    if spoil == "link":
        (root / FILE_NAME).symlink_to(tmp_path / "elsewhere")
    heard = Recorder()
    with TechnicalLog(root, heard, command="meso test") as log:
        log.seen(EMPTY, NOW)
        log.notice(Notice(NoticeKind.INFO, "still told"))
    assert (len(heard.notices), len(heard.views)) == (1, 1)
    assert not (tmp_path / "elsewhere").exists()


def test_an_error_is_named_by_its_kind_alone_and_goes_on(tmp_path):
    with (
        pytest.raises(ValueError, match="Erika"),
        TechnicalLog(tmp_path, Recorder(), command="meso test"),
    ):
        raise ValueError("patient Erika Mustermann")
    assert lines(tmp_path)[-1]["error"] == "ValueError"
    assert "Erika" not in (tmp_path / FILE_NAME).read_text("utf-8")


def test_a_file_grown_too_large_is_set_aside(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"x" * (BYTES_MAX + 1))
    with TechnicalLog(tmp_path, Recorder(), command="meso test") as log:
        log.seen(EMPTY, NOW)
    assert len(lines(tmp_path)) == 3
    assert (tmp_path / f"{FILE_NAME}.1").stat().st_size == BYTES_MAX + 1


def test_a_run_that_tells_very_much_fills_two_files_at_most(tmp_path, monkeypatch):
    monkeypatch.setattr("meso_device.technical_log.BYTES_MAX", 10_000)
    with TechnicalLog(tmp_path, Recorder(), command="meso test") as log:
        for no in range(1_000):
            log.notice(Notice(NoticeKind.INFO, f"link lost for the {no}th time"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE_NAME, f"{FILE_NAME}.1"]
    assert all(path.stat().st_size < 11_000 for path in tmp_path.iterdir())
    assert [line["event"] for line in (lines(tmp_path)[0], lines(tmp_path)[-1])] == ["start", "end"]


@pytest.mark.hazard("HZ-31")
def test_a_disk_that_becomes_full_is_in_nobodys_way_to_the_end(tmp_path, monkeypatch):
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: real("/dev/full" if FILE_NAME in str(path) else path, *rest))
    heard = Recorder()
    with TechnicalLog(tmp_path, heard, command="meso test") as log:
        log.seen(EMPTY, NOW)
        log.notice(Notice(NoticeKind.INFO, "still told"))
    assert (len(heard.notices), len(heard.views)) == (1, 1)


def test_a_package_that_is_put_off_is_loaded_at_its_first_use():
    code = (
        "import sys, meso_device.technical_log, structlog.stdlib\n"
        "assert 'asyncio' not in sys.modules\n"
        "told = structlog.stdlib.asyncio.sleep\n"
        "import asyncio\n"
        "assert told is asyncio.sleep and type(asyncio) is type(sys)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
