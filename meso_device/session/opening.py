"""How a session begins: opened at its gun, taken up from the log, and confirmed by the operator."""

from msgspec.structs import replace

from meso_device.accounting.entries import Entry, Json
from meso_device.session.contract import OpenSession, ResumeSession
from meso_device.session.desk import Desk, SessionState
from meso_device.session.flow import FlowEnded
from meso_device.session.plan_changes import apply_change
from protocols.errors import UsageError


def open_session(desk: Desk, command: OpenSession, *, connected: bool) -> tuple[Entry, ...]:
    """Begin a session at the connected gun; return what is to be committed before anything is granted.

    Raises:
        FlowEnded: it cannot begin; nothing has changed.
    """
    if desk.session is not None and not desk.session.closed:
        raise FlowEnded("a session is open: close it before the next")
    if desk.session is not None and desk.session.session == command.session:
        # Its records are there already, so a second opening would count from nothing.
        raise FlowEnded("this session is closed: begin a new one")
    if not connected or desk.book is None:
        raise FlowEnded("no gun is connected: a session is bound to its gun when it opens")
    if command.practice and not desk.book.stamp.simulated:
        raise FlowEnded("a practice session is for simulated guns only: name patient and operator")
    desk.session = SessionState(
        command.plan, command.session, command.alias, command.op, command.role, command.practice, desk.now.utc_us
    )
    desk.session.sex = command.sex
    desk.area = None
    payload: dict[str, Json] = {
        "plan": dict(command.plan.to_json()),
        "title": command.plan.title,
        "status": command.plan.status,
        "practice": command.practice,
        "points_planned": command.plan.shots,
        "gun_uid": desk.book.stamp.gun_uid,
        **command.details,
    }
    opened = desk.entry("session.opened", f"session/{command.session}/opened", payload)
    return (opened, *(replace(entry, gun=desk.book.stamp) for entry in command.entries))


def take_up_session(desk: Desk, command: ResumeSession) -> None:
    """Take up a session that the log says is open, with all that was changed of its plan; binds it to its gun.

    Raises:
        FlowEnded: it cannot be taken up; nothing has changed.
    """
    row = command.row
    if desk.session is not None and not desk.session.closed:
        # What has been counted since that row was read would be forgotten.
        raise FlowEnded("a session is open already: it goes on")
    if desk.session is not None and desk.session.session == row.session:
        raise FlowEnded("this session is closed: begin a new one")
    book = desk.book
    at_hand = book is not None and (book.stamp.gun_uid, book.stamp.log_epoch) == (row.gun_uid, row.logged[0])
    if book is not None and at_hand and book.committed_seq != row.logged[1]:
        # Counted from it, shots would be missing, or be counted twice.
        raise FlowEnded("the gun's log was being read meanwhile: take the session up once more")
    session = SessionState(
        command.plan,
        row.session,
        row.alias,
        command.op,
        command.role,
        row.opened.get("practice") is True,
        row.opened_at_us,
        {given.area_code: given for given in row.given},
        sex=command.sex,
        changed=command.entries,
    )
    try:
        for kind, payload in row.changes:
            apply_change(session, kind, payload)
    except UsageError as refused:
        raise FlowEnded(str(refused)) from None
    desk.session = session
    desk.bound_uid = row.gun_uid
    desk.change_recorded = False  # what the gun waits with happened in this session, and no host was there


def confirmation(desk: Desk, how: str) -> tuple[Entry, ...]:
    """Return the record of the operator's word that the session goes on, and of what was changed meanwhile (I-45)."""
    book, session = desk.gun(), desk.treatment()
    payload: dict[str, Json] = {
        "how": how,
        "committed_seq": book.committed_seq,
        "points_given": sum(given.shots for given in session.given.values()),
    }
    entry = desk.entry("session.confirmed", desk.event_key("session.confirmed"), payload)
    changed = tuple(replace(part, gun=book.stamp) for part in session.changed)
    session.changed = ()
    return (entry, *changed)
