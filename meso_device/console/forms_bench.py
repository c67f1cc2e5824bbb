"""What is asked at the bench. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from meso_device.console.form import Field
from meso_device.console.forms import Asked
from meso_device.console.presenters.bench_figures import verdict_text
from meso_device.console.text import say
from meso_device.screen_messages import ToHost

PATH_MAX: Final = 200
_ALL: Final = ("file", "port", "profile", "targets", "readings", "shots", "syringe", "lot", "needle", "head")
Body = Mapping[str, Any]


def prepare(kind: str, typed: Mapping[str, str]) -> Asked:
    """Return the form of a new run; ``typed`` is what was written in it before."""
    fields = [replace(field, text=typed.get(field.name, field.text)) for field in _fields(kind)]
    asked = {field.name for field in fields}
    return Asked(
        kind=ToHost.BENCH_PREPARE,
        title=say(f"bench.form_{kind}"),
        fields=fields,
        note=say("bench.form_note"),
        fixed={"what": kind, **{name: "" for name in _ALL if name not in asked}},
    )


def go_on(what: str, port: str) -> Asked:
    """Return the form with which an open run goes on: where its readings come from."""
    return Asked(
        kind=ToHost.BENCH_RESUME, title=say("bench.go_on"), fields=[_port(what, port)], note=say("bench.go_on_note")
    )


def exclude() -> Asked:
    """Return the form by which a reading does not count."""
    return Asked(
        kind=ToHost.BENCH_EXCLUDE,
        title=say("bench.exclude"),
        fields=[
            Field("no", say("bench.no"), hint=say("bench.no_hint")),
            Field("reason", say("bench.reason"), hint=say("bench.reason_hint")),
        ],
        note=say("bench.exclude_note"),
    )


def give_up() -> Asked:
    """Return the form by which an open run is given up."""
    reason = Field("reason", say("bench.reason"), hint=say("bench.give_up_hint"))
    return Asked(kind=ToHost.BENCH_ABANDON, title=say("bench.give_up"), fields=[reason], note=say("bench.give_up_note"))


def sign(run: Body) -> Asked:
    """Return the form in which two people stand by a run; a conditional pass takes a reason."""
    verdict = run["verdict"]
    fields = [
        Field("pin", say("unknown.pin"), secret=True),
        Field("login2", say("unknown.login2")),
        Field("pin2", say("unknown.pin2"), secret=True),
    ]
    conditional = verdict == "conditional_pass"
    if conditional:
        fields.append(Field("reason", say("bench.sign_why"), hint=say("bench.sign_why_hint")))
    return Asked(
        kind=ToHost.BENCH_SIGN,
        title=say("bench.sign_title", run=run["run"][:8], verdict=verdict_text(verdict)),
        fields=fields,
        note=say("bench.sign_note"),
        fixed={"run": run["run"], **({} if conditional else {"reason": ""})},
    )


def _port(what: str, text: str = "") -> Field:
    label = say("bench.port_gauge" if what == "depth" else "bench.port_balance")
    return Field("port", label, hint=say("bench.port_hint"), optional=True, text=text, length_max=PATH_MAX)


def _fields(kind: str) -> list[Field]:
    file = Field("file", say("bench.file"), hint=say("bench.file_hint"), length_max=PATH_MAX)
    head = Field("head", say("bench.head"), text="single")
    if kind == "sensors":
        return [file]
    if kind == "depth":
        return [
            file,
            _port(kind),
            Field("targets", say("bench.targets_depth"), hint=say("bench.targets_depth_hint"), optional=True),
            Field("readings", say("bench.cycles"), hint=say("bench.cycles_hint"), text="5"),
            head,
        ]
    syringe = Field("syringe", say("bench.syringe_id"), hint=say("bench.syringe_hint"), optional=True)
    shots = Field("shots", say("bench.shots"), hint=say("bench.shots_hint"), text="1")
    needle = Field("needle", say("bench.needle"), text="30g_4mm")
    if kind == "filling":
        return [
            file,
            _port(kind),
            syringe,
            Field("lot", say("bench.lot"), optional=True),
            Field("targets", say("bench.one_dose"), hint=say("bench.one_dose_hint"), optional=True),
            Field("readings", say("bench.readings"), hint=say("bench.each_end"), text="5"),
            needle,
            head,
        ]
    if kind == "syringe":
        return [
            file,
            _port(kind),
            syringe,
            Field("lot", say("bench.lot")),
            Field("targets", say("bench.one_dose"), hint=say("bench.one_dose_hint"), optional=True),
            Field("readings", say("bench.readings"), hint=say("bench.all_readings"), text="12"),
            shots,
            needle,
            head,
        ]
    return [
        file,
        _port(kind),
        Field("profile", say("bench.profile"), hint=say("bench.profile_hint"), text="reference"),
        Field("targets", say("bench.targets_dose"), hint=say("bench.targets_dose_hint"), optional=True),
        Field("readings", say("bench.readings"), hint=say("bench.readings_hint"), text="10"),
        shots,
        syringe,
        Field("lot", say("bench.lot"), optional=True),
        needle,
        head,
    ]
