"""The simulated world: one host and one gun with everything going wrong that has a name, by seed.

Everything that decides is the real code; this file carries out what the faults ask for. What must hold is watched by
`tests.world.checkers`, which knows the hidden motion of the gun's body and nothing of the host's accounts.
"""

from collections.abc import Callable, Collection, Sequence
from hashlib import sha256

from msgspec.structs import replace

from meso_device.accounting.entries import Batch, CommitFailed, Committed
from meso_device.session.contract import Ask, Effect, EngineEvent, LinkState, Phase, PressStop, Stop
from protocols.wire.messages import STATE_CHANGING
from protocols.wire.seal import LINK_KEY_SIZE
from simulator.firmware.faults import FIRMWARE_FAULTS
from simulator.gun import SimulatedGun
from simulator.physics import BODY_FAULTS, Cartridge, Head, Injection
from tests.world.aiming import Pair, Target
from tests.world.attacker import Attacker
from tests.world.cable import NAMES, BadCable
from tests.world.checkers import Watch
from tests.world.dice import Aim, Dice, Draw, number
from tests.world.faults import ATTACKS, NO_PROOF, RUIN, SCALES, at
from tests.world.people import Operator
from tests.world.plans import plan_of
from tests.world.replay import told
from tests.world.rig import COMMIT_US, EPOCH_US, NEVER_US, Rig

HEAL_AT_PERCENT = 80
# On a very bad line a session hardly gets on: then the faults have had their time.
FAULTS_MAX = 900
FAULTY_US_MAX = 200_000_000
LINGER_US = 500_000  # a world that is healed late goes on for so long after its session is closed
CLOCK = "clock"  # what is sick about the host, not about the gun
YEAR_US = 365 * 86_400_000_000
# Errors that no retry on the same connection may ever repair.
DISK_ERRORS = {
    "fsync_err": "disk I/O error",
    "fsync_err_durable": "disk I/O error",
    "db_replaced": "the file was moved, deleted or replaced",
    "db_locked": "database is locked",
    "enospc": "database or disk is full",
    "erofs": "attempt to write a readonly database",
}


class Killed(Exception):  # noqa: N818  # names the event
    """The host process is gone; whatever it was about to do is not done."""


