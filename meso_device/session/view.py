"""What may be shown, put together from the engine's state."""

from collections.abc import Collection

from meso_device.accounting.book import GunBook
from meso_device.accounting.grants import GrantAccount
from meso_device.session.contract import LinkState, View
from meso_device.session.desk import Desk


def view_of(desk: Desk, *, link: LinkState, resets: int, stop_unheard: bool) -> View:
    """Return the view. Credit is a hint of the gun's newest status; given shots are committed ones."""
    book, session, status = desk.book, desk.session, desk.status
    grants = book.open_grants() if book is not None else desk.unsettled
    given = tuple(session.given.values()) if session is not None else ()
    stamp = book.stamp if book is not None else None
    return View(
        link=link,
        phase=desk.phase,
        session=session.session if session is not None else "",
        simulated=stamp.simulated if stamp is not None else False,
        gun_uid=stamp.gun_uid if stamp is not None else "",
        serial=book.hello.serial if book is not None else "",
        boot_id=stamp.boot_id if stamp is not None else 0,
        resets=resets,
        plan=session.plan if session is not None else None,
        file=session.file if session is not None else None,
        skipped=dict(session.skipped) if session is not None else {},
        cells=dict(session.cells) if session is not None else {},
        area_id=desk.area.area if desk.area is not None else "",
        given=given,
        shots_given=sum([area.shots for area in given]),
        shots_planned=session.plan.shots if session is not None else 0,
        dose_hi_nl=sum([area.dose_hi_nl for area in given]),
        credit_shots=status.remaining_shots if status is not None else 0,
        heard_us=desk.uptime_heard_us if book is not None else 0,
        head_seq=book.head_seq if book is not None else 0,
        committed_seq=book.committed_seq if book is not None else 0,
        open_grants=len(grants),
        held_shots=sum([grant.held_shots for grant in grants]),
        held_nl=sum([grant.held_nl for grant in grants]),
        findings=tuple([code.value for code in desk.findings]),
        blocked=desk.blocked,
        estop_latch_id=desk.latch_id,
        alarms=status.alarms if status is not None else 0,
        stop_unheard=stop_unheard,
        write_failed=desk.write_failed,
        log_state=_log_state(desk, book, grants),
        bench=desk.bench.view() if desk.bench is not None else None,
    )


def _log_state(desk: Desk, book: GunBook | None, grants: Collection[GrantAccount]) -> str:
    if desk.findings:
        return next(iter(desk.findings)).name
    if book is None or any(grant.unknown for grant in grants):
        return "UNKNOWN"
    return "SYNCED" if book.synced else f"BEHIND {book.head_seq - book.committed_seq}"
