"""What is asked for each command of several fields: the same for the dialogs of the screen and the lines of plain mode.

Pure. A form has the command that it becomes, the fields that a person fills in, and those that nobody is asked for.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, field

from meso_device.console.form import Field
from meso_device.console.presenters.frame import SHORT_ID
from meso_device.console.presenters.patient import CLEAN, PARTS, SYRINGE
from meso_device.console.text import say
from meso_device.screen_messages import ToHost

Body = Mapping[str, Any]
HINT_MAX: Final = 30


class Asked(Struct, frozen=True, kw_only=True):
    """A command as it is filled in.

    Attributes:
        kind: The command.
        title: What it is for.
        fields: What is asked, named as the command's fields.
        note: What has to be known while writing; may be empty.
        fixed: Fields of the command that nobody is asked for.
    """

    kind: ToHost
    title: str
    fields: Sequence[Field]
    note: str = ""
    fixed: Mapping[str, Any] = field(default_factory=dict)


# --- people -----------------------------------------------------------------------------------------


def sign_in() -> Asked:
    """Return the form that signs somebody in."""
    fields = [Field("login", say("sign_in.login")), Field("pin", say("sign_in.pin"), secret=True)]
    return Asked(kind=ToHost.SIGN_IN, title=say("sign_in.title"), fields=fields)


def enrol() -> Asked:
    """Return the form of the first person of a data directory, who administers and may treat."""
    fields = [
        Field("login", say("sign_in.login"), hint=say("sign_in.login_hint")),
        Field("name", say("sign_in.name"), hint=say("sign_in.name_hint")),
        Field("pin", say("sign_in.pin"), secret=True, hint=say("sign_in.pin_hint")),
    ]
    return Asked(kind=ToHost.ENROL, title=say("sign_in.first_title"), fields=fields, fixed={"roles": ["clinician"]})


def signature(session: str) -> Asked:
    """Return the form that signs the totals of a closed session."""
    return Asked(
        kind=ToHost.SIGN,
        title=say("summary.signature"),
        fields=[Field("pin", say("override.pin"), secret=True)],
        note=say("summary.signature_note", session=session[:SHORT_ID]),
        fixed={"session": session},
    )


def write_off(reason: str) -> Asked:
    """Return the form in which two people stand for a write-off."""
    fields = [
        Field("pin", say("unknown.pin"), secret=True),
        Field("login2", say("unknown.login2")),
        Field("pin2", say("unknown.pin2"), secret=True),
    ]
    return Asked(kind=ToHost.WRITE_OFF, title=say("unknown.write_off"), fields=fields, fixed={"reason": reason})


# --- the patient ------------------------------------------------------------------------------------


def find_patient() -> Asked:
    """Return the form that looks for a patient."""
    query = Field("query", say("patient.query"), hint=say("patient.query_hint"), optional=True)
    return Asked(kind=ToHost.PATIENT_FIND, title=say("patient.find"), fields=[query])


def add_patient() -> Asked:
    """Return the form that enrols a patient."""
    fields = [
        Field("name", say("patient.name")),
        Field("born", say("patient.born"), hint="YYYY-MM-DD"),
        Field("chart", say("patient.chart")),
        Field("sex", say("patient.sex"), hint=say("patient.sex_hint")),
        Field("allergies", say("patient.allergies"), hint=say("patient.allergies_hint"), optional=True),
    ]
    return Asked(kind=ToHost.PATIENT_ADD, title=say("patient.add"), fields=fields)


def row(item: str, clinic: Body, welcome: Body) -> Asked:
    """Return what is asked for a row of the checklist: a part, the syringe, the cleaning, or an answer."""
    if item == SYRINGE:
        return load(clinic)
    if item == CLEAN:
        return clean()
    if item in PARTS:
        return fit(item, clinic, welcome)
    return answer(next(question for question in welcome["checklist"] if question["item"] == item))


def answer(question: Body) -> Asked:
    """Return the form for one question of the checklist, as WELCOME has it."""
    fields = [
        Field("answer", say("patient.answer"), hint=" / ".join(question["answers"])),
        Field("note", say("patient.note_field"), hint=say("patient.note_hint"), optional=True),
    ]
    item = question["item"]
    title = say(f"check.{item}")
    return Asked(kind=ToHost.CHECK, title=title, fields=fields, note=question["question"], fixed={"item": item})


def fit(part: str, clinic: Body, welcome: Body) -> Asked:
    """Return the form of a needle or head that was fitted."""
    types = " / ".join(welcome["needles" if part == "needle" else "heads"])
    fields = [
        Field("serial", say("patient.serial"), hint=say("patient.serial_hint")),
        Field("type", say("patient.type"), hint=types[:HINT_MAX], text=clinic["wanted"][part]),
    ]
    return Asked(kind=ToHost.FIT, title=say(f"patient.fit_{part}"), fields=fields, fixed={"part": part})


def clean() -> Asked:
    """Return the form of a cleaning of the gun."""
    fields = [
        Field("agent", say("patient.agent"), hint=say("patient.agent_hint")),
        Field("lot", say("patient.agent_lot")),
        Field("medium", say("patient.medium"), hint="sterile_water / saline / none"),
        Field("method", say("patient.method"), hint="wiped, immersed ...", text="wiped"),
    ]
    return Asked(kind=ToHost.CLEAN, title=say("patient.cleaned"), fields=fields)


def load(clinic: Body) -> Asked:
    """Return the form of a syringe that was fitted."""
    material = clinic["material"]
    lots = [lot["lot"] for lot in material["lots"] if lot["usable"]] if material is not None else []
    fitted = material is not None and material["cartridge"] is not None
    fields = [
        Field("product", say("patient.product"), text=clinic["product"]),
        Field("lot", say("patient.lot_field"), hint=", ".join(lots)[:HINT_MAX], text=lots[0] if len(lots) == 1 else ""),
        Field("syringe", say("patient.syringe"), text=clinic["syringe"]),
        Field("volume", say("patient.volume"), hint="5 mL"),
        Field("left", say("patient.left"), hint=say("patient.left_hint"), optional=not fitted),
        Field("reason", say("patient.reason"), hint=say("patient.reason_hint"), optional=True),
    ]
    return Asked(kind=ToHost.LOAD, title=say("patient.load"), fields=fields)


def list_lot(clinic: Body) -> Asked:
    """Return the form that puts a lot on the clinic's list."""
    fields = [
        Field("product", say("patient.product"), text=clinic["product"]),
        Field("lot", say("patient.lot_field")),
        Field("expiry", say("patient.expiry"), hint="YYYY-MM-DD / YYYY-MM"),
        Field("ingredients", say("patient.ingredients"), hint=say("patient.commas")),
        Field("viscosity", say("patient.viscosity"), hint="5 mPas", optional=True),
        Field("maker", say("patient.maker"), optional=True),
    ]
    return Asked(kind=ToHost.LOT, title=say("patient.list_lot"), fields=fields)


