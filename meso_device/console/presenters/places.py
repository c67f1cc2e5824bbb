"""The quieter screens: session, sign-in, gun, help, summary."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from meso_device.console.form import Form
from meso_device.console.keys import KEYS, PAGES, Key
from meso_device.console.lines import (
    Line,
    Pane,
    Span,
    Tone,
    cells,
    columns,
    cut,
    dim,
    flow,
    key,
    line,
    strong,
    warn,
    wrap,
)
from meso_device.console.presenters.frame import SHORT_ID, state_span, state_word
from meso_device.console.presenters.live import area_name
from meso_device.console.presenters.quantities import (
    bare_dose,
    day_and_clock,
    dose,
    dose_between,
)
from meso_device.console.presenters.treatments import choice_rows
from meso_device.console.settings import DISARM_AFTER_S
from meso_device.console.state import Known, may, why_not
from meso_device.console.text import say
from protocols.treatment.areas import catalogue

LABEL: Final = 16
NAME_MIN, NAME_MAX = 10, 24
AREAS_MIN: Final = 3
HEAD_SHOWN, HEAD_GROUP = 12, 4
"""Hex digits of the tree's head: enough to compare by eye with a checkpoint that is kept outside."""
_NOBODY: Final = {"role": "practice"}
_HISTORY: Final = "page('history')"


def form_rows(form: Form, said: str, pane: Pane) -> list[Line]:
    """Return the fields of a form, secrets as dots, and the last refusal."""
    rows: list[Line] = []
    for no, field in enumerate(form.fields):
        text = "•" * len(form[field.name]) if field.secret else form[field.name]
        tone = Tone.FIELD_ACTIVE if no == form.at else Tone.FIELD
        shown = f" {text[-24:]}{'_' if no == form.at else ''}".ljust(27)
        rows.append(line(dim(f" {field.label:<{LABEL}}"), Span(shown, tone, f"field({no})"), dim(f"  {field.hint}")))
    if said:
        rows += [(), *[(Span(" "), *row) for row in wrap(said, pane.width - 2, Tone.WARN)]]
    return rows


def welcome_rows(known: Known, pane: Pane, form: Form, said: str) -> list[Line]:
    """Return the sign-in screen: signing in, or the first administrator of a new data directory."""
    enrolled = bool(known.snapshot.get("enrolled", known.welcome.get("enrolled", True)))
    title = "sign_in.title" if enrolled else "sign_in.first_title"
    rows: list[Line] = [(), line(strong(f" {say(title)}"))]
    if not enrolled:
        rows += [(Span(" "), *row) for row in wrap(say("sign_in.first_text"), pane.width - 2, Tone.DIM)]
    rows += [(), *form_rows(form, said, pane), ()]
    rows.append(
        (
            Span(" "),
            *key("Enter", say("sign_in.go" if enrolled else "sign_in.enrol"), "submit"),
            *key("Esc", say("sign_in.training"), "training"),
        )
    )
    rows += [(), *[(Span(" "), *row) for row in wrap(say("sign_in.locks"), pane.width - 2, Tone.DIM)]]
    return rows


def before_rows(known: Known, pane: Pane) -> list[Line]:
    """Return who signed in last and which guns were met, as of the start."""
    rows: list[Line] = [line(strong(f" {say('sign_in.last')}"))]
    rows += [
        line(f" {one['login']:<12}", dim(day_and_clock(one["at_us"], pane.offset_s)[:16]))
        for one in known.welcome.get("logins", ())
    ] or [line(dim(f" {say('sign_in.nobody')}"))]
    rows += [(), line(strong(f" {say('sign_in.guns')}"))]
    rows += [
        line(f" {one['uid'][:SHORT_ID]}  ", dim(say("sign_in.records", records=one["records"])))
        for one in known.welcome.get("guns", ())
    ] or [line(dim(f" {say('sign_in.no_gun')}"))]
    return [*rows, ()]


