"""The whole simulated gun without a world: body, firmware, hand, cable and scenario on one clock.

Sans-IO: bytes and time go in, bytes and deadlines come out. Every shell runs this; so can a test, in-process.
"""

from collections.abc import Callable
from hashlib import sha256
from random import Random
from typing import Final

from protocols.errors import InvariantError
from protocols.wire.codes import ResetCause, State
from protocols.wire.frame import Deframer
from simulator.firmware import (
    FIRMWARE_FAULTS,
    ByteStore,
    FirmwareFaults,
    GunFirmware,
    GunIdentity,
    Nvm,
    factory_calibration,
)
from simulator.firmware.calibration import parse_calibration
from simulator.firmware.grants import Grant
from simulator.physics import BODY_FAULTS, Cartridge, GunBody, Head, Injection, Syringe
from simulator.physics.figures import DEFAULT_SYRINGE
from simulator.shells.cable import Cable
from simulator.shells.hand import Hand, Look
from simulator.shells.mangle import WIRE_FAULTS
from simulator.shells.scenario import PlannedFault, Player, Switch
from simulator.shells.technician import Technician

_BACK_AFTER_US: Final = 200_000  # after a power cut of its own making the supply is back in this time
_TURNS_MAX: Final = 1_000_000  # steps of one run; hours of simulated time, unless it goes nowhere


