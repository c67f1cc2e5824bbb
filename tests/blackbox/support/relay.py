"""A cable between a host and a gun: a process of its own that passes bytes, damages them, and can be pulled.

    python relay.py --gun GUN_TTY --link NAME --log FILE --seed N

The host opens NAME, a symbolic link to a pseudo-terminal. A gun that hangs up is opened again as soon as its
name is back; the host's end stays as it is, as with a serial adapter that outlives the gun. Commands come as
lines on standard input, each is answered by ``ok`` on standard output. Directions are ``h2g`` (host to gun),
``g2h``, or ``both``:

    corrupt DIR PPM    each byte is changed with this probability
    drop DIR PPM       each byte is lost with this probability
    stall DIR on|off   bytes wait
    cut DIR N          the cable is pulled after N more bytes
    unplug             the cable is pulled now: hang-up at the host, silence at the gun
    real               from now on the gun does not say any more that it is simulated
    keyless            from now on the gun's HELLO does not tell any more that it holds a link key
    replug [NAME]      a new pseudo-terminal under the same or another name
    quit

The log is JSON Lines in order of time: ``t`` (monotonic ns), ``dir``, ``in`` and, where changed, ``out`` in
hex; or ``t`` and ``event``.
"""

import argparse
import json
import os
import random
import select
import sys
import termios
import time
import tty
from pathlib import Path
from typing import TextIO

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import frames  # a script finds its neighbours only after the line above

H2G, G2H = "h2g", "g2h"
_CHUNK = 4096
# Where the flags stand in what the gun says of itself, and the bit that is taken out of them.
_FLAGS_AT = {frames.HELLO | frames.REPLY: 42, frames.STATUS: 2, frames.STATUS_GET | frames.REPLY: 6}
_SIMULATED = 1
_CAPABILITIES_AT = 164
_LINK_AUTH = 1


