"""``meso calibration``: what was calibrated, certificates, what is due, and whom a failed check touches."""

from pathlib import Path
from typing import Annotated

import typer

from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import say, say_json
from protocols.errors import UsageError

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Look at calibrations: certificates, what is due, and whom a failed check touches.",
)
GunUidOption = Annotated[str, typer.Option("--gun", metavar="UID", help="Only this gun.", show_default=False)]
BalanceOption = Annotated[
    str, typer.Option("--balance", metavar="SERIAL", help="Balance by which guns were judged.", show_default=False)
]
GaugeOption = Annotated[str, typer.Option("--gauge", metavar="SERIAL", help="A gauge instead.", show_default=False)]
ThermometerOption = Annotated[
    str, typer.Option("--thermometer", metavar="SERIAL", help="A thermometer instead.", show_default=False)
]
CertificateOption = Annotated[
    str, typer.Option("--certificate", metavar="NO", help="Its certificate; else its only one.", show_default=False)
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run, or its first letters.")]


@app.command("list")
def list_runs(gun: GunUidOption = "", home: HomeOption = None, json: JsonOption = False) -> None:
    """List all runs at the bench, newest first."""
    from meso_device.cli.calibration_text import run_document, run_line
    from meso_device.cli.log import reading
    from meso_device.records.calibration_runs import run_rows

    with reading(home) as db:
        rows = run_rows(db, gun.lower()) if db is not None else ()
    if json:
        say_json({"runs": [run_document(row) for row in rows]})
    elif not rows:
        say("no calibration yet")
    for row in () if json else rows:
        say(run_line(row))


@app.command()
def show(run: RunArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show one run: its readings counted and excluded, what they came to, and who signed."""
    from meso_device.cli.calibration_text import run_document, story_lines
    from meso_device.cli.log import reading_log
    from meso_device.records.calibration_runs import find_run, run_story

    with reading_log(home) as db:
        row = find_run(db, run)
        story = run_story(db, row.run)
    if json:
        say_json(run_document(row, story))
        return
    for line in story_lines(row, story):
        say(line)


@app.command()
def certificate(
    run: RunArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write, .pdf, .html or .json.")],
    laboratory: Annotated[
        str, typer.Option("--laboratory", metavar="TEXT", help="Who issues it.", show_default=False)
    ] = "",
    customer: Annotated[str, typer.Option("--customer", metavar="TEXT", help="For whom.", show_default=False)] = "",
    condition: Annotated[
        str, typer.Option("--condition", metavar="TEXT", help="State of the gun when it came.", show_default=False)
    ] = "",
    received: Annotated[
        str, typer.Option("--received", metavar="DATE", help="When it came, YYYY-MM-DD.", show_default=False)
    ] = "",
    deviation: Annotated[
        list[str] | None, typer.Option("--deviation", metavar="TEXT", help="A deviation from the method; repeatable.")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write the certificate of a signed run; its hashes, in all three forms, go into the log.

    The JSON is the certificate, PDF and HTML are renderings of it. With other words than before it is a new certificate
    that names the old one.
    """
    from meso_device.cli.certificate import write_certificate

    told = write_certificate(
        home,
        run,
        out,
        laboratory=laboratory,
        customer=customer,
        condition=condition,
        received=received,
        deviations=tuple(deviation or ()),
    )
    if json:
        say_json(told)
        return
    say(f"{told['number']}: {told['file']}{'  SIMULATED' if told['simulated'] else ''}")
    say(f"  sha-256 of the certificate {told['certificate_sha256']}, recorded in the log")
    if told["replaces"]:
        say(f"  replaces {told['replaces']}")


@app.command()
def due(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Also write it with drift charts, .pdf or .html.", show_default=False
        ),
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List until when each gun's calibrations hold and how they drift, and the parts that are worn or soon will be.

    What is due comes first.
    """
    from meso_device.cli.calibration_text import due_document, due_lines
    from meso_device.cli.log import reading
    from meso_device.cli.service_text import part_document, part_line
    from meso_device.host.clock import Clock
    from meso_device.records.calibration_state import due_rows
    from meso_device.records.service import nearly_worn
    from protocols.units import day_of

    today = day_of(Clock().now().utc_us)
    with reading(home) as db:
        rows = due_rows(db, today) if db is not None else ()
        worn = nearly_worn(db) if db is not None else ()
    if out is not None:
        from meso_device.cli.calibration_chart import write_state

        write_state(home, rows, out, today)
    if json:
        parts = [{"gun_uid": gun_uid, **part_document(part)} for gun_uid, part in worn]
        say_json({"due": [due_document(row) for row in rows], "parts": parts})
        return
    if not rows:
        say("no complete calibration is recorded here")
    for row in rows:
        for line in due_lines(row):
            say(line)
    for gun_uid, part in worn:
        say(f"gun {gun_uid}  {part_line(part)}")


@app.command()
def limits(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Bench file.")],
    release: Annotated[
        bool, typer.Option("--release", help="Put them in force, by an administrator and a clinician.")
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="CODE", help="Why they change; with --release.", show_default=False)
    ] = "",
    second: Annotated[
        str, typer.Option("--second", metavar="NAME", help="The clinician; else asked.", show_default=False)
    ] = "",
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a bench file allows and whether it is in force; --release puts it there, with two PINs.

    No run begins by other limits than those in force, and each one names them by their hash.
    """
    from meso_device.accounting.materials import checked_code
    from meso_device.cli.bench_limits import limits_document, limits_lines, look_at_limits, release_limits

    if release:
        checked_code("reason", reason)
        asked, in_force = release_limits(home, file, reason=reason, second=second, sign_in=sign_in, pin_file=pin_file)
    else:
        asked, in_force = look_at_limits(home, file)
    if json:
        say_json(limits_document(asked, in_force=in_force))
        return
    for line in limits_lines(asked, in_force=in_force):
        say(line)


@app.command()
def recall(
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="Why, such as weights_wrong.")],
    balance: BalanceOption = "",
    gauge: GaugeOption = "",
    thermometer: ThermometerOption = "",
    certificate: CertificateOption = "",
    since: Annotated[
        str, typer.Option("--since", metavar="DATE", help="First day it may have been wrong; else ever.")
    ] = "",
    error: Annotated[
        list[str] | None,
        typer.Option(
            "--error",
            metavar="ERROR",
            help="What it shows less what is true, such as '+8000 ppm', '-0.5 degC', '0.02 mm'; twice for a range.",
        ),
    ] = None,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Record that the certificate of a balance, gauge or thermometer does not hold.

    Guns whose newest calibration was made with it treat nobody until it is done anew with another, and until a
    clinician has signed whom it touches.
    """
    from meso_device.cli.recall import Named, recall_reference
    from meso_device.cli.recall_text import recall_document, recall_lines

    named = Named(balance=balance, gauge=gauge, thermometer=thermometer, certificate=certificate)
    impact = recall_reference(
        home, named, since=since, errors=error or (), reason=reason, sign_in=sign_in, pin_file=pin_file
    )
    if json:
        say_json(recall_document(impact))
        return
    for line in recall_lines(impact):
        say(line)


@app.command()
def affected(
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="Id of a run that failed, or its first letters.")] = "",
    balance: BalanceOption = "",
    gauge: GaugeOption = "",
    thermometer: ThermometerOption = "",
    certificate: CertificateOption = "",
    sign: Annotated[
        bool, typer.Option("--sign", help="A clinician has looked at it: recorded and signed, with the PIN.")
    ] = False,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List every session that a failed check touches, since the gun was last left good; or a reference, on all guns.

    With what each dose can have been in truth. Answers in aliases; meso lookback gives the names to those who may see
    them.
    """
    from meso_device.cli.calibration_text import impact_document, impact_lines
    from meso_device.cli.impact import look_at_impact
    from meso_device.cli.recall import Named, look_at_recall
    from meso_device.cli.recall_text import recall_document, recall_lines

    named = Named(balance=balance, gauge=gauge, thermometer=thermometer, certificate=certificate)
    if bool(run) == bool(named):
        raise UsageError("name a run that failed, or one reference with --balance, --gauge or --thermometer")
    if named:
        recalled, recorded = look_at_recall(home, named, sign=sign, sign_in=sign_in, pin_file=pin_file)
        document, lines = recall_document(recalled), recall_lines(recalled)
    else:
        impact, recorded = look_at_impact(home, run, sign=sign, sign_in=sign_in, pin_file=pin_file)
        document, lines = impact_document(impact), impact_lines(impact)
    if json:
        say_json(document | {"signed": recorded})
        return
    for line in lines:
        say(line)
    if recorded:
        say("signed: a clinician has looked at it")
