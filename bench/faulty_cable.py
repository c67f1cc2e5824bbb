"""A cable to our simulated gun that does to one reply what is done to the peers' devices."""

import os
import select
import threading
import time
import tty
from pathlib import Path

from cobs import cobs

from bench.peer_devices import Fault


class FaultyCable:
    """Relays between the gun's PTY and the name that the host opens; the fault meets the first reply of one type."""

    def __init__(self, gun: str, link: Path, reply_type: int, fault: Fault) -> None:
        self.gun = os.open(gun, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.gun)
        self.link, self.reply_type, self.fault = link, reply_type, fault
        self.buffer = b""
        self.ends: tuple[int, int] | None = None
        self.wants_plug = threading.Event()
        self.over = False
        self.plug()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def plug(self) -> None:
        master, slave = os.openpty()
        tty.setraw(slave)
        self.link.symlink_to(os.ttyname(slave))
        self.ends = (master, slave)

    def pull(self) -> None:
        self.link.unlink()
        for end in self.ends or ():
            os.close(end)
        self.ends = None

    def close(self) -> None:
        self.over = True
        self.thread.join()
        if self.ends is not None:
            self.pull()
        os.close(self.gun)

    def run(self) -> None:
        while not self.over:
            if self.ends is None and self.wants_plug.is_set():
                self.plug()
            reads = [self.gun, *(self.ends or ())[:1]]
            ready, _, _ = select.select(reads, [], [], 0.02)
            if self.ends is not None and self.ends[0] in ready:
                os.write(self.gun, os.read(self.ends[0], 4096))
            if self.gun in ready:
                self.to_host(os.read(self.gun, 4096))

    def to_host(self, data: bytes) -> None:
        self.buffer += data
        *blocks, self.buffer = self.buffer.split(b"\0")
        for block in blocks:
            frame = b"\0" + block + b"\0"
            if self.ends is None or not block:
                continue
            answers = cobs.decode(block)[1] == self.reply_type
            match self.fault.take(injecting=True) if answers else "":
                case "lost":
                    continue
                case "cable":
                    self.pull()
                    continue
                case "late":
                    time.sleep(self.fault.late_s)
                case "repeated":
                    frame += frame
            os.write(self.ends[0], frame)
