"""The simulated gun as a process: ports, files, signals and the clock around `SimulatedGun`."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic_ns
from types import FrameType
from typing import Final, Literal

from msgspec import Struct

from protocols.errors import UsageError
from protocols.wire.seal import LINK_KEY_SIZE
from simulator.firmware.nvm import NVM_SIZE, MemoryStore
from simulator.gun import SimulatedGun
from simulator.physics import SYRINGES, Injection, Syringe
from simulator.shells.bench import Bench
from simulator.shells.endpoint import Endpoint
from simulator.shells.hand import RATE_PER_S
from simulator.shells.keys import Keyboard, KeyHand
from simulator.shells.memory import GunFile, new_birth
from simulator.shells.pty_endpoint import PtyEndpoint
from simulator.shells.scenario import PlannedFault
from simulator.shells.tcp_endpoint import TcpEndpoint
from simulator.shells.truth import TruthFile

_KEEP_US: Final = 2_000  # while something moves, its place is kept at least this often
_IDLE_US: Final = 1_000_000
_END_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class SimulateOptions(Struct, frozen=True, kw_only=True):
    """What ``meso simulate`` was asked for.

    Attributes:
        link: Name of the serial port to make.
        tcp: ``HOST:PORT`` to listen on; port 0 for any free one. One of the two is needed, both are possible.
        nvm: The gun's file; without it the gun is new each time.
        truth: File to which each physical injection is appended.
        seed: With the count of starts of the gun's file, decides every random number but a new gun's uid.
        scenario: What goes wrong when.
        baud: Speed of the line; None for as fast as it goes.
        hand: Who pulls the trigger.
        rate: Pulls per second of the automatic hand, 1 to 9.
        syringe: Id in the table of syringes of what the gun is set up for; None for what it was, or a bd_5ml.
        balance: Name of the serial port of a balance under the needle; None for none.
        gauge: Name of the serial port of a dial gauge at the needle's tip; None for none.
        plunger_gain_ppm: By how much the barrel holds more than its table says, 0 to 200,000.
        firmware: Version that the firmware calls itself: three numbers of 0 to 255 with points between.
        auth_key_file: File with the gun's link key, as the card that comes with a gun; made with a fresh key, for its
            owner alone, where there is none. The gun's file keeps the key.
    """

    link: Path | None = None
    tcp: str | None = None
    nvm: Path | None = None
    truth: Path | None = None
    seed: int = 1
    scenario: Path | None = None
    baud: int | None = None
    hand: Literal["auto", "keys", "none", "technician"] = "auto"
    rate: int = RATE_PER_S
    syringe: str | None = None
    balance: Path | None = None
    gauge: Path | None = None
    plunger_gain_ppm: int = 0
    firmware: str = "1.0.0"
    auth_key_file: Path | None = None


def simulate(options: SimulateOptions) -> int:
    """Be a gun until SIGTERM, SIGINT or SIGHUP; returns the exit status.

    Prints ``ready ADDRESS``, a line for each port, once a host can open it. Ending is a loss of power for the gun:
    a stroke under way is INTERRUPTED.

    Raises:
        UsageError: an option cannot be followed; nothing has moved.
    """
    with ExitStack() as stack:
        wake = stack.enter_context(_ended_by_signals())
        process = _Process(options, wake, stack)
        return process.run()


class _Process:
    """Everything that one run holds open."""

    def __init__(self, options: SimulateOptions, wake: "_Wake", stack: ExitStack) -> None:
        self._wake = wake
        self._start_ns = monotonic_ns()
        self._shots = self._given_nl = 0
        syringe = None if options.syringe is None else _syringe(options.syringe)
        firmware = _firmware(options.firmware)
        link_key = None if options.auth_key_file is None else _link_key(options.auth_key_file)
        scenario: tuple[PlannedFault, ...] = ()
        if options.scenario is not None:
            from simulator.shells.scenario_file import load_scenario  # noqa: PLC0415  # only where it is asked for

            scenario = load_scenario(options.scenario)
        keyboard = None
        if options.hand == "keys":
            keyboard = Keyboard()
            stack.callback(keyboard.close)
        self._keyboard = keyboard
        self._file = None
        store: GunFile | MemoryStore = MemoryStore(NVM_SIZE)
        if options.nvm is not None:
            self._file = store = GunFile(options.nvm, NVM_SIZE)
            stack.callback(self._file.close)
        self._truth = None
        if options.truth is not None:
            self._truth = TruthFile(options.truth)
            stack.callback(self._truth.close)
        self._endpoints = _endpoints(options, stack)
        self._bench = None
        if options.balance is not None or options.gauge is not None:
            self._bench = Bench(balance=options.balance, gauge=options.gauge, seed=str(options.seed))
            stack.callback(self._bench.close)
        self._gun = SimulatedGun(
            name=f"{options.seed}/{new_birth() if self._file is None else self._file.birth}",
            seed=f"{options.seed}/{1 if self._file is None else self._file.starts}",
            store=store,
            on_injection=self._injected,
            body_state=None if self._file is None else self._file.body,
            rate_per_s=options.rate if options.hand == "auto" else None,
            technician=options.hand == "technician",
            baud=options.baud,
            scenario=scenario,
            syringe=syringe,
            firmware=firmware,
            link_key=link_key,
            now_us=self._now_us(),
        )
        if options.plunger_gain_ppm:
            self._gun.body.set_fault(self._now_us(), "wide_barrel", options.plunger_gain_ppm)
        if self._truth is not None:
            self._truth.recovering = False
        self._keys = None if keyboard is None else KeyHand(self._gun)

    def run(self) -> int:
        """Turn until ended."""
        addresses = [endpoint.address for endpoint in self._endpoints]
        for address in [*(self._bench.addresses if self._bench is not None else []), *addresses]:
            with suppress(BrokenPipeError):  # nobody listens: then nobody waits for it
                print(f"ready {address}", flush=True)  # noqa: T201  # the contract with our starter
        try:
            while not self._wake.ended and not (self._keys is not None and self._keys.quit):
                self._turn()
        finally:
            now_us = self._now_us()
            self._gun.power_off(now_us)
            self._keep_body(now_us)
        return 0

    def _turn(self) -> None:
        now_us = self._now_us()
        gun = self._gun
        gun.step(now_us)
        if self._keys is not None:
            self._keys.act(now_us)
        for endpoint in self._endpoints:
            if gun.plugged:
                endpoint.plug()
            else:
                endpoint.unplug()
        arrived = gun.take(now_us)
        for endpoint in self._endpoints:
            endpoint.write(arrived)
        if self._bench is not None:
            self._bench.turn(now_us)
        self._keep_body(now_us)
        if self._keyboard is not None and self._keys is not None:
            self._keyboard.show(now_us, self._keys.line(self._shots, self._given_nl))
        self._wait()

    def _wait(self) -> None:
        gun = self._gun
        readers = [self._wake.fd]
        if gun.has_room:
            readers += [fd for endpoint in self._endpoints for fd in endpoint.readers()]
        if self._keyboard is not None:
            readers.append(self._keyboard.fd)
        writers = [fd for endpoint in self._endpoints for fd in endpoint.writers()]
        if self._bench is not None:
            readers += self._bench.readers()
            writers += self._bench.writers()
        readable, _, _ = select.select(readers, writers, [], self._timeout_s())
        now_us = self._now_us()
        if self._keyboard is not None and self._keys is not None and self._keyboard.fd in readable:
            for key in self._keyboard.read():
                self._keys.press(now_us, key)
        for endpoint in self._endpoints:
            if gun.has_room:
                gun.feed(now_us, endpoint.read())
        if self._bench is not None:
            self._bench.hear(now_us)

    def _timeout_s(self) -> float:
        now_us = self._now_us()
        wait_us = _KEEP_US if self._gun.moving else _IDLE_US
        for due_us in (
            self._gun.next_deadline_us(),
            None if self._keys is None else self._keys.next_deadline_us(),
            None if self._bench is None else self._bench.next_deadline_us(),
        ):
            if due_us is not None:
                wait_us = min(wait_us, due_us - now_us)
        return max(0, wait_us) / 1_000_000

    def _keep_body(self, now_us: int) -> None:
        if self._file is not None:
            self._file.keep_body(self._gun.body.state(now_us))

    def _injected(self, injection: Injection) -> None:
        self._shots += 1
        self._given_nl += injection.dose_nl
        if self._truth is not None:
            self._truth.append(injection)
        if self._bench is not None:
            self._bench.injected(self._now_us(), injection)

    def _now_us(self) -> int:
        return (monotonic_ns() - self._start_ns) // 1_000


def _syringe(name: str) -> Syringe:
    from protocols.treatment.syringes import syringes  # noqa: PLC0415  # only where it is asked for

    fitting = {syringe.geometry_id: syringe for syringe in SYRINGES}
    by_name = {row.id: fitting[row.geometry_id] for row in syringes().values() if row.geometry_id in fitting}
    if name not in by_name:
        raise UsageError(f"syringe {name[:40]!r} refused: the simulated gun takes {', '.join(by_name)}")
    return by_name[name]


def _firmware(text: str) -> tuple[int, int, int]:
    parts = [int(part) for part in text.split(".") if part.isascii() and part.isdigit() and len(part) <= 3]
    if len(parts) != 3 or text.count(".") != 2 or max(parts) > 255:
        raise UsageError(f"firmware {text[:40]!r} refused: three numbers of 0 to 255, such as 1.0.0")
    return parts[0], parts[1], parts[2]


def _link_key(path: Path) -> bytes:
    """Read the gun's card, or write a fresh one."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "r+", encoding="ascii") as file:
            if os.fstat(fd).st_mode & 0o077:
                raise UsageError(f"{path} can be read by others; run: chmod 600 {path}")
            text = file.readline(100)
            if not text:
                text = os.urandom(LINK_KEY_SIZE).hex()
                file.write(f"{text}\n")
        key = bytes.fromhex(text)
    except OSError as error:
        raise UsageError(f"--auth-key-file {path} cannot be used: {error.strerror}") from None
    except ValueError:
        key = b""
    if len(key) != LINK_KEY_SIZE:
        raise UsageError(f"--auth-key-file {path} holds no key: {2 * LINK_KEY_SIZE} hexadecimal digits are needed")
    return key


