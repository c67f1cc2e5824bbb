import os
import subprocess
import sys
from importlib import import_module

import pytest

from meso_device.cli import main, registry
from meso_device.cli.main import run
from meso_device.cli.output import LINE_MAX, one_line
from protocols.errors import InvariantError, LinkLost, MesoError, UsageError


@pytest.fixture
def failing(monkeypatch):
    """Make the whole command line raise."""

    def use(error):
        def fail(*_args, **_kwargs):
            raise error

        monkeypatch.setattr(main, "_invoke", fail)

    return use


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("no"), 2),
        (MesoError("no"), 1),
        (LinkLost("no"), 1),
        (InvariantError("no"), 1),
        (ValueError("no"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_error_is_one_line_and_a_status(capfd, failing, error, status):
    failing(error)
    assert run([]) == status
    err = capfd.readouterr().err
    assert len(err.splitlines()) == (status != 130)
    assert "Traceback" not in err


def test_a_bug_says_so_and_shows_its_place_on_request(capfd, failing, monkeypatch):
    failing(ZeroDivisionError("boom"))
    assert run([]) == 1
    assert "bug in meso-device" in capfd.readouterr().err
    monkeypatch.setenv("MESO_DEBUG", "1")
    assert run([]) == 1
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.parametrize(
    "words", [["patient", "check"], ["session", "list", "--home"], ["doctor", "--home"]], ids=lambda words: words[0]
)
def test_a_name_longer_than_the_file_system_takes_is_refused_in_one_line(capfd, words):
    assert run([*words, "A" * 400]) == 2
    told = capfd.readouterr().err
    assert told.endswith("File name too long\n")
    assert "bug" not in told
    assert told.count("\n") == 1


def test_a_nul_in_an_argument_is_refused_in_one_line(capfd):
    assert run(["audit", "verify", "--home", "a\0b"]) == 2
    assert capfd.readouterr().err == "meso: an argument holds a NUL character; leave it out\n"


def test_what_a_device_sent_cannot_write_to_the_terminal():
    assert one_line("a\x1b[31m\nb\x9bc") == "a?[31m b?c"
    assert len(one_line("x" * 100_000)) == LINE_MAX + 1


@pytest.mark.parametrize(
    "words",
    [("nonsense",), ("stop", "--nonsense"), ("session", "nonsense"), ("session", "run"), ("demo", "--shots", "0")],
)
def test_a_wrong_command_line_is_one_line_that_points_to_the_help(capfd, words):
    assert run(words) == 2
    err = capfd.readouterr().err
    assert err.startswith("meso: ")
    assert "--help" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("words", [(), ("session",), ("audit",)])
def test_asking_for_nothing_shows_the_help(capsys, words):
    assert run(words) == 2
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize("name", registry.COMMANDS)
def test_each_command_exists_and_its_help_begins_as_the_list_says(capsys, name):
    assert hasattr(import_module(registry.COMMANDS[name].module), "app")
    assert run([name, "--help"]) == 0
    words = registry.COMMANDS[name].help.rstrip(".").split()[:2]
    assert " ".join(words) in " ".join(capsys.readouterr().out.split())


def test_the_version_is_told(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == "meso-device 0.1.0\n"


def python(code, **kwargs):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, **kwargs)


@pytest.mark.parametrize("words", [["--help"], ["session", "--help"], ["stop", "--help"]])
def test_help_loads_nothing_heavy(words):
    heavy = "apsw argon2 cobs cryptography rich segno serial structlog textual typst simulator drivers"
    done = python(
        "import sys\nfrom meso_device.cli.main import run\n"
        f"run({words!r})\nprint(*[name for name in {heavy!r}.split() if name in sys.modules], file=sys.stderr)"
    )
    assert done.stderr.strip() == ""


@pytest.mark.hazard("HZ-12")
def test_stop_waits_for_nothing_to_be_loaded():
    done = python(
        "import sys\nfrom meso_device.cli.main import run\nrun(['stop'])\n"
        "print(*[name for name in 'typer pydantic drivers apsw protocols.wire'.split() if name in sys.modules])"
    )
    assert done.stdout.strip() == ""


def test_a_reader_that_leaves_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "meso_device", "--help"], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert done.stderr == b""
    assert done.returncode in {1, main.PIPE_CLOSED}
