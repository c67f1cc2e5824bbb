"""A clinic as its people use it: operators, patients, stock and a gun, each change by a command of its own."""

import json
import os
import shutil
from pathlib import Path

from support.bench import Bench
from support.gun import SimulatedGun
from support.processes import Process
from support.treatment import treatment_text, write_treatment

PRODUCT = "Water"
LOT = "W-1"
PINS = {"ada": "482615", "cleo": "739154", "tom": "615948", "dora": "284617"}
NAME, BORN, CHART = "Rosalinde Quvenzhin", "1981-07-29", "K-4711"
OTHER = "K-4712"

ANSWERS = {
    "identity": "yes",
    "infection_in_area": "none",
    "anticoagulants": "none",
    "allergy": "none",
    "pregnancy": "no",
    "bleeding_disorder": "no",
    "herpes_history": "no",
    "implants_near_site": "no",
    "explained": "yes",
    "consent": "yes",
    "needle_new": "yes",
}
WITHOUT = Path(__file__).parents[1] / "without"
TWO_POINTS = (("forehead", 2), ("cheek_left", 2))


class Clinic:
    """One data directory and one gun on a bench."""

    def __init__(self, bench: Bench, gun: SimulatedGun) -> None:
        self.bench = bench
        self.gun = gun
        self._files = 0

    def file(self, suffix: str, text: str) -> Path:
        """Write a file that only its owner can read."""
        self._files += 1
        path = self.bench.path / f"file-{self._files}{suffix}"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    def pins(self, *pins: str) -> Path:
        """A file of PINs, in the order of asking."""
        return self.file(".pin", "".join(f"{PINS.get(pin, pin)}\n" for pin in pins))

    def act(self, *words: object, by: str = "cleo") -> Process:
        """A command that somebody gives, to its good end."""
        return self.bench.meso(*words, "--as", by, "--pin-file", self.pins(by)).ok()

    def enrol(self, name: str, born: str, chart: str, allergies: tuple[str, ...] = ()) -> str:
        """Enrol a patient and return the alias."""
        form = {"name": name, "born": born, "chart": chart, "sex": "female", "allergies": list(allergies)}
        source = self.file(".json", json.dumps(form))
        alias = self.act("patient", "add", "--from", source, "--json").json()["alias"]
        source.unlink()
        return alias

    def stock(self, lot: str = LOT, *, product: str = PRODUCT, viscosity: str = "1 mPas", ingredient: str = "water"):
        """List a lot."""
        self.act(
            "stock", "add", product, lot, "--expiry", "2099-12", "--ingredient", ingredient, "--viscosity", viscosity,
        )  # fmt: skip

    def load(
        self, lot: str = LOT, *, product: str = PRODUCT, left: str = "", syringe: str = "bd_5ml", volume: str = "4 mL"
    ):
        """Fit a syringe to the gun."""
        words = ["stock", "load", product, lot, "--gun", self.gun.link, "--syringe", syringe, "--volume", volume]
        self.act(*words, *(("--left", left) if left else ()))

    def clean(self) -> None:
        """Reprocess the gun."""
        self.act(
            "reprocess", "--gun", self.gun.link, "--agent", "Steri", "--lot", "S-1", "--medium", "sterile_water",
        )  # fmt: skip

    def treatment(self, text: str = "") -> Path:
        """Write a treatment protocol file, of four points if nothing is said."""
        return write_treatment(self.file(".toml", ""), text or treatment_text(TWO_POINTS))

    def checks(
        self,
        answers: dict[str, object] | None = None,
        *,
        leave_out: tuple[str, ...] = (),
        notes: dict[str, str] | None = None,
        needle: str = "N-1",
        needle_type: str = "30g_4mm",
        head: str = "H-1",
    ) -> Path:
        """Write a checks file: all well but for what is said."""
        told = {item: answer for item, answer in {**ANSWERS, **(answers or {})}.items() if item not in leave_out}
        lines = ['aftercare = "yes"', "", "[answers]", *(f"{item} = {json.dumps(told[item])}" for item in told)]
        lines += ["", "[notes]", *(f"{item} = {json.dumps(text)}" for item, text in (notes or {}).items())]
        if needle:
            lines += ["", "[needle]", f'serial = "{needle}"', f'type = "{needle_type}"']
        if head:
            lines += ["", "[head]", f'serial = "{head}"', 'type = "single"']
        return self.file(".toml", "\n".join([*lines, ""]))

    def session(
        self,
        patient: str,
        *,
        file: Path | None = None,
        checks: Path | None = None,
        operator: str = "cleo",
        pin: str = "",
        overrides: tuple[tuple[str, str], ...] = (),
        second: str = "",
        env: dict[str, str] | None = None,
        port: Path | None = None,
    ) -> Process:
        """Start a session with a patient, on the clinic's gun unless another port is named."""
        signed = [word for code, reason in overrides for word in ("--override", code, "--reason", reason)]
        signers = [operator, second] if second else [operator]
        signed += ["--second", second] if second else []
        return self.bench.run_session(
            port or self.gun.link, "--protocol", file or self.treatment(), "--patient", patient, "--operator", operator,
            "--pin-file", self.pins(pin or operator, *signers * len(overrides)),
            "--checks", checks or self.checks(), *signed, env=env,
        )  # fmt: skip


