"""A gun on the bench with a balance under its needle and a technician beside it, on the rig's virtual clock."""

from msgspec.structs import replace

from drivers.balance import Failed
from drivers.mt_sics import MtSics
from meso_device.calibration.instrument import Measured, NotMeasured
from meso_device.calibration.order import Order
from meso_device.calibration.record import KINDS, Reference, What, read_record
from meso_device.calibration.water import Conditions
from meso_device.session.contract import Calibrate, LinkState, ReadingTaken, TakeReading
from protocols.treatment.library import load_library
from simulator.balance import BalanceFigures, SimulatedBalance
from tests.unit.audit.history import bodies
from tests.world.rig import Rig

REFERENCES = (
    Reference(what="balance", serial="B0000001", certificate="C 1", due_day=30_000, u=10, unit="ug"),
    Reference(what="thermometer", serial="T1", certificate="C 2", due_day=30_000, u=100, unit="mk"),
    Reference(what="gauge", serial="G1", certificate="C 3", due_day=30_000, u=1_000, unit="nm"),
)
ROOM = Conditions(water_mdegc=20_000, air_mdegc=20_000, pressure_pa=101_325, humidity_permille=500)
ORDER = Order(run="5c" * 16, what=What.DOSE, profile="field", conditions=ROOM, references=REFERENCES)


class BenchRig(Rig):
    """Drops fall on the balance; a person presses the button when asked, and reads the gauge."""

    def __init__(self, *, seed=1, figures=None, gain_ppm=0):
        self.gain_ppm = gain_ppm
        self.balance = None
        self.client = MtSics(serial="B0000001")
        self.asked = None
        self.depth_um = 0
        self.button = True
        self.misread_nm = 0
        self.water_mdegc = ROOM.water_mdegc
        super().__init__(load_library("practice").plan(), seed=seed)
        self.balance = SimulatedBalance(self.random, figures=figures or BalanceFigures())

    def new_gun(self, body_state):
        gun = super().new_gun(body_state)
        if self.gain_ppm:
            gun.body.set_fault(self.now_us, "wide_barrel", self.gain_ppm)
        return gun

    def injected(self, injection):
        super().injected(injection)
        self.depth_um = injection.depth_um
        self.balance.drop(self.now_us, injection.drop_ug, hanging_ug=injection.hanging_ug)

    def start_host(self):
        super().start_host()
        self.client, self.asked = MtSics(serial="B0000001"), None

    def do(self, effect):
        super().do(effect)
        if isinstance(effect, TakeReading):
            self.asked = effect
            if effect.unit == "mdegc":
                self.later(1_000, lambda: self.answer(Measured("water", self.water_mdegc, 100)))
            elif effect.unit == "nm":
                value = self.depth_um * 1_000 + self.misread_nm
                self.later(1_000, lambda: self.answer(Measured(f"{value} nm", value, 1_000)))
            else:
                self.client.weigh(self.now_us)

    def answer(self, outcome):
        asked, self.asked = self.asked, None
        self.host(ReadingTaken(asked.no, outcome))

    def turn(self, end_us=1 << 62):
        super().turn(end_us)
        self.weigh()
        if self.button and self.gun.firmware.state.name == "SAFE":
            self.gun.body.press_service_button(self.now_us)

    def weigh(self):
        """Carry what client and balance say to each other, as far as it is due."""
        balance, client, now_us = self.balance, self.client, self.now_us
        balance.step(now_us)
        events = client.received(balance.take(now_us), now_us) or client.tick(now_us)
        balance.feed(now_us, client.take_output())
        for event in events:
            if self.asked is not None:
                failed = isinstance(event, Failed)
                self.answer(
                    NotMeasured(event.fault.value, event.text)
                    if failed
                    else Measured(event.text, event.mass_ug, event.digit_ug)
                )

    # --- a technician -------------------------------------------------------------------------

    def up(self):
        return self.view.link is LinkState.UP

    def calibrate(self, order=ORDER, *, adjust=True):
        assert self.run(self.up)
        self.host(Calibrate(order=order, adjust=adjust, interval_days=365, op="01" * 16, role="technician"))

    def resume(self, *, adjust=True, gun_uid=None):
        assert self.run(self.up)
        records = tuple(self.records())
        self.host(
            Calibrate(
                order=None,
                records=records,
                gun_uid=gun_uid or self.view.gun_uid,
                adjust=adjust,
                interval_days=365,
                op="01" * 16,
                role="technician",
            )
        )

    def over(self):
        bench = self.view.bench
        return bench is not None and not bench.running

    def to_the_end(self):
        assert self.run(self.over, within_s=4_000), self.view.bench
        return self.view.bench

    def have(self, part=""):
        """How many records the run has, of all or of one part such as ``reading``."""
        first = f"calibration/{ORDER.run}/{part}"
        [(count,)] = self.store._db.execute(
            "SELECT count(*) FROM record WHERE key >= ? AND key < ?", (first, f"{first}~")
        ).fetchall()
        return count

    def records(self):
        """The run as the log has it."""
        return [read_record(body["kind"], body) for body in bodies(self.store) if body["kind"] in KINDS]


def field(**changes):
    """Return a short run with these changes."""
    return replace(ORDER, **{"readings_each": 4, **changes})
