"""A screen that does what its test says: one JSON object a line on a Unix socket in, its messages out.

It paints the alternate screen and turns on what a real one turns on, so that what the host leaves behind shows.
"""

import json
import os
import select
import signal
import socket
import struct
import sys
import termios
import time
import tty
from pathlib import Path

from meso_device.screen_start import begin

ALIVE_S = 0.2
PAINT = b"\x1b[?1049h\x1b[?25l\x1b[?1000h\x1b[?1003h\x1b[?1006h\x1b[?1004h\x1b[?2004h\x1b[>1u"
CLEAN = b"\x1b[<u\x1b[?2004l\x1b[?1004l\x1b[?1006l\x1b[?1003l\x1b[?1000l\x1b[?25h\x1b[?1049l"
BYE = 132


def frame(kind: int, number: int, body: object) -> bytes:
    data = json.dumps(body).encode()
    return struct.pack("<IBI", 5 + len(data), kind, number) + data


class Screen:
    def __init__(self, path: str) -> None:
        self.host = begin()
        tty.setraw(0)
        self.test = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.test.connect(path)
        self.from_host = b""
        self.from_test = b""
        self.alive = True
        self.count = 0
        os.write(1, PAINT)
        self.tell(
            {
                "event": "started",
                "pid": os.getpid(),
                "fds": sorted(int(fd.name) for fd in Path("/proc/self/fd").iterdir()),
            }
        )
        signal.signal(signal.SIGWINCH, lambda *_: self.resized())
        self.resized()

    def tell(self, event: object) -> None:
        self.test.sendall(json.dumps(event).encode() + b"\n")

    def resized(self) -> None:
        columns, rows = os.get_terminal_size(0)
        self.tell({"event": "size", "rows": rows, "columns": columns})

    def run(self) -> int:
        due = time.monotonic()
        while True:
            readable, _, _ = select.select([0, self.host, self.test], [], [], max(0, due - time.monotonic()))
            if time.monotonic() >= due:
                due = time.monotonic() + ALIVE_S
                if self.alive and self.count:
                    self.count += 1
                    self.host.sendall(frame(2, 0, {"count": self.count}))
            if 0 in readable:
                self.tell({"event": "keys", "hex": os.read(0, 65536).hex()})
            if self.host in readable and self.hear_host():
                return 0
            if self.test in readable:
                self.hear_test()

    def hear_host(self) -> bool:
        data = self.host.recv(65536)
        if not data:
            os._exit(3)
        self.from_host += data
        while len(self.from_host) >= 9:
            length, kind, number = struct.unpack_from("<IBI", self.from_host)
            if len(self.from_host) < 4 + length:
                break
            body = json.loads(self.from_host[9 : 4 + length])
            self.from_host = self.from_host[4 + length :]
            self.tell({"event": "message", "kind": kind, "id": number, "body": body})
            if kind == BYE:
                os.write(1, CLEAN)
                return True
        return False

    def hear_test(self) -> None:
        data = self.test.recv(65536)
        if not data:
            os._exit(4)
        self.from_test += data
        while b"\n" in self.from_test:
            line, _, self.from_test = self.from_test.partition(b"\n")
            order = json.loads(line)
            match order["do"]:
                case "send":
                    self.count += 1
                    self.host.sendall(frame(order["kind"], order["id"], order["body"]))
                case "raw":
                    self.host.sendall(bytes.fromhex(order["hex"]))
                case "alive":
                    self.alive = order["on"]
                case "paint":
                    os.write(1, bytes.fromhex(order["hex"]))
                case "exit":
                    os._exit(order["status"])
                case "hog":
                    end = time.monotonic() + order["seconds"]
                    while time.monotonic() < end:
                        pass


if __name__ == "__main__":
    before = termios.tcgetattr(0)
    sys.exit(Screen(sys.argv[1]).run())
