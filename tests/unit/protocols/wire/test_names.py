"""What a gun calls itself ends on screens: nothing of it moves a cursor, whatever its bytes are."""

import random

import pytest

from drivers.discovery import FoundGun
from meso_device.cli.guns import gun_line
from protocols.wire.messages import HelloReply
from tests.world.slots import hello

ESCAPES = [b"\x1b[2J\x9b31m", b"\x1b]0;owned\x07", b"\xe2\x80\xae\r\n\t", bytes(range(12)), b"\x7f\x80\xff" * 4]


@pytest.mark.hazard("HZ-33")
def test_names_of_a_gun_are_printable_ascii_in_the_reply_and_in_every_line_of_it():
    rng = random.Random(6)
    block = hello().pack()
    for escapes in [*ESCAPES, *(rng.randbytes(12) for _ in range(200))]:
        data = bytearray(block)
        for name in ("model", "serial"):
            at = HelloReply.OFFSETS[name]
            data[at : at + len(escapes)] = escapes
        reply = HelloReply.unpack(bytes(data))
        for text in (reply.model, reply.serial, gun_line(FoundGun(port="/dev/ttyACM0", reply=reply, problem=""))):
            assert text.isascii()
            assert text.isprintable()
