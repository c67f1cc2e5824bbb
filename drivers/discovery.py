"""Find guns: open each port, say HELLO and nothing else, and tell what answered."""

import os
import select
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from drivers.link import LinkEngine
from drivers.link_events import Answered, LinkDown
from drivers.outcome import Distrusted, Done, Refused
from drivers.ports import BAUD_DEFAULT, Port, open_port
from protocols.errors import LinkLost, UsageError
from protocols.wire.codes import MAJOR, Code, GunFlag
from protocols.wire.messages import HelloReply

# Two tries of HELLO and the slow start of an adapter; a gun answers within 20 ms in every state.
PROBE_S: Final = 1.2


class FoundGun(Struct, frozen=True):
    """What is at a port.

    Attributes:
        port: Name of the port.
        reply: What the gun says of itself; None if no gun of this wire protocol answered.
        problem: Why the gun cannot be used, or why there is none; empty if it can be.
    """

    port: str
    reply: HelloReply | None
    problem: str

    @property
    def simulated(self) -> bool:
        """Whether the gun says that it is a simulated one."""
        return self.reply is not None and bool(self.reply.flags & GunFlag.SIMULATED)


def candidate_ports(names: Iterable[str] = ()) -> list[str]:
    """Return the names given and all serial ports that the system lists, each device once."""
    from serial.tools import list_ports  # noqa: PLC0415  # only where ports are searched

    listed = sorted(port.device for port in list_ports.comports())
    by_device: dict[str, str] = {}
    for name in (*names, *listed):
        by_device.setdefault(os.path.realpath(name) if "://" not in name else name, name)
    return list(by_device.values())


def discover(
    names: Iterable[str],
    host_id: bytes,
    *,
    baud: int = BAUD_DEFAULT,
    lock_dir: Path | None = None,
    timeout_s: float = PROBE_S,
    link_keys: Mapping[bytes, bytes] | None = None,
) -> list[FoundGun]:
    """Probe ports at the same time and return one finding for each, in the order given.

    HELLO works in every state of a gun and changes nothing but its table of sessions. A port that another process holds
    is not touched.

    Args:
        names: Ports, such as `candidate_ports` gives.
        host_id: The host's random id of 16 bytes.
        baud: Baud rate of devices.
        lock_dir: Directory of the lock files; the user's runtime directory if None.
        timeout_s: How long to wait for all answers together.
        link_keys: Link keys of the guns that were paired, by gun_uid: such a gun is only found if it proves its key.
    """
    findings: dict[str, FoundGun] = {}
    probes: dict[int, _Probe] = {}
    order = list(dict.fromkeys(names))
    try:
        for name in order:
            try:
                probe = _Probe(open_port(name, baud, lock_dir=lock_dir, connect_s=timeout_s), host_id, link_keys or {})
            except UsageError as error:
                findings[name] = FoundGun(name, None, str(error))
            else:
                probes[probe.port.fileno()] = probe
        _run([*probes.items()], timeout_s)
    finally:
        for probe in probes.values():
            findings[probe.port.name] = probe.finding(timeout_s)
            probe.port.close()
    return [findings[name] for name in order]


class _Probe:
    """One port being asked; `found` is set at the end."""

    def __init__(self, port: Port, host_id: bytes, link_keys: Mapping[bytes, bytes]) -> None:
        self.port = port
        self.found: FoundGun | None = None
        self._link = LinkEngine(host_id, link_keys)
        self._unsent = b""
        now_us = _now_us()
        self._link.opened(now_us)
        self._link.ask(now_us, 0, self._link.hello(os.urandom(16)))

    def step(self, *, readable: bool) -> None:
        """Read what is there, and send what is due."""
        now_us = _now_us()
        try:
            data = self.port.read() if readable else b""
            for event in (*self._link.received(now_us, data), *self._link.tick(now_us)):
                if isinstance(event, Answered) and self.found is None:
                    self.found = self._judge(event)
                elif isinstance(event, LinkDown) and self.found is None:
                    self.found = FoundGun(self.port.name, None, event.reason)
            self._unsent = self._unsent or (b"" if self.found else self._link.transmit(now_us))
            if self._unsent:
                self._unsent = self._unsent[self.port.write(self._unsent) :]
        except LinkLost as lost:
            self.found = FoundGun(self.port.name, None, str(lost))

    def finding(self, timeout_s: float) -> FoundGun:
        """Return what was found, or what the silence was like."""
        if self.found is not None:
            return self.found
        stats = self._link.stats
        if stats.echoes:
            problem = "sends back what it is sent: a loop-back, a modem or a console, no gun"
        elif stats.frames_in:
            problem = "sends frames but does not answer HELLO: switch the gun off and on"
        elif stats.bytes_in:
            problem = "another device: it sends bytes that are not the wire protocol (or the baud rate is wrong)"
        else:
            problem = f"no answer within {timeout_s:g} s: no gun, or it is switched off"
        return FoundGun(self.port.name, None, problem)

    def _judge(self, event: Answered) -> FoundGun | None:
        outcome = event.outcome
        name = self.port.name
        if isinstance(outcome, Done) and isinstance(outcome.body, HelloReply):
            major = outcome.body.major
            problem = "" if major == MAJOR else _other_major(major)
            return FoundGun(name, outcome.body, problem)
        if isinstance(outcome, Distrusted):
            return FoundGun(name, None, f"{name}: {outcome.reason}")
        if isinstance(outcome, Refused) and outcome.code == Code.E_VERSION:
            return FoundGun(name, None, _other_major(outcome.detail))
        if isinstance(outcome, Refused):
            return FoundGun(name, None, f"a gun that refuses HELLO with code {outcome.code}")
        return None


def _run(probes: list[tuple[int, _Probe]], timeout_s: float) -> None:
    poll = select.poll()
    for fd, probe in probes:
        poll.register(fd, select.POLLIN)
        probe.step(readable=False)
    end_us = _now_us() + int(timeout_s * 1_000_000)
    waiting = dict(probes)
    while waiting and (left_us := end_us - _now_us()) > 0:
        # The engines' own deadlines are tens of milliseconds apart at least.
        readable = {fd for fd, _ in poll.poll(min(left_us // 1000 + 1, 20))}
        for fd, probe in [*waiting.items()]:
            probe.step(readable=fd in readable)
            if probe.found is not None:
                poll.unregister(fd)
                del waiting[fd]


def _other_major(major: int) -> str:
    named = f" {major}" if major else ", another major version"
    todo = "update meso-device" if major == 0 or major > MAJOR else "update the gun's firmware"
    return f"speaks wire protocol{named}; this host speaks {MAJOR}: {todo}"


def _now_us() -> int:
    return time.monotonic_ns() // 1000
