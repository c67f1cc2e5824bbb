"""What the dialogs say: arming, the reset of a stop, an unknown outcome, leaving."""

from collections.abc import Mapping, Sequence
from typing import Any

from meso_device.console.lines import Line, Pane, Span, Tone, apart, dim, line, strong, warn, wrap
from meso_device.console.palette import Palette, offers
from meso_device.console.presenters.live import area_name
from meso_device.console.presenters.quantities import bare_dose, clock, depth, dose
from meso_device.console.state import Known, area_of
from meso_device.console.text import say
from meso_device.console.typed import TypedWord


def arm_rows(
    known: Known, pane: Pane, offer: Mapping[str, Any], word: TypedWord, *, left_s: int, said: str
) -> list[Line]:
    """Return the arm dialog: set against read back, what is asked for, what the caps leave, and the code to type.

    Args:
        known: The newest state.
        pane: Size of the dialog.
        offer: The host's answer to ARM_OPEN.
        word: What is being typed.
        left_s: Seconds until the offer lapses.
        said: The last refusal; empty for none.
    """
    area = area_of(known.snapshot, offer["area"])
    rows: list[Line] = [
        line(strong(say("arm.title", short=offer["short"], name=area_name(offer["area"])))),
        (),
        _setting("DEPTH", depth(offer["depth_um"]), depth(area["read_back_depth_um"]) if area else "-"),
        _setting("DOSE", dose(offer["dose_nl"]), dose(area["read_back_dose_nl"]) if area else "-"),
        line(dim(f"{say('arm.credit'):<10}"), strong(say("arm.asked", shots=offer["shots"], dose=dose(offer["nl"])))),
        line(dim(f"{say('arm.points'):<10}"), say("arm.given", given=offer["given"], planned=offer["planned"])),
    ]
    for cap in known.snapshot.get("caps", ())[:3]:
        free_nl = max(0, cap["limit_nl"] - cap["given_nl"] - cap["held_nl"])
        rows.append(
            line(
                dim(f"{say('arm.cap'):<10}"),
                f"{cap['name']}: ",
                strong(bare_dose(free_nl)),
                f" free of {dose(cap['limit_nl'])}",
            )
        )
    for text in offer["warnings"]:
        rows += [(Span("! ", Tone.WARN), *row) for row in wrap(text, pane.width - 2, Tone.WARN)]
    rows += [(), *word_rows(say("arm.type", short=offer["short"]), word, left_s, said, pane)]
    return rows


def reset_rows(
    reasons: list[Mapping[str, Any]], at: int, pane: Pane, word: TypedWord, *, left_s: int, said: str
) -> list[Line]:
    """Return the reset dialog: why it was stopped, and RESET to type."""
    rows: list[Line] = [line(strong(say("reset.title"))), (), *wrap(say("reset.look"), pane.width), ()]
    rows += choice_rows([reason["text"] for reason in reasons], at)
    rows += [(), *word_rows(say("reset.type"), word, left_s, said, pane)]
    return rows


def choice_rows(texts: Sequence[str], at: int) -> list[Line]:
    """Return numbered choices, the one at the cursor marked."""
    digits = len(str(len(texts)))
    return [
        line(
            Span(
                f"{'>' if no == at else ' '} {no + 1:>{digits}}  {text}",
                Tone.CURSOR if no == at else Tone.VALUE,
                f"reason({no + 1})",
            )
        )
        for no, text in enumerate(texts)
    ]


def palette_rows(known: Known, pane: Pane, palette: Palette) -> list[Line]:
    """Return the palette: the field, and what fits it, always as high as when everything does."""
    rows: list[Line] = [
        line(strong(say("palette.title")), dim(f"  {say('palette.hint')}")),
        (),
        line(Span(f" {palette.typed}_".ljust(pane.width), Tone.FIELD_ACTIVE)),
        (),
    ]
    found = palette.found
    for no, offer in enumerate(found):
        tone = Tone.CURSOR if no == palette.at else Tone.VALUE
        key = known.keys[offer.key] if offer.key else ""
        row = apart(line(f"{'>' if no == palette.at else ' '} {offer.text}"), line(f"{key} "), pane.width)
        rows.append(tuple(span._replace(tone=tone, act=f"offer({no})") for span in row))
    if not found:
        rows.append(line(dim(say("palette.none"))))
    return [*rows, *[()] * (len(offers()) - max(1, len(found)))]


def unknown_rows(known: Known, pane: Pane) -> list[Line]:
    """Return what is said of an outcome that is not proven."""
    unknown = known.snapshot.get("unknown")
    rows: list[Line] = [line(strong(say("unknown.title"))), ()]
    if unknown is None:
        rows += wrap(say("unknown.settled"), pane.width)
    else:
        text = say(
            "unknown.text",
            shots=unknown["shots"],
            dose=dose(unknown["nl"]),
            area=unknown["area"] or "?",
            at=clock(unknown["since_us"], pane.offset_s),
        )
        rows += [
            *wrap(text, pane.width),
            (),
            *wrap(say("unknown.held"), pane.width),
            (),
            *wrap(say("unknown.do"), pane.width),
        ]
    return rows


def _setting(label: str, set_: str, read: str) -> Line:
    verdict = (
        Span("MATCH") if set_ == read else dim(say("arm.unread")) if read == "-" else Span(" DIFFERS ", Tone.MEDIUM)
    )
    return line(dim(f"{label:<10}"), dim("set "), strong(f"{set_:<12}"), dim("gun reads "), f"{read:<12}", verdict)


def word_rows(ask: str, word: TypedWord, left_s: int, said: str, pane: Pane) -> list[Line]:
    """Return the field of a word that has to be typed, what Enter would do now, and how long the offer holds."""
    cancel = Tone.BUTTON_ACTIVE if word.on_cancel else Tone.BUTTON
    typed = Tone.FIELD if word.on_cancel else Tone.FIELD_ACTIVE
    rows: list[Line] = [
        line(f"{ask} ", Span(f" {word.text:<8}", typed), "   ", Span(f"  {say('dialog.cancel')}  ", cancel, "cancel")),
        line(dim(say("dialog.enter_confirms" if not word.on_cancel else "dialog.enter_cancels"))),
        line(dim(say("dialog.lapses", seconds=left_s))) if left_s else line(warn(say("dialog.lapsed"))),
    ]
    return rows + (wrap(said, pane.width, Tone.WARN) if said else [])
