"""The collector is the same one as long as its directory lives, and never half of one."""

import threading

import pytest

from meso_device.collector.identity import CERTIFICATE_NAME, KEY_NAME, TLS_KEY_NAME, find_directory, settle
from protocols.errors import UsageError


def test_it_is_drawn_once_whoever_asks_first_and_its_secrets_are_for_nobody_else(tmp_path):
    directory, found = tmp_path / "collector", []
    together = threading.Barrier(4)

    def ask():
        together.wait()
        identity = settle(directory)
        found.append((str(identity.key.verify_key), identity.certificate))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert directory.stat().st_mode & 0o777 == 0o700
    for name in (KEY_NAME, TLS_KEY_NAME):
        assert (directory / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", [KEY_NAME, TLS_KEY_NAME])
def test_a_secret_that_is_missing_is_never_drawn_anew(tmp_path, name):
    settle(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(UsageError):
        settle(tmp_path)
    assert not (tmp_path / name).exists()


def test_a_start_that_was_cut_off_before_the_certificate_is_taken_up(tmp_path):
    key = settle(tmp_path).key
    (tmp_path / CERTIFICATE_NAME).unlink()
    assert settle(tmp_path).key == key


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_damaged_certificate_is_refused(tmp_path, content):
    settle(tmp_path)
    (tmp_path / CERTIFICATE_NAME).write_text(content)
    with pytest.raises(UsageError, match="no certificate"):
        settle(tmp_path)


def test_a_key_that_others_may_read_is_refused(tmp_path):
    settle(tmp_path)
    (tmp_path / KEY_NAME).chmod(0o644)
    with pytest.raises(UsageError, match="can be read by others"):
        settle(tmp_path)


def test_the_directory_is_the_one_named_on_the_command_line_or_in_the_environment(tmp_path):
    assert find_directory(tmp_path, {"MESO_COLLECTOR": "/elsewhere"}) == tmp_path
    assert str(find_directory(None, {"MESO_COLLECTOR": "/elsewhere"})) == "/elsewhere"
    assert find_directory(None, {}).name == "meso-collector"