def meanwhile_rows(left: Mapping[str, Any], shots: Sequence[Mapping[str, Any]], problem: str, pane: Pane) -> list[Line]:
    """Return the newest shots of a session that was left open; those that its gun told of since are marked."""
    rows: list[Line] = [line(strong(f" {say('resume.shots')}"))]
    if problem:
        rows += [(Span(" "), *row) for row in wrap(problem, pane.width - 2, Tone.WARN)]
    elif not shots:
        rows.append(line(dim(f" {say('resume.no_shots')}")))
    for no, shot in enumerate(shots[: max(0, pane.height - 3)]):
        new = no < left["copied"]
        at = day_and_clock(shot["at_us"], pane.offset_s)[11:]
        ended = Span(dose(shot["dose_hi_nl"])) if shot["phase"] == "DONE" else warn(shot["phase"])
        row = Span(f"{'+' if new else ' '}#{shot['shot_seq']:<7}{at}", Tone.STRONG if new else Tone.VALUE)
        rows.append(line(row, f" {_short(shot['area']):<4}", ended))
    return [*rows, line(dim(f" {say('resume.new')}"))] if left["copied"] and shots else rows


def _short(area: str) -> str:
    known = catalogue().get(area)
    return known.short if known is not None else area


def session_rows(known: Known, pane: Pane, at: int) -> list[Line]:
    """Return the session screen: what an earlier run left open, what is open, or what can be begun."""
    snapshot = known.snapshot
    if not snapshot:
        return []
    if snapshot["resume"] is not None and snapshot["session"] is None:
        return _left_open(known, pane)
    if snapshot["session"] is not None and snapshot["session"]["state"] == "open":
        return _open(known, pane)
    return _treatments(known, pane, at)


def _left_open(known: Known, pane: Pane) -> list[Line]:
    snapshot = known.snapshot
    left, gun = snapshot["resume"], snapshot["gun"]
    who = say("frame.practice") if left["practice"] else f"P-{left['alias'][:SHORT_ID]}"
    rows: list[Line] = [
        (),
        line(" ", strong(say("resume.title", session=left["id"][:SHORT_ID], who=who))),
        (),
        line(dim(f" {say('resume.opened'):<{LABEL}}"), day_and_clock(left["opened_us"], pane.offset_s)),
        line(
            dim(f" {say('resume.plan'):<{LABEL}}"),
            say("resume.points", title=left["title"], given=left["given"], planned=left["planned"]),
        ),
        line(
            dim(f" {say('resume.log'):<{LABEL}}"),
            say("resume.copied", copied=left["copied"]) if left["copied"] else say("resume.nothing_new"),
        ),
        line(
            dim(f" {say('resume.gun'):<{LABEL}}"),
            state_span(state_word(snapshot)),
            f" {gun['serial']}" if gun is not None else "",
        ),
        (),
    ]
    rows += [(Span(" "), *row) for row in wrap(say("resume.text"), pane.width - 2, Tone.DIM)]
    rows.append(())
    for name, command, text, act in (
        (known.keys["session.resume"], "resume", "key.resume", "resume"),
        (known.keys["session.close"], "abandon", "key.abandon", "abandon"),
    ):
        if may(snapshot, command):
            rows.append((Span(" "), *key(name, say(text), act)))
        else:
            rows.append(line(dim(f" [{name}] {say(text)}: {why_not(snapshot, command)}")))
    return rows


def _open(known: Known, pane: Pane) -> list[Line]:
    snapshot = known.snapshot
    session = snapshot["session"]
    planned, given = (sum(area[name] for area in snapshot["areas"]) for name in ("planned", "given"))
    who = say("frame.practice") if session["practice"] else f"P-{session['alias'][:SHORT_ID]}"
    rows: list[Line] = [
        (),
        line(" ", strong(session["title"]), dim(f"  version {session['version']}, {session['status']}")),
        (),
        line(dim(f" {say('session.patient'):<{LABEL}}"), who),
        line(dim(f" {say('session.id'):<{LABEL}}"), f"S-{session['id'][:SHORT_ID]}"),
        line(dim(f" {say('resume.opened'):<{LABEL}}"), day_and_clock(session["opened_us"], pane.offset_s)),
        line(
            dim(f" {say('resume.plan'):<{LABEL}}"),
            say("session.points", given=given, planned=planned, areas=len(snapshot["areas"])),
        ),
        (),
    ]
    if may(snapshot, "confirm"):
        rows += [line(" ", warn(say("live.unconfirmed", confirm=known.keys["live.confirm"]))), ()]
    rows += [
        (
            Span(" "),
            *key(known.keys["plan"], say("page.plan"), "page('plan')"),
            *key(known.keys["live"], say("page.live"), "page('live')"),
        )
    ]
    return rows


