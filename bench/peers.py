"""One request and its reply over a PTY: the floors, ours, and the peers' own clients, interleaved in one run.

    python -m bench.peers

The floor writes prepared bytes and waits by select; pyserial's read stands between it and those who use it. Floor,
pyserial and ours talk to the responder of `bench.link`; each peer talks to a device with its own framing.
"""

import os
import subprocess
import sys
import tty
from statistics import median

from bench.link import Floor, Ours, measure, row, start
from bench.peer_clients import CLIENTS
from bench.peer_devices import Fault, Served

ROUNDS = 20
PER_ROUND = 50
PER_ROUND_SLOW = 5  # for those above a millisecond
SLOW = ("pymodbus", "minimalmodbus", "smpclient")
TIMEOUT_S = 1.0
FLOOR = "select floor"
RATIO_TO_FLOOR_MAX = 3.0


class Pyserial:
    """Write and read(n) of pyserial, on the same frames as the floor."""

    def __init__(self, name: str) -> None:
        from serial import Serial

        floor = Floor(name)
        os.close(floor.fd)
        self.frame, self.reply_size = floor.frame, floor.reply_size
        self.port = Serial(name, 115200, timeout=TIMEOUT_S)

    def __call__(self) -> None:
        self.port.write(self.frame)
        if len(self.port.read(self.reply_size)) != self.reply_size:
            raise SystemExit("a request of pyserial was not answered")


class Peer:
    """A read by a peer's own client."""

    def __init__(self, name: str, port: str) -> None:
        self.client = CLIENTS[name](port, TIMEOUT_S)

    def __call__(self) -> None:
        self.client.read(1)


def start_device(kind: str) -> tuple[str, subprocess.Popen]:
    """Return the name of a PTY and the process that is a device at its other end."""
    master, slave = os.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.peers", "--respond", kind, str(master)], pass_fds=[master, slave]
    )
    os.close(master)
    os.close(slave)
    return name, process


def run() -> list[dict]:
    """Measure all, and return the rows of the table."""
    ends = {name: start("gun") for name in (FLOOR, "pyserial", "ours")}
    ends |= {name: start_device(client.device) for name, client in CLIENTS.items()}
    ports = {name: port for name, (port, _) in ends.items()}
    try:
        calls = {FLOOR: Floor(ports[FLOOR]), "pyserial": Pyserial(ports["pyserial"]), "ours": Ours(ports["ours"])}
        calls |= {name: Peer(name, ports[name]) for name in CLIENTS}
        times = {name: [] for name in calls}
        cpu = {name: [] for name in calls}
        for call in calls.values():
            measure(call, [], [], PER_ROUND_SLOW)
        for _ in range(ROUNDS):
            for name, call in calls.items():
                measure(call, times[name], cpu[name], PER_ROUND_SLOW if name in SLOW else PER_ROUND)
        for name in CLIENTS:
            calls[name].client.close()
        calls["pyserial"].port.close()
        calls["ours"].driver.close()
        os.close(calls[FLOOR].fd)
    finally:
        for _, process in ends.values():
            process.kill()
            process.wait()
    return rows(times, cpu)


def rows(times: dict[str, list[float]], cpu: dict[str, list[float]]) -> list[dict]:
    p50 = {name: median(values) for name, values in times.items()}
    found = []
    for name, value in p50.items():
        if name != FLOOR:
            most = RATIO_TO_FLOOR_MAX if name == "ours" else None
            found.append(row(f"round trip p50: {name}", value, FLOOR, p50[FLOOR], most))
    found.append(row("round trip p50: pymavlink, beside ours", p50["pymavlink"], "ours", p50["ours"], -1.0))
    floor_cpu = median(cpu[FLOOR])
    found += [row(f"CPU of a round trip: {n}", median(v), FLOOR, floor_cpu, None) for n, v in cpu.items() if n != FLOOR]
    return found


def main() -> int:
    if sys.argv[1:2] == ["--respond"]:
        Served(int(sys.argv[3]), sys.argv[2], Fault()).serve()
        return 0
    from bench.__main__ import show

    found = run()
    for shown in found:
        print(show(shown))
    return 0 if all(shown["ok"] for shown in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
