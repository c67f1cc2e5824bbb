"""``meso service``: who a gun is, what its counters say, the parts that wear, and what was done to it."""

from typing import TYPE_CHECKING, Annotated

import typer

from meso_device.accounting.service import WearingPart
from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.gun_choice import GunChoiceOption
from meso_device.cli.options import GunOption, HomeOption, JsonOption
from meso_device.cli.output import one_line, say, say_json, tell

if TYPE_CHECKING:
    from meso_device.cli.service_check import Looked

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Check a gun's identity and counters, fit parts that wear, note acts of service.",
)
SecondOption = Annotated[
    str, typer.Option("--second", metavar="NAME", help="Who stands by it; else asked.", show_default=False)
]


@app.command()
def check(
    gun: GunOption,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Read who a gun is and its counters, and compare them with what is recorded; 1 when something is wrong.

    The first look registers the gun. A change later on is a finding: the gun treats nobody until two people accept it.
    """
    from meso_device.cli.service_check import look_at

    looked = look_at(gun, home=home, sign_in=sign_in, pin_file=pin_file)
    _report(looked, json=json)
    if not json:
        say(f"  {looked.strokes} strokes in its log, {looked.waiting} of them not recorded here yet")
        say(f"  odometer {_volume(looked.odometer_nl)}, {_compared(looked)}; switched on {looked.boots} times")
    if looked.findings:
        tell("; ".join(finding.line for finding in looked.findings))
        raise typer.Exit(1)


@app.command()
def accept(
    gun: GunOption,
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="Why it changed, such as firmware_update.")],
    second: SecondOption = "",
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Register a gun anew as what it says it is now: a technician and a second person, each with a PIN."""
    from meso_device.accounting.materials import checked_code
    from meso_device.cli.service_check import accept as accept_identity

    checked_code("reason", reason)
    looked = accept_identity(gun, home=home, reason=reason, sign_in=sign_in, second=second, pin_file=pin_file)
    _report(looked, json=json)


@app.command()
def settle(
    gun: GunChoiceOption,
    reason: Annotated[
        str, typer.Option("--reason", metavar="CODE", help="How it came to be, such as backup_restored or new_memory.")
    ],
    second: SecondOption = "",
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Let a locked gun go on, once two people have looked at what was found and signed for it.

    Injections for no session and lost records: a clinician or technician and a second person. A log that was begun anew
    or is not the one known here: a technician. An odometer or a limit that was not kept: a technician, and another one
    or an administrator. Nothing recorded is changed, and what may have been given counts.
    """
    from meso_device.accounting.materials import checked_code
    from meso_device.cli.service_settle import settle as settle_findings
    from meso_device.cli.settle_text import settled_document, settled_lines

    checked_code("reason", reason)
    done = settle_findings(
        gun,
        home=home,
        reason=reason,
        sign_in=sign_in,
        second=second,
        pin_file=pin_file,
        ask_for_button=lambda: tell("press the service button at the gun now: its log is begun anew"),
    )
    if json:
        say_json(settled_document(done))
        return
    for line in settled_lines(done):
        say(line)


@app.command()
def fit(
    part: Annotated[WearingPart, typer.Argument(metavar="PART", help="guard, lead_screw or seal.")],
    serial: Annotated[str, typer.Argument(metavar="SERIAL", help="Its serial number or lot.")],
    gun: GunChoiceOption,
    limit: Annotated[
        int,
        typer.Option("--limit", min=0, help="Strokes it may make, by its maker; takes two people.", show_default=False),
    ] = 0,
    before: Annotated[int, typer.Option("--before", min=0, help="Strokes that it has made already.")] = 0,
    second: SecondOption = "",
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Record a part that was fitted to a gun; its strokes count from now on, and at its limit the gun treats nobody.

    Needle and head are a patient's own: they are recorded in the session.
    """
    from meso_device.accounting.service import part_renewed
    from meso_device.audit.service_facts import wear_of
    from meso_device.cli.gun_choice import choose_gun
    from meso_device.cli.service_text import part_document, part_line
    from meso_device.cli.serving import serving
    from meso_device.people.roles import Act, Meaning

    uid = choose_gun(gun, home).uid
    with serving(home, "fit", sign_in=sign_in, pin_file=pin_file) as work:
        entry = part_renewed(uid, part, serial, work.by, strokes_max=limit, strokes_before=before)
        if limit:
            work.commit_by_two(work.together_with(second, Act.BENCH_SIGN_OFF), entry)
        else:
            work.commit_signed(entry, Meaning.PERFORMED)
        [fitted] = [one for one in wear_of(work.db, uid) if one.part == part.value]
    if json:
        say_json({"gun_uid": uid, **part_document(fitted)})
    else:
        say(f"gun {uid}: {part_line(fitted)}")


@app.command()
def record(
    act: Annotated[str, typer.Argument(metavar="ACT", help="What was done: a code such as lead_screw_greased.")],
    gun: GunChoiceOption,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Record something else that was done to a gun."""
    from meso_device.accounting.materials import checked_code
    from meso_device.accounting.service import act_done
    from meso_device.cli.gun_choice import choose_gun
    from meso_device.cli.serving import serving
    from meso_device.people.roles import Meaning

    checked_code("act", act)
    uid = choose_gun(gun, home).uid
    with serving(home, "record", sign_in=sign_in, pin_file=pin_file) as work:
        work.commit_signed(act_done(uid, act, work.by), Meaning.PERFORMED)
    say_json({"gun_uid": uid, "act": act}) if json else say(f"recorded: {act} at gun {uid}")


@app.command("list")
def list_guns(home: HomeOption = None, json: JsonOption = False) -> None:
    """List all guns in service: identity, open findings, parts with their strokes, counters and acts."""
    from meso_device.cli.log import reading
    from meso_device.cli.service_text import service_document, service_lines
    from meso_device.records.service import guns_serviced

    with reading(home) as db:
        guns = guns_serviced(db) if db is not None else ()
    if json:
        say_json({"guns": [service_document(gun) for gun in guns]})
    elif not guns:
        say("no service is recorded here yet; begin with: meso service check --gun PORT")
    for gun in () if json else guns:
        for line in service_lines(gun):
            say(line)


def _report(looked: "Looked", *, json: bool) -> None:
    from msgspec.structs import asdict

    identity, gun = looked.identity, looked.gun
    if json:
        say_json(
            {
                "gun_uid": gun.gun_uid,
                "simulated": gun.simulated,
                "identity": asdict(identity),
                "registered": looked.registered,
                "strokes": looked.strokes,
                "waiting": looked.waiting,
                "odometer_nl": looked.odometer_nl,
                "boots": looked.boots,
                "difference_nl": looked.balance.difference_nl if looked.balance is not None else None,
                "findings": [{"code": one.code.value, "text": one.line} for one in looked.findings],
            }
        )
        return
    mark = "  SIMULATED" if gun.simulated else ""
    said = f"{identity.model} {identity.serial}, hardware {identity.hw_rev}, firmware {identity.firmware}"
    say(one_line(f"gun {gun.gun_uid}: {said}{', registered now' if looked.registered else ''}{mark}"))


def _compared(looked: "Looked") -> str:
    if looked.balance is None:
        return "not compared with the records: they do not reach equally far"
    return f"{looked.balance.difference_nl} nL beside the records, {looked.balance.tolerance_nl} nL allowed"


def _volume(volume_nl: int) -> str:
    from protocols.units import format_dose

    return format_dose(volume_nl)