def _treatments(known: Known, pane: Pane, at: int) -> list[Line]:
    choices = known.welcome.get("treatments", ())
    rows: list[Line] = [()]
    if known.snapshot["to_sign"]:
        left = say("session.to_sign", session=known.snapshot["to_sign"][:SHORT_ID])
        rows += [line(" ", warn(left), "  ", *key(known.keys["session.sign"], say("summary.sign_it"), "signature")), ()]
    rows += [line(" ", strong(say("session.choose"))), ()]
    rows += choice_rows(choices, at, max(3, pane.height - 6 - len(rows)), pane.width)
    rows.append(())
    if may(known.snapshot, "open"):
        rows.append(
            (
                Span(" "),
                *key(known.keys["session.open"], say("session.open"), "open"),
                dim(say("session.practice_note")),
            )
        )
        rows.append((Span(" "), *key(known.keys["session.patient"], say("session.with_patient"), "patient")))
    else:
        rows.append(line(" ", warn(why_not(known.snapshot, "open"))))
    return [cut(row, pane.width) for row in rows]


def help_rows(known: Known, pane: Pane) -> list[Line]:
    """Return the keys from the one table of keys: those of the screen one came from first."""
    rows: list[Line] = [
        line(" ", Span(f" {known.keys['stop']} STOP ", Tone.STOP, "stop('button')"), f"  {say('help.stop')}"),
        (),
    ]
    seconds = known.welcome.get("settings", {}).get("disarm_after_s", DISARM_AFTER_S)
    rows += [(Span(" "), *row) for row in wrap(say("help.armed", seconds=seconds), pane.width - 2)]
    rows.append(())
    everywhere = [item for item in KEYS if not item.where and item.id not in {"stop", *PAGES}]
    for page in sorted(("", *PAGES, "patient", "bench"), key=lambda page: page != (known.came_from or "")):
        found = [item for item in KEYS if item.where == page] if page else everywhere
        if found:
            rows += _key_rows(known, say(f"page.{page}") if page else say("help.everywhere"), found, pane.width - 1)
    return rows


def _key_rows(known: Known, label: str, found: Sequence[Key], width: int) -> list[Line]:
    """Return a screen's keys, as many in a row as there is room for."""
    rows: list[list[Span]] = [[Span(f" {label:<12}", Tone.STRONG)]]
    for item in found:
        piece = [Span(known.keys[item.id], Tone.KEY), dim(f" {say(f'help.{item.id}')}   ")]
        if cells((*rows[-1], *piece)) > width + 3:
            rows.append([Span(" " * 13)])
        rows[-1] += piece
    return [tuple(row) for row in rows]


def summary_rows(known: Known, pane: Pane, said: str) -> list[Line]:
    """Return what was given, by area, beside what was planned, and what these totals are held to."""
    snapshot = known.snapshot
    if not snapshot or snapshot["session"] is None:
        return [line(strong(f" {say('live.no_session')}"))]
    session, areas = snapshot["session"], snapshot["areas"]
    head: list[Line] = [
        line(" ", strong(session["title"]), dim(f"   S-{session['id'][:SHORT_ID]}  {session['state']}")),
        _summed_head(pane),
    ]
    below = [(), *_total_rows(snapshot, pane), ()]
    below += _closing_rows(known, pane) if session["state"] == "open" else _closed_rows(snapshot, pane)
    if said:
        below += [(Span(" "), *row) for row in wrap(said, pane.width - 2, Tone.WARN)]
    room = max(AREAS_MIN, pane.height - len(head) - len(below))
    shown = areas if len(areas) <= room else areas[: room - 1]
    rows = [*head, *(_summed_row(area, pane) for area in shown)]
    if len(shown) < len(areas):
        more = say("summary.more", areas=len(areas) - len(shown), plan=known.keys["plan"])
        rows.append(line(dim(f" {more}")))
    return [*rows, *below]


def _summed_widths(pane: Pane) -> tuple[int, ...]:
    """Return the widths of a summed row's columns; a narrow pane is narrow for the name alone."""
    return (7, max(NAME_MIN, min(NAME_MAX, pane.width - 52)), -7, -6, -8, -11, -12)


def _summed_head(pane: Pane) -> Line:
    names = say("summary.columns").split("|")
    return columns((dim(name), width) for name, width in zip(names, _summed_widths(pane), strict=True))


