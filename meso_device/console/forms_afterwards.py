"""What is asked when something is said of a session that is over: a correction, or a late reaction. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from meso_device.console.form import Field
from meso_device.console.forms import Asked
from meso_device.console.presenters.frame import SHORT_ID
from meso_device.console.text import say
from meso_device.screen_messages import ToHost

Body = Mapping[str, Any]
TEXT_LETTERS_MAX: Final = 200


def amend(record: Body, offer: Body) -> Asked:
    """Return the form that corrects one field of a record.

    Args:
        record: The host's answer to RECORD.
        offer: One of its fields that may be corrected.
    """
    by_two = record["amend"]["by_two"]
    fields = [
        Field("new", say("amend.new"), length_max=TEXT_LETTERS_MAX),
        Field("reason", say("amend.reason"), hint=say("amend.reason_hint")),
        Field("pin", say("override.pin"), secret=True),
    ]
    if by_two:
        fields += [Field("login2", say("unknown.login2")), Field("pin2", say("unknown.pin2"), secret=True)]
    notes = [say("amend.now", now=offer["now"])]
    notes += [say("amend.takes", takes=", ".join(offer["takes"]))] if offer["takes"] else []
    notes += [say("amend.two")] if by_two else []
    return Asked(
        kind=ToHost.AMEND,
        title=say("amend.title", field=offer["field"], seq=record["seq"]),
        fields=fields,
        note=" ".join(notes),
        fixed={"seq": record["seq"], "field": offer["field"], **({} if by_two else {"login2": "", "pin2": ""})},
    )


def reaction(record: Body, code: str, welcome: Body) -> Asked:
    """Return the form of a reaction that followed the session of a record.

    Args:
        record: The host's answer to RECORD.
        code: What was seen, a word of WELCOME.
        welcome: The host's first words.
    """
    fields = [
        Field("severity", say("reaction.severity")),
        Field("onset_day", say("reaction.onset_day"), hint=say("reaction.onset_hint")),
        Field("reporter", say("reaction.reporter"), text=welcome["reporters"][0]),
        Field("areas", say("reaction.areas"), hint=say("reaction.areas_hint"), optional=True),
        Field("shots", say("reaction.shots"), hint=say("reaction.shots_hint"), optional=True),
        Field(
            "text",
            say("reaction.text"),
            hint=say("reaction.text_hint"),
            optional=True,
            length_max=TEXT_LETTERS_MAX,
        ),
    ]
    words = {name: ", ".join(welcome[name]) for name in ("severities", "reporters")}
    return Asked(
        kind=ToHost.REACTION,
        title=say("reaction.title", code=spoken(code).capitalize(), session=record["reaction"]["session"][:SHORT_ID]),
        fields=fields,
        note=say("reaction.note", **words),
        fixed={"seq": record["seq"], "code": code},
    )


def spoken(word: str) -> str:
    """Return a word of the records as people read it."""
    return word.replace("_", " ")