def founded(bench: Bench) -> tuple[Clinic, dict[str, str]]:
    """Found a clinic on an empty data directory; returns it with its patients' aliases by chart number."""
    clinic = Clinic(bench, bench.gun())
    cheap = cheap_pins()
    bench.meso("people", "add", "ada", "--role", "administrator", "--pin-file", clinic.pins("ada"), env=cheap).ok()
    for login, role in (("cleo", "clinician"), ("tom", "technician"), ("dora", "clinician")):
        pins = clinic.pins("ada", login)
        bench.meso("people", "add", login, "--role", role, "--as", "ada", "--pin-file", pins, env=cheap).ok()
    aliases = {CHART: clinic.enrol(NAME, BORN, CHART), OTHER: clinic.enrol("Other One", "1990-01-02", OTHER)}
    clinic.stock()
    clinic.load()
    clinic.gun.kill()
    return clinic, aliases


def cheap_pins() -> dict[str, str]:
    """Environment of a command whose new PINs cost little to look at, for every process that ever looks at them.

    What a look costs is kept with the PIN, and the product goes by that: so all later commands are the real ones.
    """
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, (str(WITHOUT), os.environ.get("PYTHONPATH", "")))),
        "MESO_WITHOUT": ",".join(filter(None, (os.environ.get("MESO_WITHOUT", ""), "pin_cost"))),
    }


def found(place: Path) -> None:
    """Found a clinic on a bench of its own and leave it in this directory, which is made whole or not at all."""
    bench = Bench()
    try:
        clinic, aliases = founded(bench)
        fresh = place.with_suffix(".new")
        shutil.copytree(bench.home, fresh / "home")
        shutil.copy(clinic.gun.nvm, fresh / "gun.nvm")
        (fresh / "aliases.json").write_text(json.dumps(aliases))
        fresh.rename(place)
    finally:
        bench.close()


def alias_of(place: Path, chart: str) -> str:
    """The alias of a patient of a clinic that was left in a directory."""
    return json.loads((place / "aliases.json").read_text())[chart]


def moved_in(bench: Bench, place: Path) -> None:
    """Put the clinic that was left in a directory on this bench, with its gun's memory; the gun is not on."""
    shutil.copytree(place / "home", bench.home)
    shutil.copy(place / "gun.nvm", bench.path / "gun.nvm")


def copied(bench: Bench, place: Path) -> Clinic:
    """The clinic that was left in a directory, with the same gun, on this bench."""
    moved_in(bench, place)
    return Clinic(bench, bench.gun())