def _summed_row(area: Mapping[str, Any], pane: Pane) -> Line:
    odd = area["unknown"] or area["interrupted"] or area["given"] != area["planned"]
    parts = (
        f" {area['short']}",
        area_name(area["id"]),
        str(area["planned"]),
        Span(str(area["given"]), Tone.WARN if odd else Tone.VALUE),
        Span(str(area["unknown"]), Tone.WARN if area["unknown"] else Tone.VALUE),
        bare_dose(area["planned"] * area["dose_nl"]),
        dose_between(area["dose_lo_nl"], area["dose_hi_nl"]).removesuffix(" mL"),
    )
    return columns(zip(parts, _summed_widths(pane), strict=True))


def _total_rows(snapshot: Mapping[str, Any], pane: Pane) -> list[Line]:
    """Return the sum, what is not proven of it, and whether shots are missing in the record."""
    lo_nl, hi_nl = (sum(area[name] for area in snapshot["areas"]) for name in ("dose_lo_nl", "dose_hi_nl"))
    held, off, log = snapshot["held"], snapshot["written_off"], snapshot["log"]
    rows: list[Line] = [line(" ", strong(say("summary.total", dose=dose_between(lo_nl, hi_nl))))]
    if held["shots"]:
        rows.append(line(" ", warn(say("summary.held", shots=held["shots"], dose=dose(held["nl"])))))
    if off["shots"]:
        missing = warn(say("summary.written_off", shots=off["shots"], dose=dose(off["nl"])))
    elif held["shots"] or log["state"] != "SYNCED":
        missing = warn(say("summary.missing_unknown"))
    else:
        missing = Span(say("summary.missing_none"))
    recorded = dim(f"   {say('summary.log', state=log['state'], seq=log['committed_seq'])}")
    return [*rows, *flow(line(dim(" "), missing, recorded), pane.width, 1)]


def _closing_rows(known: Known, pane: Pane) -> list[Line]:
    """Return the way to close the session, or what stands against it."""
    if may(known.snapshot, "finish"):
        return [(Span(" "), *key("Enter", say("summary.sign"), "sign"), *key("Esc", say("key.back"), "back"))]
    why = f"{say('summary.not_yet')}: {why_not(known.snapshot, 'finish')}"
    return [(Span(" "), *row) for row in wrap(why, pane.width - 2, Tone.WARN)]


def _closed_rows(snapshot: Mapping[str, Any], pane: Pane) -> list[Line]:
    """Return the balance of the syringe, the head of the log's tree that the totals are held to, and the signature."""
    rows: list[Line] = [line(" ", strong(say("summary.closed")))]
    material = (snapshot["closing"] or {}).get("material")
    if material is not None:
        parts = {
            "loaded": dose(material["loaded_nl"]),
            "patient": dose_between(material["patient_lo_nl"], material["patient_hi_nl"]),
            "prime": dose(material["prime_nl"]),
            "waste": dose(material["waste_nl"]),
            "left": dose_between(material["left_lo_nl"], material["left_hi_nl"]),
        }
        rows += [(Span(" "), *row) for row in wrap(say("summary.material", **parts), pane.width - 2)]
    head = snapshot["tree_head"]
    if head is not None:
        short = "-".join(head["root"][at : at + HEAD_GROUP] for at in range(0, HEAD_SHOWN, HEAD_GROUP))
        rows.append(line(dim(f" {say('summary.tree_head')} "), f"{head['size']} {short}"))
    if snapshot["to_sign"]:
        sign = key("S", say("summary.sign_it"), "signature")
        rows.append((Span(" "), warn(say("summary.to_sign")), Span("   "), *sign))
    elif not snapshot["session"]["practice"] or (snapshot["operator"] or _NOBODY)["role"] != "practice":
        rows.append(line(" ", strong(say("summary.signed"))))
    next_ = key("Enter", say("summary.next"), "sign")
    return [*rows, (), (Span(" "), *next_, *key("F7", say("summary.recorded"), _HISTORY))]


def notes(pane: Pane, texts: Sequence[str]) -> list[Line]:
    """Return short notes for the context column, one paragraph each."""
    rows: list[Line] = []
    for text in texts:
        rows += [*[(Span(" "), *row) for row in wrap(text, pane.width - 2, Tone.DIM)], ()]
    return rows
