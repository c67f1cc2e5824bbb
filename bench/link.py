"""Round trip of one command over a PTY: ours, the bare floor under it, and pymodbus, interleaved in one run.

    .venv/bin/python -m bench.link

All three talk to a process at the other end of a PTY. Floor and ours talk to the same responder, which reads the frame
and answers with a STATUS; pymodbus gets canned bytes for its 32 registers, which costs its responder less.
"""

import os
import select
import subprocess
import sys
import time
import tty
from statistics import median
from zlib import crc32

from cobs import cobs
from msgspec.structs import fields

ROUNDS = 30
PER_ROUND = 100
PYMODBUS_PER_ROUND = 20
RATIO_TO_FLOOR_MAX = 3.0
RATIO_TO_PYMODBUS_MIN = 5.0
SESSION = 7


# --- the other end ------------------------------------------------------------------------------


def respond_as_gun(fd: int) -> None:
    """Answer HELLO and STATUS_GET; nothing else comes."""
    from protocols.wire.messages import Hello, HelloReply, Status

    ok = bytes(4)
    status = ok + Status(**{field.name: 0 for field in fields(Status)}).pack()
    buffer = b""
    while True:
        try:
            buffer += os.read(fd, 4096)
        except OSError:
            return
        *blocks, buffer = buffer.split(b"\0")
        for block in blocks:
            if not block:
                continue
            frame = cobs.decode(block)
            head, payload = frame[:12], frame[12:-4]
            hello = frame[1] == Hello.TYPE
            body = ok + hello_reply(HelloReply, Hello.unpack(payload).host_nonce) if hello else status
            reply = b"\x10" + bytes([frame[1] | 0x80]) + head[2:8] + b"\1\0\0\0" + body
            os.write(fd, b"\0" + cobs.encode(reply + crc32(reply).to_bytes(4, "little")) + b"\0")


def hello_reply(reply_type, nonce: bytes) -> bytes:
    empty = {"int": 0, "bytes": b"", "str": ""}
    values = {f.name: empty[f.type if isinstance(f.type, str) else f.type.__name__] for f in fields(reply_type)}
    values |= {"session": SESSION, "major": 1, "host_nonce": nonce}
    return reply_type(**values).pack()


def respond_as_modbus(fd: int) -> None:
    """Answer each 8-byte request with the same 32 registers."""
    from pymodbus.framer.rtu import FramerRTU

    reply = bytes([1, 3, 64]) + bytes(64)
    reply += FramerRTU.compute_CRC(reply).to_bytes(2, "big")
    while True:
        try:
            if os.read(fd, 256):
                os.write(fd, reply)
        except OSError:
            return


def start(kind: str) -> tuple[str, subprocess.Popen]:
    """Return the name of a PTY and the process at its other end."""
    master, slave = os.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.link", "--respond", kind, str(master)], pass_fds=[master, slave]
    )
    os.close(master)
    os.close(slave)
    return name, process


# --- this end -----------------------------------------------------------------------------------


class Floor:
    """The least that a round trip can cost: write, select, read, bytes made beforehand."""

    def __init__(self, name: str) -> None:
        from protocols.wire.frame import encode_frame
        from protocols.wire.messages import Status, StatusGet

        self.fd = os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)
        self.frame = encode_frame(StatusGet.TYPE, 1, SESSION, 0, b"")
        self.reply_size = len(encode_frame(0x95, 1, SESSION, 1, bytes(4 + Status.SIZE)))
        self()

    def __call__(self) -> None:
        os.write(self.fd, self.frame)
        left = self.reply_size
        while left > 0:
            select.select([self.fd], [], [])
            left -= len(os.read(self.fd, 4096))


class Ours:
    def __init__(self, name: str) -> None:
        from drivers.gun import GunDriver
        from drivers.outcome import Done
        from drivers.ports import open_port
        from protocols.wire.messages import StatusGet

        self.driver = GunDriver(open_port(name), os.urandom(16))
        self.driver.hello()
        self.message = StatusGet()
        self.done = Done

    def __call__(self) -> None:
        if not isinstance(self.driver.request(self.message), self.done):
            raise SystemExit("a request of ours was not answered")


class Pymodbus:
    def __init__(self, name: str) -> None:
        from pymodbus.client import ModbusSerialClient

        self.client = ModbusSerialClient(name, baudrate=115200)
        self.client.connect()
        self()

    def __call__(self) -> None:
        if self.client.read_holding_registers(0, count=32).isError():
            raise SystemExit("a request of pymodbus was not answered")


def measure(call, times_us: list[float], cpu_us: list[float], count: int) -> None:
    cpu = time.process_time_ns()
    for _ in range(count):
        began = time.perf_counter_ns()
        call()
        times_us.append((time.perf_counter_ns() - began) / 1000)
    cpu_us.append((time.process_time_ns() - cpu) / 1000 / count)


def run() -> list[dict]:
    """Measure and return the rows of the table."""
    gun_pty, gun = start("gun")
    floor_pty, floor_gun = start("gun")
    modbus_pty, modbus = start("modbus")
    times = {"floor": [], "ours": [], "pymodbus": []}
    cpu = {"floor": [], "ours": [], "pymodbus": []}
    try:
        floor, ours, peer = Floor(floor_pty), Ours(gun_pty), Pymodbus(modbus_pty)
        measure(floor, [], [], 50)
        measure(ours, [], [], 50)
        for _ in range(ROUNDS):
            measure(floor, times["floor"], cpu["floor"], PER_ROUND)
            measure(ours, times["ours"], cpu["ours"], PER_ROUND)
            measure(peer, times["pymodbus"], cpu["pymodbus"], PYMODBUS_PER_ROUND)
        ours.driver.close()
        peer.client.close()
        os.close(floor.fd)
    finally:
        for process in (gun, floor_gun, modbus):
            process.kill()
            process.wait()
    p50 = {name: median(values) for name, values in times.items()}
    return [
        row("command round trip over a PTY, p50", p50["ours"], "select floor", p50["floor"], RATIO_TO_FLOOR_MAX),
        row("pymodbus round trip over a PTY, p50", p50["pymodbus"], "ours", p50["ours"], -RATIO_TO_PYMODBUS_MIN),
        row("CPU of a command, host's side", median(cpu["ours"]), "select floor", median(cpu["floor"]), None),
    ]


def row(name: str, value: float, floor_name: str, floor_value: float, target: float | None) -> dict:
    """One line; a positive target is the highest ratio allowed, a negative one the lowest."""
    ratio = value / floor_value
    if target is None:
        ok, text = True, "shown"
    else:
        ok, text = (ratio <= target, f"<= {target:g}") if target > 0 else (ratio >= -target, f">= {-target:g}")
    return {
        "name": name,
        "value": round(value, 1),
        "unit": "us",
        "floor_name": floor_name,
        "floor_value": round(floor_value, 1),
        "ratio": round(ratio, 2),
        "target": text,
        "ok": ok,
    }


def main() -> int:
    if sys.argv[1:2] == ["--respond"]:
        {"gun": respond_as_gun, "modbus": respond_as_modbus}[sys.argv[2]](int(sys.argv[3]))
        return 0
    rows = run()
    for r in rows:
        print(
            f"{r['name']:38} {r['value']:8.1f} {r['unit']}  = {r['ratio']:6.2f} x {r['floor_name']}"
            f" ({r['floor_value']:.1f} {r['unit']})  target {r['target']:6} {'ok' if r['ok'] else 'MISSED'}"
        )
    return 0 if all(r["ok"] for r in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