class Relay:
    """The cable's two ends and what is wrong with it."""

    def __init__(self, gun_tty: str, link: str, log: TextIO, seed: int) -> None:
        self._chance = random.Random(seed)
        self._log = log
        self._gun_tty = gun_tty
        self._gun: int | None = None
        self._open_gun()
        self._master: int | None = None
        self._slave: int | None = None
        self._link = link
        self._corrupt_ppm = {H2G: 0, G2H: 0}
        self._drop_ppm = {H2G: 0, G2H: 0}
        self._stalled = {H2G: False, G2H: False}
        self._cut_after: dict[str, int | None] = {H2G: None, G2H: None}
        self._waiting = {H2G: b"", G2H: b""}
        self._real: frames.Reader | None = None
        self._keyless: frames.Reader | None = None
        self.plug(link)

    def note(self, **what: str) -> None:
        self._log.write(json.dumps({"t": time.monotonic_ns(), **what}) + "\n")
        self._log.flush()

    def _open_gun(self) -> None:
        self._gun = os.open(self._gun_tty, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._gun)

    def _find_gun(self) -> None:
        try:
            self._open_gun()
        except (OSError, termios.error):  # not there yet
            if self._gun is not None:
                os.close(self._gun)
                self._gun = None
        else:
            self.note(event="gun back")

    def plug(self, link: str) -> None:
        """Offer a fresh pseudo-terminal under this name."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._link = link
        fresh = Path(f"{link}.new")
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(link)
        self._waiting = {H2G: b"", G2H: b""}
        self.note(event=f"plug {link}")

    def unplug(self) -> None:
        """Pull the cable: the name goes, whoever has it open gets a hang-up, bytes on the way are lost."""
        if self._master is None or self._slave is None:
            return
        Path(self._link).unlink()
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = None
        self._cut_after = {H2G: None, G2H: None}
        self.note(event="unplug")

    def command(self, line: str) -> None:
        """Obey one line of standard input."""
        word, *rest = line.split()
        ways = (H2G, G2H) if rest[:1] == ["both"] else tuple(rest[:1])
        if word == "unplug":
            self.unplug()
        elif word == "real":
            self._real = frames.Reader()
        elif word == "keyless":
            self._keyless = frames.Reader()
        elif word == "replug":
            self.unplug()
            self.plug(rest[0] if rest else self._link)
        for way in ways if word in {"corrupt", "drop", "stall", "cut"} else ():
            if word == "corrupt":
                self._corrupt_ppm[way] = int(rest[1])
            elif word == "drop":
                self._drop_ppm[way] = int(rest[1])
            elif word == "stall":
                self._stalled[way] = rest[1] == "on"
            else:
                self._cut_after[way] = int(rest[1])

    def _damage(self, way: str, data: bytes) -> bytes:
        corrupt, drop = self._corrupt_ppm[way], self._drop_ppm[way]
        if not corrupt and not drop:
            return data
        out = bytearray()
        for byte in data:
            if self._chance.randrange(1_000_000) < drop:
                continue
            if self._chance.randrange(1_000_000) < corrupt:
                out.append(byte ^ self._chance.randrange(1, 256))
            else:
                out.append(byte)
        return bytes(out)

    def _unsimulated(self, reader: frames.Reader, data: bytes) -> bytes:
        """Return the frames that these bytes complete, without the flag."""
        out = b""
        for frame in reader.feed(data):
            payload = bytearray(frame.payload)
            at = _FLAGS_AT.get(frame.type)
            if at is not None and at < len(payload):
                payload[at] &= ~_SIMULATED & 0xFF
            out += frames.encode(frame.type, frame.req_id, frame.session, frame.aux, bytes(payload), major=frame.major)
        return out

    def _without_key(self, reader: frames.Reader, data: bytes) -> bytes:
        """Return the frames that these bytes complete, HELLO's reply without the capability."""
        out = b""
        for frame in reader.feed(data):
            payload = bytearray(frame.payload)
            if frame.type == frames.HELLO | frames.REPLY and len(payload) > _CAPABILITIES_AT:
                payload[_CAPABILITIES_AT] &= ~_LINK_AUTH & 0xFF
            out += frames.encode(frame.type, frame.req_id, frame.session, frame.aux, bytes(payload), major=frame.major)
        return out

    def _pass(self, way: str, data: bytes) -> None:
        """Take bytes in; they leave at once unless the way is stalled or the cable is cut within them."""
        if self._real is not None and way == G2H:
            data = self._unsimulated(self._real, data)
        if self._keyless is not None and way == G2H:
            data = self._without_key(self._keyless, data)
        left = self._cut_after[way]
        cut = left is not None and len(data) >= left
        if left is not None:
            self._cut_after[way] = left - len(data)
        taken = data[:left] if cut else data
        out = self._damage(way, taken)
        changed = {"out": out.hex()} if out != taken else {}
        self.note(dir=way, **{"in": taken.hex(), **changed})
        self._waiting[way] += out
        self._push(way)
        if cut:
            self.unplug()

    def _push(self, way: str) -> None:
        """Hand on what waits, as far as the other end takes it."""
        target = self._gun if way == H2G else self._master
        if self._stalled[way] or not self._waiting[way]:
            return
        if target is None:  # nobody at that end: a cable keeps nothing
            self._waiting[way] = b""
            return
        try:
            sent = os.write(target, self._waiting[way])
        except BlockingIOError:
            return
        except OSError:  # that end is gone: the bytes are lost in the cable
            sent = len(self._waiting[way])
        self._waiting[way] = self._waiting[way][sent:]

    def _read(self, end: int) -> bytes:
        try:
            return os.read(end, _CHUNK)
        except OSError:
            return b""

    def _serve_gun(self, end: int) -> None:
        data = self._read(end)
        if data:
            if self._master is not None:
                self._pass(G2H, data)
            return
        self.note(event="gun hung up")
        os.close(end)
        self._gun = None

    def run(self) -> None:
        """Relay until told to quit or standard input closes."""
        orders = sys.stdin.fileno()
        commands = b""
        while True:
            if self._gun is None:
                self._find_gun()
            ends = [end for end in (orders, self._gun, self._master) if end is not None]
            busy = self._gun is None or any(self._waiting.values())
            readable, _, _ = select.select(ends, [], [], 0.01 if busy else 0.5)
            # Commands first: what is told holds for the bytes read in this turn.
            if orders in readable:
                data = os.read(orders, _CHUNK)
                *lines, commands = (commands + data).split(b"\n")
                for line in lines:
                    if line.strip() == b"quit":
                        return
                    self.command(line.decode())
                    print("ok", flush=True)
                if not data:
                    return
                continue
            if self._master is not None and self._master in readable:
                data = self._read(self._master)
                if data:
                    self._pass(H2G, data)
            if self._gun is not None and self._gun in readable:
                self._serve_gun(self._gun)
            for way in (H2G, G2H):
                self._push(way)


def main() -> None:
    """Run as a process."""
    parser = argparse.ArgumentParser()
    for name in ("--gun", "--link", "--log"):
        parser.add_argument(name, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    with Path(options.log).open("a", encoding="ascii") as log:
        relay = Relay(options.gun, options.link, log, options.seed)
        print("ready", flush=True)
        relay.run()


if __name__ == "__main__":
    main()
