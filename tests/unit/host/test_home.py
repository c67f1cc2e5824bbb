import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from meso_device.host.home import (
    FREE_BYTES_MIN,
    HOST_ID_BYTES,
    Home,
    HomeLock,
    existing_home,
    find_home,
    lock_holder,
    open_home,
    read_host_id,
    write_private,
)
from protocols.errors import MesoError, UsageError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_directory_given_comes_before_the_variable_and_the_variable_before_the_platform(tmp_path):
    named = {"MESO_HOME": "/somewhere"}
    assert find_home(tmp_path, named) == tmp_path
    assert find_home(None, named) == Path("/somewhere")
    assert find_home(None, {"MESO_HOME": ""}).name == "meso-device"


def test_a_new_data_directory_is_for_its_owner_only(tmp_path):
    home = open_home(tmp_path / "deep" / "home")
    assert mode(home.root) == 0o700


def test_a_data_directory_open_to_others_is_closed_to_them(tmp_path):
    root = tmp_path / "home"
    root.mkdir(mode=0o755)
    open_home(root)
    assert mode(root) == 0o700


def test_write_protection_of_a_data_directory_is_not_lifted(tmp_path):
    root = tmp_path / "home"
    root.mkdir(mode=0o500)
    open_home(root)
    assert mode(root) == 0o500


def test_a_file_in_place_of_the_directory_is_refused_by_name(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    for look in (open_home, existing_home):
        with pytest.raises(UsageError, match="not a directory") as refused:
            look(path)
        assert str(path) in str(refused.value)
        assert "\n" not in str(refused.value)


def test_a_directory_that_cannot_be_made_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="give another with --home"):
        open_home(Path("/proc/none/home"))


def test_a_nearly_full_disk_is_refused_before_anything_is_begun(tmp_path, monkeypatch):
    space = SimpleNamespace(f_bavail=(FREE_BYTES_MIN - 1) // 4096, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _: space)
    with pytest.raises(UsageError, match="MiB free"):
        open_home(tmp_path)


@pytest.mark.parametrize(
    ("number", "word"),
    [(errno.EROFS, "read-only"), (errno.EACCES, "permission"), (errno.ENOSPC, "full"), (errno.EIO, "error")],
)
def test_what_keeps_the_lock_file_from_being_written_is_told(tmp_path, monkeypatch, number, word):
    def refuse(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UsageError, match=word):
        HomeLock.take(Home(tmp_path), purpose="test")


@pytest.mark.invariant("I-31")
def test_a_second_process_is_told_who_holds_the_directory_and_gets_it_when_that_one_dies(tmp_path):
    script = (
        "import sys, pathlib\n"
        "from meso_device.host.home import Home, HomeLock\n"
        "lock = HomeLock.take(Home(pathlib.Path(sys.argv[1])), purpose='meso session run')\n"
        "print('held', flush=True)\nsys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert lock_holder(Home(tmp_path)) == f"meso session run, process {holder.pid}"
        with pytest.raises(MesoError, match="in use by meso session run") as refused:
            HomeLock.take(Home(tmp_path), purpose="test")
        assert str(tmp_path) in str(refused.value)
        holder.kill()
    assert lock_holder(Home(tmp_path)) == ""
    with HomeLock.take(Home(tmp_path), purpose="test"):
        assert "test" in lock_holder(Home(tmp_path))
    assert mode(tmp_path / "host.lock") == 0o600


def test_a_lock_released_twice_is_released(tmp_path):
    lock = HomeLock.take(Home(tmp_path), purpose="test")
    lock.release()
    lock.release()
    HomeLock.take(Home(tmp_path), purpose="test").release()


def test_what_the_lock_file_says_cannot_write_to_the_terminal(tmp_path):
    with HomeLock.take(Home(tmp_path), purpose="bad\x1b[31m\nname"):
        assert lock_holder(Home(tmp_path)).isprintable()


def test_the_host_keeps_its_id(tmp_path):
    first = read_host_id(Home(tmp_path))
    assert len(first) == HOST_ID_BYTES
    assert read_host_id(Home(tmp_path)) == first
    assert mode(tmp_path / "host.id") == 0o600


@pytest.mark.parametrize("content", ["", "xyz", "00", "ü"])
def test_a_damaged_id_is_not_replaced_unasked(tmp_path, content):
    (tmp_path / "host.id").write_text(content)
    with pytest.raises(MesoError, match="damaged"):
        read_host_id(Home(tmp_path))


def test_a_private_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_private(path, "one")
    assert mode(path) == 0o600

    def fail(_fd):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="full"):
        write_private(path, "two")
    assert path.read_text() == "one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