def waste() -> Asked:
    """Return the form of what left the syringe and reached nobody."""
    fields = [
        Field("volume", say("patient.volume"), hint="0.1 mL"),
        Field("reason", say("patient.reason"), hint=say("patient.waste_hint")),
    ]
    return Asked(kind=ToHost.WASTE, title=say("patient.waste"), fields=fields)


def note() -> Asked:
    """Return the form of a text about the patient: it goes to the vault, the log gets its commitment alone."""
    text = Field("text", say("note.text"))
    return Asked(kind=ToHost.NOTE, title=say("note.title"), fields=[text], note=say("note.where"))


def override(codes: Sequence[str], two_people: Collection[str]) -> Asked:
    """Return the form that goes over a soft rule, the first of those that stood against arming.

    Where one of them takes two people, the second one has a place in it.
    """
    two = [code for code in codes if code.partition(".")[0] in two_people]
    fields = [
        Field("code", say("override.code"), hint=", ".join(codes[1:])[:HINT_MAX], text=codes[0]),
        Field("reason", say("override.reason"), hint=say("override.reason_hint")),
        Field("pin", say("override.pin"), secret=True),
    ]
    fixed = {} if two else {"login2": "", "pin2": ""}
    if two:
        optional = codes[0] not in two
        fields += [
            Field("login2", say("unknown.login2"), hint=say("override.second_hint"), optional=optional),
            Field("pin2", say("unknown.pin2"), secret=True, optional=optional),
        ]
    note_ = say("override.note_two" if two else "override.note")
    return Asked(kind=ToHost.OVERRIDE, title=say("override.title"), fields=fields, note=note_, fixed=fixed)
