"""``meso guns``: ports, and what answers on them. Says HELLO and nothing else, which changes nothing at a gun."""

from typing import TYPE_CHECKING, Annotated

import typer

from meso_device.cli.options import JsonOption
from meso_device.cli.output import one_line, say, say_json

if TYPE_CHECKING:
    from drivers.discovery import FoundGun

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def guns(
    ports: Annotated[
        list[str] | None,
        typer.Argument(metavar="PORT", help="Ports to ask; else all of this computer.", show_default=False),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List ports and the guns found on them; 1 when a port that was named has no usable gun."""
    import secrets

    from drivers.discovery import candidate_ports, discover

    named = ports or []
    found = discover(named or candidate_ports(), secrets.token_bytes(16))
    if json:
        say_json({"ports": [gun_document(one) for one in found]})
    elif not found:
        say("no serial ports on this computer; plug a gun in, or start a simulated one: meso simulate --link PATH")
    else:
        for one in found:
            say(gun_line(one))
    raise typer.Exit(1 if named and any(one.problem for one in found) else 0)


def gun_document(found: "FoundGun") -> dict[str, object]:
    """Return what is at a port as a JSON object; the gun's fields are absent where no gun answered."""
    from meso_device.accounting.identity import firmware_of

    document: dict[str, object] = {"port": found.port, "problem": found.problem, "simulated": found.simulated}
    reply = found.reply
    if reply is not None:
        document |= {
            "gun_uid": reply.gun_uid.hex(),
            "serial": reply.serial,
            "model": reply.model,
            "firmware": firmware_of(reply),
            "wire_major": reply.major,
            "wire_minor": reply.minor,
            "log_epoch": reply.log_epoch,
            "boot_id": reply.boot_id,
            "head_seq": reply.head_seq,
            "released_seq": reply.released_seq,
            "estop_latched": reply.estop_latch_id != 0,
            "battery_pct": reply.battery_pct,
        }
    return document


def gun_line(found: "FoundGun") -> str:
    """Return what is at a port in one line; what a device sent is shown without control characters."""
    from meso_device.accounting.identity import firmware_of

    reply = found.reply
    if reply is None:
        return one_line(found.problem if found.port in found.problem else f"{found.port}: {found.problem}")
    waiting = reply.head_seq - reply.released_seq
    marks = (
        "SIMULATED" if found.simulated else "",
        f"{waiting} records not yet taken over" if waiting else "",
        "STOPPED, reset needed" if reply.estop_latch_id else "",
        found.problem,
    )
    said = f"{found.port}: {reply.model} {reply.serial}, firmware {firmware_of(reply)}, gun {reply.gun_uid.hex()}"
    return one_line(", ".join((said, *filter(None, marks))))
