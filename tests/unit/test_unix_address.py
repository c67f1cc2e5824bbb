"""A socket is reached however deep its directory lies, also where the system has no names for open files."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

from meso_device import unix_address
from meso_device.unix_address import ADDRESS_BYTES_MAX, short_name


@pytest.fixture
def near():
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


@pytest.mark.parametrize("names", [Path("/proc/self/fd"), Path("/nowhere")])
def test_a_socket_deep_down_is_bound_and_reached_and_nothing_is_left_behind(tmp_path, near, monkeypatch, names):
    monkeypatch.setattr(unix_address, "_OPEN_FILES", names)
    monkeypatch.setattr("tempfile.tempdir", str(near))
    deep = tmp_path / ("d" * 90) / ("e" * 90)
    deep.mkdir(parents=True)
    path = deep / "socket"
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        with short_name(path) as name:
            assert len(os.fsencode(name)) <= ADDRESS_BYTES_MAX
            server.bind(name)
        server.listen()
        with short_name(path) as name:
            client.connect(name)
        peer, _ = server.accept()
        with peer:
            client.sendall(b"reached")
            assert peer.recv(7) == b"reached"
    assert path.is_socket()
    assert list(near.iterdir()) == []
