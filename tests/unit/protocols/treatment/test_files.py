import os
import socket

import pytest

from protocols.treatment.loader import load_treatment
from protocols.treatment.problems import TreatmentFileError
from protocols.treatment.text import FILE_BYTES_MAX


def refusal(path):
    with pytest.raises(TreatmentFileError) as refused:
        load_treatment(path)
    assert str(refused.value).startswith(f"{path}:1:1: ")
    return refused.value.problems[0].what


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert refusal(tmp_path / "none.toml") == "there is no such file"


def test_a_directory_is_refused(tmp_path):
    assert refusal(tmp_path) == "not a file but a directory"


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == "not a file but a pipe"


def test_a_device_is_refused_without_being_opened():
    assert refusal("/dev/zero") == "not a file but a device"


def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as end:
        end.bind("s")
        assert refusal("s") == "not a file but a socket"


def test_a_symbolic_link_is_refused_even_to_a_good_file(tmp_path, practice):
    (tmp_path / "real.toml").write_text(practice)
    (tmp_path / "link.toml").symlink_to("real.toml")
    assert load_treatment(tmp_path / "real.toml")
    assert "symbolic link" in refusal(tmp_path / "link.toml")


def test_a_huge_file_is_refused_without_being_read(tmp_path):
    path = tmp_path / "huge.toml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    assert refusal(path) == f"the file has 100000000 bytes; at most {FILE_BYTES_MAX} are allowed"


def test_a_file_of_exactly_the_highest_size_is_read(tmp_path, practice):
    path = tmp_path / "full.toml"
    padding = "#\n" * FILE_BYTES_MAX
    path.write_text((practice + padding)[:FILE_BYTES_MAX])
    assert load_treatment(path)
    path.write_text((practice + padding)[: FILE_BYTES_MAX + 1])
    assert "at most" in refusal(path)


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path, mocker):
    path = tmp_path / "growing.toml"
    path.write_bytes(b"#")
    mocker.patch("protocols.treatment.files.os.read", side_effect=lambda _, size: b"#" * size)
    assert "at most" in refusal(path)


def test_a_name_with_nul_is_refused():
    with pytest.raises(TreatmentFileError, match="NUL"):
        load_treatment("face\x00.toml")


def test_a_reading_error_is_one_line(tmp_path, mocker):
    path = tmp_path / "face.toml"
    path.write_bytes(b"#")
    mocker.patch("protocols.treatment.files.os.open", side_effect=PermissionError(13, "Permission denied"))
    assert refusal(path) == "cannot be read: Permission denied"
