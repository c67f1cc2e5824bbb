"""A small clinic with one of each role, PINs that cost little to look at, and a clock that is moved by hand."""

from msgspec.structs import replace

from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.people.pins import Cost
from meso_device.people.register import Purpose
from meso_device.people.roles import Role
from meso_device.people.subject import PatientRef, Sex

CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
START = Moment(boot="boot-1", mono_us=10_000_000, utc_us=1_700_000_000_000_000)
PINS = {"ada": "918273", "cleo": "271828", "carl": "161803", "theo": "141421", "abel": "173205", "alma": "662607"}
ROLES = {
    "ada": Role.ADMINISTRATOR,
    "cleo": Role.CLINICIAN,
    "carl": Role.CLINICIAN,
    "theo": Role.TECHNICIAN,
    "abel": Role.AUDITOR,
    "alma": Role.ADMINISTRATOR,
}
REF = PatientRef(name="Zoë Quendolin Marković", born="1979-11-05", chart="QX-448 812")


class People:
    def __init__(self, home, randomness):
        self.home = home
        self.randomness = randomness
        self.now = START
        self.office = Office.open(home, cost=CHEAP, randomness=randomness)
        self.who = {}

    @property
    def register(self):
        return self.office.register

    @property
    def vault(self):
        return self.office.vault

    def enrol(self, *logins):
        """Enrol these, the first of all an administrator; return them."""
        for login in logins:
            fields = {
                "login": login,
                "name": f"Person {login}",
                "roles": {ROLES[login]},
                "pin": PINS[login],
                "now": self.now,
            }
            if not self.who:
                self.who[login] = self.register.enrol_first(**fields)
            else:
                by = next(person for person in self.who.values() if Role.ADMINISTRATOR in person.roles)
                self.who[login] = self.register.enrol(**fields, by=by)
        return tuple(self.who[login] for login in logins)

    def proof(self, login, pin=None, purpose=Purpose.SIGNATURE):
        return self.register.check(login, PINS[login] if pin is None else pin, self.now, purpose=purpose)

    def patient(self, ref=REF, **changes):
        fields = {"sex": Sex.FEMALE, "allergies": ("hyaluronidase",), "by": self.who["cleo"], "now": self.now}
        return self.vault.enrol(ref, **(fields | changes))

    def reopen(self):
        """Be a new process."""
        self.office.close()
        self.office = Office.open(self.home, cost=CHEAP, randomness=self.randomness)

    def later(self, seconds=0, wall_seconds=None, boot=None):
        wall = seconds if wall_seconds is None else wall_seconds
        self.now = replace(
            self.now,
            mono_us=self.now.mono_us + seconds * 1_000_000,
            utc_us=self.now.utc_us + wall * 1_000_000,
            boot=boot or self.now.boot,
        )

    def owed(self):
        """Take what is due, as the log would."""
        taken = []
        while (due := self.office.due()).entries:
            taken += due.entries
            self.office.settled(due)
        return taken