class World(Rig):
    """One session under faults.

    Args:
        seed: Decides everything.
        shots: Injections planned.
        only: Names of the only faults to let happen; None for all that are drawn.
        traced: Keep what happened, one line each.
        intensity: Factor on every rate.
        aims: Kinds of faults and states of the host that are to meet; None to leave it to chance.
    """

    def __init__(
        self,
        seed: int,
        *,
        shots: int = 300,
        only: Collection[str] | None = None,
        traced: bool = False,
        intensity: int = 1,
        aims: Collection[Pair] = (),
    ) -> None:
        self.seed = seed
        self.pairs: set[Pair] = set()
        self._target = Target(aims)
        self.trace: list[str] | None = [] if traced else None
        aim = Aim(self._target.kinds, lambda kinds: self._target.wanted(kinds, self)) if aims else None
        self.dice = Dice(seed, SCALES, only, intensity, aim)
        self.ruin = ""
        self.settled = False
        self.unsettled = ""
        self.tight = number(seed, "tight") % 8 == 1
        plan = plan_of(shots)
        if self.tight:
            plan = replace(plan, session_cap_nl=plan.volume_nl * 6 // 10)
        self._seen: dict[object, int] = {}
        self._guns = 0
        self._frozen_until_us = 0
        self._lag_us = 0
        self._hung_until_us = 0
        self._heard_late: list[bytes] = []
        self.dead = False
        self.ending = False
        self.closing = False
        self._closed_us = 0
        self.healed_us = 0
        self._sick: dict[str, Callable[[], None]] = {}
        self.harmed: set[str] = set()
        self._state_seen = ""
        self._last_change = b""
        self._fingerprint = sha256()
        self._begun = 0
        self._effects = self.dice.place("effect", at("effect"))
        self._steps = self.dice.place("step", at("step"))
        self._sends = self.dice.place("send", at("send"))
        self._commits = self.dice.place("commit", at("commit"))
        self._shots = self.dice.place("shot", at("shot"))
        self.cable = BadCable(self, self.dice)
        # One gun in four holds a link key that its host was paired with; on that cable sits somebody who has it not.
        keyed = number(seed, "link auth") % 4 == 0 or any(kind in ATTACKS for kind, _ in aims)
        self.attacker = Attacker(self, self.dice) if keyed else None
        self.watch = Watch(self, plan)
        self._goal = shots * HEAL_AT_PERCENT // 100 * (6 if self.tight else 10) // 10
        # Some worlds are not healed before the session is closed: closing has its faults too.
        self._late = number(seed, "late") % 4 == 3 or bool(aims)
        self._ruin_at = 0
        if number(seed, "ruin") % 8 == 0:
            names = sorted(RUIN)
            self.ruin = names[number(seed, "ruin/kind") % len(names)]
            self._ruin_at = 1 + number(seed, "ruin/at") % max(1, self._goal)
        self._backup = b""
        super().__init__(plan, seed=seed, link_key=Draw(seed, "link key").bytes(LINK_KEY_SIZE) if keyed else None)
        self.people = Operator(self, waits_us=self._target.waits_us)

    # --- names, trace ---------------------------------------------------------------------------

    def nth(self, key: object) -> int:
        """Count the chances of one sort since the last injection ended."""
        seen = self._seen
        seen[key] = nth = seen.get(key, 0) + 1
        return nth

    def where(self, nth: int) -> str:
        """Say where in the session a chance lies: shots made so far, and the how manieth since."""
        return f"shot={len(self.truth)}/{nth}"

    def note(self, text: str) -> None:
        """Keep a line of the trace."""
        if self.trace is not None:
            self.trace.append(f"{self.now_us / 1e6:10.6f} {text}")

    def state(self) -> str:
        """What the host is doing, for the coverage of faults by states."""
        if self.dead:
            return "dead"
        desk = self.engine._desk
        link = self.engine._link.value
        return link if link in ("connecting", "reconciling") else desk.phase.value if link == "up" else "down"

    def met(self, kind: str) -> None:
        """A fault happens."""
        self.pairs.add((kind, self.state()))
        self.harmed.add(kind)
        self.watch.disturbed_us = self.now_us
        if self.trace is not None:
            self.note(f"FAULT {self.dice.happened[-1]} ({self.state()})")

    def fingerprint(self) -> str:
        """Equal for equal runs, on every Python and in any process."""
        return self._fingerprint.hexdigest()[:12]

    # --- the gun --------------------------------------------------------------------------------

    def new_gun(self, body_state: bytes | None) -> SimulatedGun:
        self._guns += 1
        self._begun = 0
        return SimulatedGun(
            name="rig",
            seed=f"{self.seed}/{self._guns}",
            store=self.nvm,
            on_injection=self.injected,
            body_state=body_state,
            rate_per_s=self.rate_per_s,
            link_key=self.link_key if body_state is None else None,
            now_us=self.now_us,
        )

    def reset_gun(self, *, anew: bool = False) -> None:
        """Take the power away; it comes back by itself, or the whole gun is switched off and on."""
        if anew:
            faults = self.gun.faults
            self.kill_gun()
            self.gun.faults = faults
            self._sick = {kind: heal for kind, heal in self._sick.items() if kind == CLOCK}
        else:
            self.gun.power_off(self.now_us)
        self._gun_due_us = self.now_us

    def kill_gun(self) -> None:
        """Switch it off and on; what is wrong with the body goes with the old object, all but what it has done."""
        super().kill_gun()
        self.watch.booted()

    def step_gun(self) -> None:
        super().step_gun()
        begun = self.gun.body.strokes_begun
        if begun != self._begun:
            self._begun = begun
            self.watch.begins()
            self._stroke()

    def _stroke(self) -> None:
        """A stroke begins: what may befall the gun in it or after it."""
        place = self._shots
        place.count += 1
        if not self.dice.on:
            return
        if place.count >= place.due:
            what = f"shot={len(self.truth)}/{self.gun.firmware.state.name}"
            for kind in place.met():
                draw = self.dice.happens(kind, what)
                if draw is not None:
                    self.met(kind)
                    self._harm_gun(kind, draw)
        if self._ruin_at and place.count >= self._ruin_at:
            self._ruin_at = 0
            draw = self.dice.happens(self.ruin, "ruin")
            if draw is not None:
                self._ruin_gun(self.ruin, draw)
        if (
            (len(self.truth) >= self._goal and not self._late)
            or len(self.dice.happened) > FAULTS_MAX
            or self.now_us > FAULTY_US_MAX
        ):
            self.heal()

    def injected(self, injection: Injection) -> None:
        self.truth.append(injection)
        self._seen.clear()
        label = injection.label
        self._fingerprint.update(
            f"{injection.at_us},{label.shot_seq},{injection.dose_nl},{injection.outcome};".encode()
        )
        if self.trace is not None:
            self.note(
                f"gun  shot {label.shot_seq} of grant {label.grant_no}: {injection.outcome}, {injection.dose_nl} nL, "
                f"{injection.depth_um} um, area {label.area_code}"
            )
        self.watch.injected(injection)

    def _harm_gun(self, kind: str, draw: Draw) -> None:
        gun, now_us = self.gun, self.now_us
        if kind in BODY_FAULTS:
            gun.body.set_fault(now_us, kind)
            self._sicken(kind, draw.between(50_000, 2_500_000), lambda: self.gun.body.heal(self.now_us, kind))
            return
        match kind:
            case "gun_reset_midshot":
                self.later(draw.between(1, 90_000), self.reset_gun, host=False)
            case "occlusion":
                gun.body.occlude(now_us, True)
                self._sicken(kind, draw.between(50_000, 1_500_000), lambda: self.gun.body.occlude(self.now_us, False))
            case "cartridge_swap":
                gun.body.swap_cartridge(now_us, None)
                self.later(
                    draw.between(100_000, 1_500_000),
                    lambda: self.gun.body.swap_cartridge(self.now_us, Cartridge()),
                    host=False,
                )
            case "head_swap":
                gun.body.swap_head(now_us, Head(head_instance=2 + draw.below(100)))
            case "stop_button":
                gun.body.press_stop_button(now_us)
                self._gun_due_us = now_us
            case "ring_full":
                gun.faults.set(kind, draw.between(1, 12))
                self._sicken(kind, draw.between(200_000, 3_000_000), lambda: self.gun.faults.clear(kind))
            case "tick_jump":
                gun.faults.set(kind, draw.between(1, 5_000))
            case "tick_drift":
                gun.faults.set(kind, draw.between(-20_000, 20_000))
                self._sicken(kind, 3_000_000, lambda: self.gun.faults.clear(kind))
            case "readback_lies" | "lease_ignored" | "lease_timer_stuck" | "brownout_no_latch":
                gun.faults.set(kind)
                self._sicken(kind, draw.between(200_000, 3_000_000), lambda: self.gun.faults.clear(kind))
            case _:
                fault = FIRMWARE_FAULTS[kind]
                gun.faults.set(kind, draw.between(fault.lowest, fault.highest))

    def _ruin_gun(self, kind: str, draw: Draw) -> None:
        self.met(kind)
        match kind:
            case "syringe_swapped":
                self.gun.body.set_fault(self.now_us, kind, 1 + draw.below(10))
            case "old_backup_restored":
                self._backup = self.store._db.serialize("main")
                self.later(draw.between(1_000_000, 4_000_000), self._restore_backup, host=False)
            case _:
                self.watch.log_lost()
                strength = 1 + draw.below(3) if kind in ("log_slot_bitflip", "seq_regress") else None
                self.gun.faults.set(kind, strength)
                self.later(draw.between(0, 300_000), self.reset_gun, host=False)

    def _restore_backup(self) -> None:
        """The host's computer dies, and is set up again from a copy that is some seconds old."""
        if not self.dead:
            self.die(500_000, clean=False)
        self.store._db.deserialize("main", self._backup)
        self.watch.restored()

    def _sicken(self, kind: str, for_us: int, heal: Callable[[], None]) -> None:
        self._sick[kind] = heal
        self.later(for_us, lambda: self._cure(kind), host=False)

    def _cure(self, kind: str) -> None:
        heal = self._sick.pop(kind, None)
        if heal is not None:
            heal()
            self._gun_due_us = self.now_us

    def heal(self) -> None:
        """No fault happens any more, and what is sick gets well; what is lost stays lost."""
        if not self.dice.on:
            return
        self.dice.on = False
        self.healed_us = self.now_us
        for kind in list(self._sick):
            self._cure(kind)
        for name in ("nvm_before_intent", "nvm_torn_intent", "nvm_after_intent", "torn_outcome", "setting_not_taken",
                     "after_motion_before_outcome"):  # fmt: skip
            self.gun.faults.clear(name)
        self.cable.heal()
        self.note("faults are over")

    # --- the wire -------------------------------------------------------------------------------

    def carry(self, way: str, chunk: bytes) -> None:
        ends = self._ends_at_send(chunk) if way == "h2g" else ""
        if ends == "before_send":
            raise Killed
        if way == "h2g":
            self.watch.spoke(chunk[3])
            if chunk[3] in STATE_CHANGING:
                self._last_change = chunk
        self._fingerprint.update(chunk)
        if self.trace is not None:
            self._trace_frames(way, chunk)
        if not self.wire.unplugged:
            if self.attacker is not None:
                self.attacker.sees(way, chunk)
            self.cable.put(way, chunk)
        if ends:
            raise Killed

    def _ends_at_send(self, chunk: bytes) -> str:
        """The host may die just before a frame leaves, or just after: the name of it, empty when it lives."""
        place = self._sends
        place.count += 1
        nth = self.nth(("send", chunk[3]))
        if place.count < place.due or not self.dice.on:
            return ""
        for kind in place.met():
            draw = self.dice.happens(kind, f"{NAMES.get(chunk[3], chunk[3])}/{self.where(nth)}")
            if draw is not None:
                self.met(kind)
                self.die(draw.between(100_000, 2_000_000))
                return kind
        return ""

    def _trace_frames(self, way: str, chunk: bytes) -> None:
        for text in told(way, chunk):
            self.note(text)

    def stray(self, way: str, chunk: bytes, after_us: int) -> None:
        """Bytes that come out of order, past what is on the line."""
        arrive = self._at_gun if way == "h2g" else self._at_host
        self.later(after_us, lambda: arrive(chunk), host=False)

    def unplug(self, for_us: int) -> None:
        """The cable is out for a while, and both ends notice."""
        self.wire.unplugged = True
        self.later(0, lambda: self.close_port("the cable was pulled"))
        self.later(for_us, self._plug, host=False)

    def _plug(self) -> None:
        self.wire.unplugged = False

    def _at_gun(self, chunk: bytes) -> None:
        if self.attacker is None:
            super()._at_gun(chunk)
            return
        before = self._gun_reads()
        super()._at_gun(chunk)
        if self._gun_reads() == before and self.gun.firmware.powered:
            self.attacker.was_taken("h2g", chunk)

    def _gun_reads(self) -> tuple[int, ...]:
        """What changes when the gun passes over what comes."""
        board = self.gun.firmware._board
        return board.boot_id, board.rx_dropped, board.rx_untrue, self.gun.firmware._deframer.bad_blocks

    def from_gun(self, now_us: int, data: bytes) -> None:
        proven = self.port_open and self.link._seal is not None
        super().from_gun(now_us, data)
        if proven and self.attacker is not None:
            self.attacker.was_taken("g2h", data)

    def _at_host(self, chunk: bytes) -> None:
        if self._hung_until_us > self.now_us:
            self._heard_late.append(chunk)
        else:
            self.from_gun(self.now_us, chunk)

    # --- the host -------------------------------------------------------------------------------

    def turn(self, end_us: int = NEVER_US) -> None:
        try:
            super().turn(end_us)
        except Killed:
            self._gun_due_us = min(self._gun_due_us, self.now_us)

    def turn_host(self) -> None:
        if self._hung_until_us > self.now_us:
            self._host_due_us = self._hung_until_us
            return
        if self._heard_late:
            late, self._heard_late = b"".join(self._heard_late), []
            self.from_gun(self.now_us, late)
        super().turn_host()

    def host(self, event: EngineEvent) -> None:
        if self._hung_until_us > self.now_us:
            # The queue between writer and loop, or the operator's keys: they wait.
            self.later(self._hung_until_us - self.now_us, lambda: self.host(event))
            return
        place = self._steps
        place.count += 1
        sort = type(event)
        nth = self.nth(sort)
        if place.count >= place.due and self.dice.on:
            for kind in place.met():
                draw = self.dice.happens(kind, f"{sort.__name__}/{self.where(nth)}")
                if draw is not None:
                    self.met(kind)
                    self._harm_host(kind, draw)
        super().host(event)
        if self._target.kinds:
            self._take_aim()

    def _take_aim(self) -> None:
        """Bring about what the state that has just been entered is to meet; when all is met, the faults are over."""
        if self._target.hit:
            self.heal()
        state, was = self.state(), self._state_seen
        self._state_seen = state
        if state == was or not self.dice.on:
            return
        if state in self._target.holds and self.gun.firmware._board.lease.due_us is not None:
            draw = self.dice.happens("stall", f"held={state}/{self.where(self.nth(state))}")
            if draw is not None:
                self.met("stall")
                self.deliver("h2g", b"", draw.between(200_000, 450_000))
        if state in self._target.asks_again and self._last_change:
            draw = self.dice.happens("reorder_stale", f"again={state}/{self.where(self.nth(state))}")
            if draw is not None:
                self.met("reorder_stale")
                self.stray("h2g", self._last_change, draw.between(1_000, 10_000))

    def do(self, effect: Effect) -> None:
        place = self._effects
        place.count += 1
        sort = type(effect.request if isinstance(effect, Ask) else effect)
        nth = self.nth(sort)
        if place.count >= place.due and self.dice.on:
            for kind in place.met():
                draw = self.dice.happens(kind, f"{sort.__name__}/{self.where(nth)}")
                if draw is not None:
                    self.met(kind)
                    self.die(draw.between(100_000, 2_000_000))
                    raise Killed
        if isinstance(effect, PressStop):
            self.watch.stop_pressed()
        super().do(effect)

    def die(self, for_us: int, *, clean: bool = False) -> None:
        """The process is gone; another is started a while later."""
        self.generation += 1
        self.dead = True
        self.ending = False
        self.port_open = False
        self._hung_until_us = 0
        self._heard_late.clear()
        self._host_due_us = NEVER_US
        self.watch.host_died()
        self.note("host ends" if clean else "host is killed")
        self.later(for_us, self.revive)

    def revive(self) -> None:
        """A new process on what is durable."""
        self.dead = False
        self.kill_host()
        self.note("host starts")
        self.watch.host_started()
        self.people.begin()

    @property
    def host_us(self) -> int:
        now_us = self.now_us
        return max(now_us, self._frozen_until_us) - self._lag_us

    def world_us(self, host_us: int) -> int:
        return max(host_us + self._lag_us, self._frozen_until_us if self._frozen_until_us > self.now_us else 0)

    def _harm_host(self, kind: str, draw: Draw) -> None:
        now_us = self.now_us
        match kind:
            case "host_hang":
                self._hung_until_us = now_us + draw.between(500_000, 3_000_000)
            case "host_suspend":
                slept_us = draw.between(1_000_000, 20_000_000)
                self._hung_until_us = now_us + slept_us
                self._stand_still(slept_us)
                self.later(slept_us, lambda: self.close_port("the computer slept"))
            case "sigterm":
                self.later(0, self.terminate)
            case "second_host":
                self.cable.second_host(draw)
            case "clock_step":
                size_us = (3_000_000, 3_600_000_000, 86_400_000_000, YEAR_US)[draw.below(4)]
                self._set_clock(self.utc_step_us + (size_us if draw.below(2) else -size_us), draw)
            case "dst_fold":
                self._set_clock(self.utc_step_us - 3_600_000_000, draw)
            case "year_1970":
                self._set_clock(-EPOCH_US, draw)
            case "year_2038":
                self._set_clock((2**31 - 5) * 1_000_000 - EPOCH_US - now_us, draw)
            case "monotonic_stall":
                self._stand_still(draw.between(100_000, 2_000_000))
            case "wild_trigger":
                self.gun.body.press_trigger(now_us)
                self._gun_due_us = now_us
                self.later(draw.between(5_000, 400_000), self._let_trigger_go, host=False)
            case "gun_handed_over":
                self.gun.body.set_contact(now_us, False)
                self._gun_due_us = now_us
                self.later(draw.between(100_000, 1_500_000), self._touch_again, host=False)
            case "alarm_at_rest":
                fault = ("overtemp", "battery_low")[draw.below(2)]
                self.gun.body.set_fault(now_us, fault)
                self._gun_due_us = now_us
                self._sicken(fault, draw.between(50_000, 500_000), lambda: self.gun.body.heal(self.now_us, fault))
            case "service_button":
                self.gun.body.press_service_button(now_us)
                self._gun_due_us = now_us
            case _:
                self.later(draw.between(0, 60_000), lambda: self.people.harm(kind, draw))

    def _set_clock(self, step_us: int, draw: Draw) -> None:
        """UTC jumps; a while later somebody sets it right."""
        self.utc_step_us = step_us
        self._sicken(CLOCK, draw.between(1_000_000, 8_000_000), self._clock_right)

    def _clock_right(self) -> None:
        self.utc_step_us = 0

    def _stand_still(self, for_us: int) -> None:
        """The host's monotonic clock stands."""
        start_us = max(self.now_us, self._frozen_until_us)
        self._frozen_until_us = start_us + for_us
        self._lag_us += for_us

    def _let_trigger_go(self) -> None:
        self.gun.body.release_trigger(self.now_us)
        self._gun_due_us = self.now_us

    def _touch_again(self) -> None:
        hand = self.gun._hand
        self.gun.body.set_contact(self.now_us, hand is not None and hand._on_skin)
        self._gun_due_us = self.now_us

    def terminate(self) -> None:
        """The host is told to end: STOP leaves at once, the record gets its time, then the process ends."""
        self.ending = True
        self.host(Stop(source="SIGTERM"))
        self.later(250_000, lambda: self.die(300_000, clean=True))

    # --- the disk -------------------------------------------------------------------------------

    def store_takes_us(self, group: Sequence[Batch]) -> int:
        self._verdict = ""
        place = self._commits
        takes_us = COMMIT_US
        if not group:
            return takes_us
        place.count += 1
        what = f"{group[0].entries[0].kind if group[0].entries else 'empty'}"
        nth = self.nth(what)
        if place.count < place.due or not self.dice.on:
            return takes_us
        for kind in place.met():
            draw = self.dice.happens(kind, f"{what}/{self.where(nth)}")
            if draw is None:
                continue
            self.met(kind)
            if kind == "slow_fsync":
                takes_us = 2_000_000
            elif kind == "db_locked":
                takes_us, self._verdict = 5_000_000, kind
            else:
                self._verdict = kind
        return takes_us

    def commit(self, group: list[Batch]) -> None:
        verdict = self._verdict
        if verdict == "torn_write" and not self.store.broken:
            self.die(2_000_000)
            raise Killed
        if self.store.broken or verdict in DISK_ERRORS:
            if verdict in ("fsync_err_durable", "db_replaced") and not self.store.broken:
                self.watch.durable(group, self.store.commit(group, self.stamp()))
            if not self.store.broken:
                self.store._broken = f"the audit log cannot be written: {DISK_ERRORS[verdict]}"
            self.note(f"disk {self.store.broken}")
            for batch in group:
                self.host(CommitFailed(no=batch.no, reason=self.store.broken))
            self.start_store()
            return
        results = self.store.commit(group, self.stamp())
        self.watch.durable(group, results)
        if self.trace is not None:
            for batch, result in zip(group, results, strict=True):
                kinds = ", ".join(entry.kind for entry in batch.entries)
                self.note(f"disk {kinds}{'' if isinstance(result, Committed) else f': {result}'}")
        if verdict == "kill_after_commit":
            self.die(300_000)
            raise Killed
        for result in results:
            self.host(result)
        self.start_store()

    def operate(self) -> None:
        view = self.view
        if view is self._looked_at:
            return
        self.closing = view.phase is Phase.CLOSED or self.people.done
        self._looked_at = view
        self.link.committed_seq = view.committed_seq
        if not self.ending:
            self.people.look(view)

    # --- the end --------------------------------------------------------------------------------

    def locked(self) -> str:
        """Return what keeps the host from going on, by names that `RUIN` knows; empty when nothing does."""
        said = self.notices[-1].text if self.notices else ""
        if self.attacker is not None and any(words in said for words in ("without its key", "that holds its key")):
            return NO_PROOF
        return self.people.locked

    def rested(self) -> bool:
        """Whether the session is closed, the ring empty and everything recorded; a closed session heals the world."""
        view = self.view
        done = view.phase is Phase.CLOSED or (self.people.done and view.link is LinkState.UP and not view.open_grants)
        if self.dead or not done or self._store_busy:
            return False
        self._closed_us = self._closed_us or self.now_us
        if self._late and self.dice.on and self.now_us < self._closed_us + LINGER_US:
            return False
        self.heal()
        firmware = self.gun.firmware
        return firmware.powered and firmware.head_seq == firmware.released_seq and not self.gun.moving