def _endpoints(options: SimulateOptions, stack: ExitStack) -> list[Endpoint]:
    endpoints: list[Endpoint] = []
    if options.link is not None:
        endpoints.append(PtyEndpoint(options.link))
        stack.callback(endpoints[-1].close)
    if options.tcp is not None:
        host, colon, port = options.tcp.rpartition(":")
        if not colon or not host or not port.isascii() or not port.isdigit():
            raise UsageError(f"address {options.tcp!r} refused: write HOST:PORT, such as 127.0.0.1:7001")
        endpoints.append(TcpEndpoint(host.strip("[]"), int(port)))
        stack.callback(endpoints[-1].close)
    if not endpoints:
        raise UsageError("no port named: give --link PATH, --tcp HOST:PORT, or both")
    return endpoints


class _Wake(Struct):
    """Set by a signal.

    Attributes:
        fd: Readable once a signal came.
        ended: Whether one came.
    """

    fd: int
    ended: bool = False

    def end(self, _signal: int, _frame: FrameType | None) -> None:
        self.ended = True


@contextmanager
def _ended_by_signals() -> Iterator[_Wake]:
    """Let the signals that end a process end the loop instead, so that links are taken away."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    wake = _Wake(readable)
    wakeup_before = signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    before = {number: signal.signal(number, wake.end) for number in _END_SIGNALS}
    try:
        yield wake
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup_before)
        os.close(readable)
        os.close(writable)