class SimulatedGun:
    """One gun, from cable to skin.

    Attributes:
        body: For hands other than the simulated one.
        firmware: For looking at; the wire is the way to talk to it.
        faults: What is wrong with its memory, clock and firmware; may be changed at any time.
        plugged: Whether the cable is in. The owner of the port follows it.
    """

    def __init__(
        self,
        *,
        name: str,
        seed: str,
        store: ByteStore,
        on_injection: Callable[[Injection], None],
        body_state: bytes | None = None,
        rate_per_s: int | None = None,
        technician: bool = False,
        baud: int | None = None,
        scenario: tuple[PlannedFault, ...] = (),
        syringe: Syringe | None = None,
        firmware: tuple[int, int, int] = (1, 0, 0),
        link_key: bytes | None = None,
        now_us: int = 0,
    ) -> None:
        """Put the gun together and switch it on.

        Args:
            name: Which gun it is: decides uid and serial number.
            seed: Decides every random number.
            store: The firmware's memory.
            on_injection: Told once about each physical stroke.
            body_state: The body's snapshot from before a kill.
            rate_per_s: Pulls per second of the simulated hand; None for no hand.
            technician: Whether somebody presses the service button whenever the gun is at rest, and fits a full syringe
                in place of one nearly empty; in place of a hand.
            baud: Speed of the cable; None for as fast as it goes.
            scenario: What goes wrong when.
            syringe: What the gun is set up for: it is calibrated for this one alone, and holds it full unless it held
                one of the kind before. None leaves a gun with a memory as it was, and gives a new one a 5 mL syringe.
            firmware: Version that its firmware calls itself.
            link_key: Written into its memory, as its maker does: only hosts that hold it may change anything.
            now_us: Time of switching on.
        """
        self._fitted = fitted = syringe or DEFAULT_SYRINGE
        self.body = GunBody(
            chance=Random(f"{seed}/body"),  # noqa: S311  # replays
            on_injection=on_injection,
            cartridge=_full(fitted),
        )
        if body_state is not None:
            self.body.restore(now_us, body_state)
        if syringe is not None and self.body.syringe != syringe:
            self.body.swap_cartridge(now_us, _full(syringe))
        self.faults = FirmwareFaults()
        nvm = Nvm(store)
        identity = _identity(name, seed, fitted, firmware)
        if syringe is not None and not _set_up_for(syringe, nvm):
            nvm.calibration.save(identity.calibration)
        if link_key is not None and nvm.link_key.load() != link_key:
            nvm.link_key.save(link_key)
        self.firmware = GunFirmware(identity, nvm, self.body, self.faults)
        self.plugged = True
        self._cable = Cable(seed=seed, baud=baud)
        self._hand: Hand | Technician | None = None
        if rate_per_s is not None:
            self._hand = Hand(body=self.body, chance=Random(f"{seed}/hand"), rate_per_s=rate_per_s)  # noqa: S311  # replays
        elif technician:
            self._hand = Technician(self.body, self.change_cartridge)
        self._player = Player(scenario, now_us)
        self._reader = Deframer()
        self._back_us: int | None = None
        self._heads = 1
        self._seen: tuple[State, Grant | None] | None = None
        self.power_on(now_us)

    def feed(self, now_us: int, data: bytes) -> None:
        """Bytes from the host go into the cable; lost while it is out."""
        if self.plugged:
            self._cable.to_gun.put(now_us, data)

    def take(self, now_us: int) -> bytes:
        """Bytes that have arrived at the host's end."""
        return self._cable.to_host.take(now_us)

    @property
    def has_room(self) -> bool:
        """Whether the cable takes more from the host now."""
        return self._cable.to_gun.has_room

    def step(self, now_us: int) -> None:
        """Let everything happen that is due by now."""
        if self._player.busy:
            self._play(now_us)
        if not self.firmware.powered:
            self._wait_for_power(now_us)
        firmware = self.firmware
        if not firmware.powered:
            self._let_hand_act(now_us)  # a dead gun does not hold the finger on its trigger
            return
        self._receive(now_us)
        firmware.advance(now_us)
        if self._let_hand_act(now_us):
            sensed_us = self.body.next_event_us()
            if sensed_us is not None and sensed_us <= now_us:
                firmware.advance(now_us)
        while self._cable.to_host.has_room and (frames := firmware.transmit(now_us)):
            if self.plugged:
                self._cable.to_host.put(now_us, frames)

    def run_until(self, now_us: int, end_us: int) -> bytes:
        """Step through every deadline from now to the end, and return what arrived at the host's end meanwhile.

        For tests and worlds that own the clock.
        """
        arrived = []
        for _ in range(_TURNS_MAX):
            self.step(now_us)
            arrived.append(self.take(now_us))
            due_us = self.next_deadline_us()
            if due_us is None or due_us > end_us:
                self.step(end_us)
                arrived.append(self.take(end_us))
                return b"".join(arrived)
            now_us = max(now_us, due_us)
        raise InvariantError("the simulated gun does not get on in time")

    def next_deadline_us(self) -> int | None:
        """When `step` is needed next if nothing comes in before; it may be in the past."""
        next_us = self.firmware.next_deadline_us()
        for due_us in (
            self._cable.next_us(),
            None if self._hand is None else self._hand.next_deadline_us(),
            self._back_us,
            self._player.next_us() if self._player.busy else None,
        ):
            if due_us is not None and (next_us is None or due_us < next_us):
                next_us = due_us
        return next_us

    @property
    def look(self) -> Look:
        """What a hand sees of the gun; without power no lamp is lit."""
        firmware = self.firmware
        if not firmware.powered:
            return Look(state=State.BOOT, area_code=None, kind=None)
        return Look(state=firmware.state, area_code=firmware.armed_area or None, kind=firmware.armed_kind)

    @property
    def moving(self) -> bool:
        """Whether needle or plunger are under way."""
        return self.body.moving

    def power_off(self, now_us: int) -> None:
        """Switch it off, in the middle of whatever it does."""
        self.firmware.power_off(now_us)

    def power_on(self, now_us: int) -> None:
        """Switch it on; a gun that is on starts anew."""
        self._back_us = None
        self.firmware.boot(now_us, ResetCause.POWER_ON)

    def set_plugged(self, plugged: bool) -> None:
        """Pull the cable or put it back; what was in it is lost."""
        if plugged != self.plugged:
            self.plugged = plugged
            self._cable.clear()

    def change_cartridge(self, now_us: int) -> None:
        """Take the cartridge out and fit a full one of its kind; the gun notices."""
        self.body.swap_cartridge(now_us, _full(self.body.syringe or self._fitted))

    def _let_hand_act(self, now_us: int) -> bool:
        """Let the hand do what is due, or what a lamp that has changed asks of it; return whether it looked."""
        hand = self._hand
        if hand is None:
            return False
        seen = (self.firmware.state, self.firmware.credit)
        due_us = hand.next_deadline_us()
        if seen == self._seen and (due_us is None or now_us < due_us):
            return False
        self._seen = seen
        hand.act(now_us, self.look)
        return True

    def _receive(self, now_us: int) -> None:
        data = self._cable.to_gun.take(now_us)
        if not data:
            return
        if self._player.reads_messages:
            for frame in self._reader.feed(data):
                self._player.message(frame.type)
        self.firmware.receive(now_us, data)
        if self._player.busy:
            self._play(now_us)

    def _play(self, now_us: int) -> None:
        for switch in self._player.step(now_us, self.body.strokes_begun):
            self._switch(now_us, switch)

    def _wait_for_power(self, now_us: int) -> None:
        self._cable.to_gun.take(now_us)  # nobody listens
        if self._back_us is None:
            self._back_us = now_us + _BACK_AFTER_US
        if now_us >= self._back_us:
            self._back_us = None
            self.firmware.boot(now_us, ResetCause.BROWN_OUT)

    def _switch(self, now_us: int, switch: Switch) -> None:
        fault, on = switch.fault, switch.on
        if fault.name in BODY_FAULTS:
            if on:
                self.body.set_fault(now_us, fault.name, fault.strength)
            else:
                self.body.heal(now_us, fault.name)
        elif fault.name in FIRMWARE_FAULTS:
            if on:
                self.faults.set(fault.name, fault.strength)
            else:
                self.faults.clear(fault.name)
        elif fault.name in WIRE_FAULTS:
            ways = {"to_gun": self._cable.to_gun, "to_host": self._cable.to_host}
            for direction, way in ways.items():
                if fault.direction in {None, direction}:
                    way.set_rate(fault.name, fault.strength if on else 0)
        else:
            self._world(now_us, fault, on=on)

    def _world(self, now_us: int, fault: PlannedFault, *, on: bool) -> None:
        match fault.name:
            case "unplug":
                self.set_plugged(not on)
            case "occlusion":
                self.body.occlude(now_us, on)
            case "gun_reset" if on:
                self.firmware.power_off(now_us)
                self._back_us = now_us + (fault.for_ms or _BACK_AFTER_US // 1_000) * 1_000
            case "cartridge_swap" if on:
                self.change_cartridge(now_us)
            case "head_swap" if on:
                self._heads += 1
                self.body.swap_head(now_us, Head(head_instance=self._heads))
            case "stop_button" if on:
                self.body.press_stop_button(now_us)
            case "service_button" if on:
                self.body.press_service_button(now_us)
            case _:
                pass


def _full(syringe: Syringe) -> Cartridge:
    return Cartridge(syringe=syringe, content_nl=syringe.size_nl)


def _set_up_for(syringe: Syringe, nvm: Nvm) -> bool:
    block = nvm.calibration.load()
    return block is not None and set(parse_calibration(block).syringes) == {syringe.geometry_id}


def _identity(name: str, seed: str, syringe: Syringe, firmware: tuple[int, int, int]) -> GunIdentity:
    uid = sha256(f"meso simulated gun {name}".encode()).digest()[:12]
    calibration = factory_calibration(geometry_ids={syringe.geometry_id})
    serial = f"SIM-{uid.hex()[:8].upper()}"
    return GunIdentity(uid=uid, serial=serial, firmware=firmware, entropy=seed.encode(), calibration=calibration)
