"""What the console knows, in sentences: one fact a line, nothing that has to be seen in columns. Pure."""

from collections.abc import Mapping
from typing import Any

from meso_device.console.alarm_text import about
from meso_device.console.presenters.edit import setpoints_of
from meso_device.console.presenters.frame import SHORT_ID, state_word
from meso_device.console.presenters.live import area_name
from meso_device.console.presenters.patient import items, row_state, short_alias
from meso_device.console.presenters.quantities import day_and_clock, depth, dose, dose_between
from meso_device.console.state import Known
from meso_device.console.text import say

Body = Mapping[str, Any]


def state_line(snapshot: Body) -> str:
    """Return the state of gun and log; it is spoken anew when it changes."""
    given = snapshot["session"]["given"] if snapshot["session"] is not None else 0
    return say("plain.state", state=state_word(snapshot), log=snapshot["log"]["state"], shots=given)


def operator_line(snapshot: Body) -> str:
    """Return who is at the console; it is spoken anew when it changes."""
    operator = snapshot["operator"]
    if operator is None:
        return say("plain.nobody")
    return say("plain.operator", login=operator["login"] or say("frame.training"), role=operator["role"])


def status_lines(snapshot: Body) -> list[str]:
    """Return state, people and session."""
    session, left = snapshot["session"], snapshot["resume"]
    lines = [state_line(snapshot)]
    lines += [say("plain.simulated")] if snapshot["simulated"] else []
    lines.append(operator_line(snapshot))
    lines += unknown_lines(snapshot)
    lines += to_sign_lines(snapshot)
    if left is not None:
        lines += [say("plain.left_open", session=left["id"][:SHORT_ID], given=left["given"], planned=left["planned"])]
    elif session is None:
        lines += [say("plain.no_session")]
    else:
        who = say("frame.practice") if session["practice"] else alias(session["alias"])
        named = {name: session[name] for name in ("title", "given", "planned")}
        lines += [say("plain.session", session=session["id"][:SHORT_ID], who=who, **named)]
    return lines


def alias(patient: str) -> str:
    """Return how a patient is called."""
    return short_alias(patient)


def unknown_lines(snapshot: Body) -> list[str]:
    """Return what is not proven; nothing where all is."""
    unknown = snapshot["unknown"]
    if unknown is None:
        return []
    return [say("plain.unknown_held", shots=unknown["shots"], dose=dose(unknown["nl"])), say("unknown.do")]


def to_sign_lines(snapshot: Body) -> list[str]:
    """Return which closed session waits for its signature; nothing where none does."""
    return [say("plain.to_sign", session=snapshot["to_sign"][:SHORT_ID])] if snapshot["to_sign"] else []


def area_in_words(area: Body) -> str:
    """Return an area by code and name."""
    return f"{area['short']} {area_name(area['id'])}"


def setpoint_lines(area: Body) -> list[str]:
    """Return each setpoint of an area, with what the file has."""
    return [say("plain.setpoint", name=name, now=now, filed=filed) for name, now, filed in setpoints_of(area)]


def checklist_lines(known: Known) -> list[str]:
    """Return one line a row of the checklist: what is asked or fitted, and how it stands."""
    clinic = known.snapshot["clinic"]
    lines = []
    for item in items(known):
        state = row_state(clinic, item)
        told = ", ".join(text for text in (state.text, state.note) if text)
        word = say(
            "plain.row_missing" if state.mark == " " else "plain.row_against" if state.bad else "plain.row_there"
        )
        lines.append(say("plain.row", item=say(f"check.{item}"), state=word, told=f", {told}" if told else ""))
    return lines


def gun_lines(snapshot: Body) -> list[str]:
    """Return what the gun says of itself."""
    gun = snapshot["gun"]
    if gun is None:
        return [say("plain.no_gun", port=snapshot["port"])]
    named = {name: gun[name] for name in ("serial", "model", "firmware", "level", "state")}
    return [say("plain.gun", **named)]


def plan_lines(snapshot: Body) -> list[str]:
    """Return one line an area, in the order of treatment."""
    lines = [
        say(
            "plain.area",
            short=area["short"],
            name=area_name(area["id"]),
            depth=depth(area["depth_um"]),
            dose=dose(area["dose_nl"]),
            given=area["given"],
            planned=area["planned"],
        )
        for area in snapshot["areas"]
    ]
    return lines or [say("plain.no_session")]


def alarm_line(alarm: Body) -> str:
    """Return one alarm."""
    seen = say("plain.seen", by=alarm["by"]) if alarm["by"] else say("plain.unseen")
    named = {name: alarm[name] for name in ("mark", "no", "text", "state")}
    return say("plain.alarm", name=alarm["name"].replace("_", " "), seen=seen, **named)


def alarm_lines(snapshot: Body) -> list[str]:
    """Return all alarms, the highest first, each with what to do."""
    lines = []
    for alarm in snapshot["alarms"]:
        lines += [alarm_line(alarm), say("plain.alarm_do", action=about(alarm["name"]).action)]
    return lines or [say("plain.no_alarms")]


def treatment_lines(welcome: Body) -> list[str]:
    """Return the treatments to choose from."""
    return [
        say(
            "plain.treatment",
            title=one["title"],
            status=one["status"],
            points=one["points"],
            volume=dose(one["volume_nl"]),
        )
        for one in welcome["treatments"]
    ]


def shot_lines(page: Body, offset_s: int) -> list[str]:
    """Return one line a shot, the newest first."""
    lines = [
        say(
            "plain.shot",
            seq=row["seq"],
            when=day_and_clock(row["at_us"], offset_s),
            area=area_name(row["area"]),
            depth=depth(row["depth_um"]),
            dose=dose_between(row["dose_lo_nl"], row["dose_hi_nl"]),
            phase=row["phase"],
        )
        for row in page["rows"]
    ]
    return lines or [say("plain.no_shots")]
