import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from drivers import link_probe
from meso_device.accounting.entries import Entry
from meso_device.audit.checkpoint import read_unsigned
from meso_device.audit.outside import REQUIRED, Where, kept_entry
from meso_device.audit.store import Store
from meso_device.cli import checks
from meso_device.cli.checks import Level, all_checks
from meso_device.host.home import Home, HomeLock
from tests.unit.audit.clinic import commit, stamp


@pytest.fixture(autouse=True)
def no_ports(monkeypatch):
    """Ports of the computer that runs the tests are not asked for."""
    monkeypatch.setattr(checks, "candidate_ports", list)


def found(home, name):
    (one,) = [check for check in all_checks(home) if check.name == name]
    return one


def test_a_healthy_directory_has_nothing_to_mend(tmp_path):
    tmp_path.chmod(0o700)
    assert [check for check in all_checks(tmp_path) if check.level is Level.BAD] == []
    assert {"Python", "SQLite", "data directory", "disk", "lock", "clock", "kept outside"} <= {
        c.name for c in all_checks(tmp_path)
    }


def test_each_of_the_four_packages_is_looked_at(tmp_path):
    names = {check.name for check in all_checks(tmp_path)}
    assert {f"package {name}" for name in ("meso_device", "drivers", "simulator", "protocols")} <= names


def test_a_package_of_another_distribution_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "packages_distributions", lambda: {"drivers": ["meso-device", "printer-tools"]})
    one = found(tmp_path, "package drivers")
    assert one.level is Level.BAD
    assert "printer-tools" in one.text


def test_a_package_from_another_place_is_told(tmp_path, monkeypatch):
    real = checks.find_spec

    def elsewhere(name):
        return SimpleNamespace(origin="/elsewhere/protocols/__init__.py") if name == "protocols" else real(name)

    monkeypatch.setattr(checks, "find_spec", elsewhere)
    assert found(tmp_path, "package protocols").level is Level.BAD


@pytest.mark.parametrize(("content", "level"), [("16\n", Level.NOTE), ("1\n", Level.GOOD), ("x", Level.GOOD)])
def test_an_adapter_that_delays_every_answer_is_told(tmp_path, monkeypatch, content, level):
    port = tmp_path / "ttyUSB0"
    port.write_text("")
    (tmp_path / "latency").write_text(content)
    monkeypatch.setattr(checks, "candidate_ports", lambda: [str(port)])
    monkeypatch.setattr(link_probe, "_LATENCY_FILE", str(tmp_path / "latency"))
    assert found(tmp_path, "port").level is level


def test_a_port_without_permission_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "candidate_ports", lambda: ["/dev/ttyUSB9"])
    assert found(tmp_path, "port").level is Level.BAD


def test_no_port_is_no_fault(tmp_path):
    assert found(tmp_path, "ports").level is Level.NOTE


def test_a_data_directory_that_is_missing_open_or_a_file_is_told(tmp_path):
    assert found(tmp_path / "none", "data directory").level is Level.NOTE
    tmp_path.chmod(0o755)
    assert found(tmp_path, "data directory").level is Level.NOTE
    file = tmp_path / "file"
    file.write_text("")
    one = found(file, "data directory")
    assert one.level is Level.BAD
    assert str(file) in one.text


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=1, f_frsize=4096))
    assert found(tmp_path, "disk").level is Level.BAD


def test_the_disk_of_a_directory_that_is_not_there_yet_is_that_of_its_parent(tmp_path):
    assert found(tmp_path / "a" / "b", "disk").level is Level.GOOD


def test_who_holds_the_directory_is_told(tmp_path):
    with HomeLock.take(Home(tmp_path), purpose="meso session run"):
        assert "meso session run" in found(tmp_path, "lock").text
    assert found(tmp_path, "lock").text == "free"


def test_an_old_sqlite_is_told(tmp_path, monkeypatch):
    import apsw

    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.40.1")
    assert found(tmp_path, "SQLite").level is Level.BAD


def test_nothing_is_made_by_looking(tmp_path):
    all_checks(tmp_path / "home")
    assert not Path(tmp_path / "home").exists()


def test_how_far_the_log_is_beyond_what_is_kept_outside_is_told(tmp_path):
    assert found(tmp_path, "kept outside").text == "no log yet"
    store = Store.open(tmp_path, software="0.1.0", stamp=stamp())
    try:
        head = read_unsigned(store.newest_checkpoint())
        assert found(tmp_path, "kept outside").level is Level.NOTE
        commit(store, kept_entry(head, Where.PAPER, "a"))
        assert found(tmp_path, "kept outside").level is Level.GOOD
        commit(store, Entry(kind=REQUIRED, key="outside/1", payload={"number": 1, "records_max": 1, "days_max": 0}))
        one = found(tmp_path, "kept outside")
        assert (one.level, "no session begins" in one.text) == (Level.BAD, True)
    finally:
        store.close(stamp())
    (tmp_path / "audit.db").write_bytes(b"no database")
    assert found(tmp_path, "kept outside").level is Level.BAD
