"""What may sit on a port and is not the gun one hoped for: a babbler, a mute, a gun of another time."""

import os
import random
import select
import threading
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from support import frames


class Device:
    """A pseudo-terminal with something scripted at its far end, served by a thread until closed.

    Attributes:
        heard: All bytes that the host sent.
    """

    def __init__(self, link: Path) -> None:
        self.link = link
        self.heard = b""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        link.symlink_to(os.ttyname(self._slave))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def speaks(self) -> bytes:
        """What it says unasked, now and again."""
        return b""

    def answers(self, data: bytes) -> bytes:
        """What it says to these bytes."""
        return b""

    def close(self) -> None:
        """End it; whoever has the port open gets a hang-up. Again changes nothing."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._thread.join()
        os.close(self._slave)
        os.close(self._master)
        self.link.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            said = self.speaks()
            if select.select([self._master], [], [], 0.02)[0]:
                data = os.read(self._master, 4096)
                self.heard += data
                said += self.answers(data)
            self._say(said)

    def _say(self, data: bytes) -> None:
        with suppress(BlockingIOError):  # nobody reads: a device on a wire goes on talking
            os.write(self._master, data)


class Mute(Device):
    """Something that never answers."""


class Babbler(Device):
    """Another serial device that talks: text lines, noise, bytes without a zero, or an echo."""

    def __init__(self, link: Path, *, seed: int, kind: str) -> None:
        self._chance = random.Random(seed)
        self._kind = kind
        super().__init__(link)

    def speaks(self) -> bytes:
        if self._kind == "lines":
            return b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n" * 3
        if self._kind == "noise":
            return self._chance.randbytes(200)
        if self._kind == "endless":  # never a zero: no frame ever ends
            return bytes(self._chance.randrange(1, 256) for _ in range(200))
        return b""

    def answers(self, data: bytes) -> bytes:
        return data if self._kind == "echo" else b"ERROR\r\n"


class ForeignGun(Device):
    """A gun as far as HELLO goes; `reply` makes the frame with which it answers a HELLO."""

    def __init__(self, link: Path, reply: Callable[[frames.Frame], bytes]) -> None:
        self._reader = frames.Reader()
        self._reply = reply
        self.requests: list[frames.Frame] = []
        super().__init__(link)

    def answers(self, data: bytes) -> bytes:
        said = b""
        for frame in self._reader.feed(data):
            self.requests.append(frame)
            if frame.type == frames.HELLO:
                said += self._reply(frame)
        return said


def newer_gun_hello(request: frames.Frame) -> bytes:
    """HELLO reply of a gun that speaks major 2 and says so."""
    body = frames.build_hello(
        {
            "session": 7, "major": 2, "max_frame": 250, "gun_uid": b"NEWERGUN0001", "log_epoch": 1,
            "boot_id": 1, "state": frames.STATE_SAFE, "flags": 1, "log_capacity": 4096, "model": b"MESO-2",
            "serial": b"N-1", "accounting_level": ord("A"), "oldest_seq": 1,
            "host_nonce": request.payload[:16],
        }
    )  # fmt: skip
    return frames.encode(frames.HELLO | frames.REPLY, request.req_id, 7, 1000, body)


def newer_gun_refusal(request: frames.Frame) -> bytes:
    """HELLO refused by a gun that speaks major 2 alone."""
    body = bytes([frames.E_VERSION, 2, 16, 0])
    return frames.encode(frames.HELLO | frames.REPLY, request.req_id, 0, 1000, body)


def real_gun_hello(request: frames.Frame, *, flags: int = 0) -> bytes:
    """HELLO reply of a gun of today that does not say it is simulated."""
    body = frames.build_hello(
        {
            "session": 9, "major": 1, "max_frame": 250, "gun_uid": b"REALGUN00001", "log_epoch": 77,
            "boot_id": 3, "state": frames.STATE_SAFE, "flags": flags, "log_capacity": 4096, "model": b"MESO-1",
            "serial": b"R-1", "fw_major": 1, "accounting_level": ord("A"), "oldest_seq": 1,
            "host_nonce": request.payload[:16],
        }
    )  # fmt: skip
    return frames.encode(frames.HELLO | frames.REPLY, request.req_id, 9, 1000, body)


def half_gun_hello(request: frames.Frame) -> bytes:
    """HELLO reply of a simulated gun that will answer nothing else."""
    return real_gun_hello(request, flags=1)
