"""The coverage-guided run finds nothing, and would find something were it there."""

import os
from importlib.util import find_spec

import pytest

from protocols.wire import frame as wire
from tests.fuzz import guided, reading, stream

RUNS = 25_000
EDGES = 350  # of some 410 that a longer run reaches


def need_atheris():
    if find_spec("atheris") is None:
        if os.environ.get("CI"):
            pytest.fail("atheris is not installed: pip install meso-device[fuzz]")
        pytest.skip("ATHERIS IS MISSING: the coverage-guided run over the decoder was left out")


@pytest.mark.invariant("I-43")
def test_a_coverage_guided_run_finds_no_exception():
    need_atheris()
    done = guided.run(runs=RUNS)
    assert done.failure == ""
    assert done.runs >= RUNS
    assert done.edges >= EDGES


def test_every_committed_input_is_read_without_a_failure():
    lines = guided.CORPUS.read_text().split()
    assert 50 < len(lines) < 400
    for line in lines:
        reading.read(bytes.fromhex(line))


def test_a_decoder_that_does_not_look_at_the_crc_would_be_found(monkeypatch):
    monkeypatch.setattr(wire, "crc32", lambda _: 0)
    body = wire.cobs.encode(bytes(12) + b"payload" + bytes(4))
    reading.read(bytes([191]) + stream.VECTORS[0])
    with pytest.raises(AssertionError, match="was not in the stream"):
        reading.read(bytes([191]) + b"\0" + body + b"\0")
