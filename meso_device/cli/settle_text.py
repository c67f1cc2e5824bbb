"""What two people signed for at a locked gun, as people read it and as JSON."""

from meso_device.accounting.findings import locked_line
from meso_device.accounting.grants import GrantAccount
from meso_device.audit.export import rfc3339
from meso_device.cli.output import printable
from meso_device.cli.service_settle import Settled
from protocols.units import format_dose


def settled_document(done: Settled) -> dict[str, object]:
    """Return what two people signed for as one JSON object."""
    signed = done.signed
    return {
        "gun_uid": done.gun_uid,
        "settled": [*dict.fromkeys(one.code.value for one in signed.findings)],
        "shots": sum(one.shots for one in done.orphans),
        "lost_shots": signed.lost_shots,
        "lost_hi_nl": signed.lost_hi_nl,
        "written_off": [
            {
                "grant_no": row.grant_no,
                "session": row.session,
                "shots_hi": GrantAccount.of_ledger(row).held_shots,
                "dose_hi_nl": GrantAccount.of_ledger(row).held_nl,
            }
            for row in signed.doubted
        ],
        "log_epoch": done.opened or None,
        "findings": [one.code.value for one in done.left],
    }


def settled_lines(done: Settled) -> list[str]:
    """Return what two people signed for in lines, with what is left to do."""
    signed = done.signed
    lines = [f"settled at gun {done.gun_uid}: {', '.join(dict.fromkeys(one.code.value for one in signed.findings))}"]
    if done.orphans:
        lines.append(f"  {sum(one.shots for one in done.orphans)} injections that belong to no session here")
    for one in done.orphans:
        most = "" if one.dose_lo_nl == one.dose_hi_nl else "up to "
        volume = f"{most}{format_dose(one.dose_hi_nl)}"
        when = f"{rfc3339(one.oldest_us)[:16]} to {rfc3339(one.latest_us)[:16]} UTC"
        lines.append(f"  area {one.area_code}: {one.shots}, {volume}, {when}, grant {one.grant_no}")
    if signed.lost_shots:
        volume = format_dose(signed.lost_hi_nl)
        lines.append(f"  UNKNOWN: up to {signed.lost_shots} injections, {volume}, that are in no record here")
    for row in signed.doubted:
        account = GrantAccount.of_ledger(row)
        whose = f"session {row.session[:8]}" if row.session else "no session"
        volume = format_dose(account.held_nl)
        lines.append(
            f"  grant {row.grant_no} of {whose}: up to {account.held_shots} injections, {volume}, count as given"
        )
    if signed.balance is not None:
        lines.append(
            f"  the odometer was {signed.balance.difference_nl} nL beside the records; the next balance begins here"
        )
    if done.opened:
        lines.append(f"  the gun's log is of epoch {done.opened} from now on, the one before is closed as it stands")
    if done.counted_in:
        lines.append(
            f"  what is of no session counts for session {done.counted_in[:8]}, which is open: it may be its patient's"
        )
    if (done.orphans and not done.counted_in) or signed.lost_shots:
        lines.append(
            "  NO LIMIT COUNTS what is of no session and no grant here: whoever got it has had more than is on record"
        )
    if done.orphans or signed.lost_shots:
        lines.append("  clean the gun (meso reprocess): it may have touched somebody")
    if done.left:
        lines.append(f"  {locked_line([one.code.value for one in done.left])}")
    return [printable(line) for line in lines]
