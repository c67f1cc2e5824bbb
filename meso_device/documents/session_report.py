"""The report of a session for the chart: everything that its records say, from the plan to the last shot."""

from collections.abc import Iterator, Mapping
from typing import Final

from meso_device.audit.amendments import said_last
from meso_device.documents.blocks import (
    SIMULATED,
    Block,
    Column,
    Document,
    Facts,
    Figure,
    Heading,
    Items,
    Notice,
    Table,
    Text,
)
from meso_device.documents.body_picture import Shown, body_picture, body_words, views_of
from meso_device.documents.charts import Axis, bars, histogram
from meso_device.documents.numbers import fixed, short
from meso_device.documents.qr import checkpoint_figure
from meso_device.documents.session_events import changed_areas, event_words, is_told
from meso_device.documents.wording import NOT_IN_SKIN, clock, date_of, instant, millilitres
from meso_device.records.amending import shown
from meso_device.records.session_story import Event, SessionStory, Shot
from protocols.treatment.areas import by_code, catalogue
from protocols.treatment.plan import AreaPlan

AUTHOR: Final = "meso-device"
CHANGED: Final = "*"
_SIMULATED_TEXT: Final = (
    "SIMULATED: the gun of this session is simulated. Nothing was injected, and nobody was treated by it."
)
_STATEMENTS: Final = (
    NOT_IN_SKIN,
    "Depth planned is what was commanded; depth measured is the needle's travel as the gun reports it.",
    "Where an outcome is not proven, the volume is a range and the injection counts as given.",
    "Volumes are of the fluid, never of a drug. Treatment data are examples unless a clinic approved them.",
    "Not a medical device; nothing here is certified.",
)


def session_number(story: SessionStory) -> str:
    """Return the number of the report: it changes when the records of the session do."""
    return f"SR-{story.session[:8]}-{story.last_seq}"


def session_report(story: SessionStory, names: Mapping[str, str], checkpoint: str) -> Document:
    """Return the report.

    Args:
        story: The session.
        names: Names of operators by pseudonym, as far as they are known.
        checkpoint: Signed, over a log that holds every record of the story.
    """
    told = _Told(story, names)
    blocks: list[Block] = [Notice(_SIMULATED_TEXT)] if story.simulated else []
    if story.closed is None:
        blocks.append(Notice("The session is still open: what is told here may grow."))
    blocks += told.head()
    blocks += told.totals()
    blocks += body_blocks(story)
    blocks += told.distributions()
    blocks += told.materials()
    blocks += told.answers()
    blocks += told.happenings()
    blocks += told.amendments()
    blocks += told.signatures()
    blocks += [Heading("Statements"), Items(_STATEMENTS)]
    blocks += told.shots()
    blocks += [Heading("Proof"), told.proof(), checkpoint_figure(checkpoint)]
    return Document(
        title="Session report",
        number=session_number(story),
        author=AUTHOR,
        date=date_of((story.closed or story.opened).at_us),
        mark=SIMULATED if story.simulated else "",
        blocks=tuple(blocks),
        end=f"End of report {session_number(story)}",
    )


def body_blocks(story: SessionStory) -> Iterator[Block]:
    """Yield the body map, each view that shows an area of the session."""
    shown = {
        area.area: Shown(planned, len(given))
        for area, planned, given in planned_and_given(story)
        if area.area in catalogue()
    }
    names = {area: catalogue()[area].name for area in shown}
    views = views_of(shown)
    if views:
        yield Heading("Where")
    for view in views:
        yield Figure(
            body_picture(view, shown),
            body_words(view, shown, names),
            f"{view.capitalize()}. One dot a point given, spread evenly: where within an area it was is not recorded. "
            "Blue: all points given; amber: some; grey: none. Left and right are the patient's.",
            66,
        )


def planned_and_given(story: SessionStory) -> list[tuple[AreaPlan, int, list[Shot]]]:
    """Return for each area of the plan as opened: points planned in the end, and its injections."""
    planned = {area.area_code: area.shots for area in story.plan.areas}
    if story.closed is not None:
        last = {area["area_code"]: area["points_planned"] for area in story.closed.fields.get("areas", [])}
        planned = {code: last.get(code, 0) for code in planned} if last else planned
    return [
        (area, planned[area.area_code], [shot for shot in story.injections if shot.area_code == area.area_code])
        for area in story.plan.areas
    ]


def sums(shots: list[Shot] | tuple[Shot, ...]) -> tuple[int, int]:
    """Return the least and the most that these gave, in nanolitres."""
    return sum(shot.dose_lo_nl for shot in shots), sum(shot.dose_hi_nl for shot in shots)


def area_name(area: str) -> str:
    """Return the name of an area; its id where the catalogue does not have it."""
    known = catalogue().get(area)
    return known.name if known is not None else area


class _Told:
    """The parts of the report, each as blocks."""

    def __init__(self, story: SessionStory, names: Mapping[str, str]) -> None:
        self._story = story
        self._names = names

    def _who(self, op: str) -> str:
        return "the host" if op == "system" else self._names.get(op, f"operator {op[:8]}")

    def head(self) -> Iterator[Block]:
        story, fields = self._story, self._story.opened.fields
        gun = fields["gun"]
        approved = (
            f"approved by {self._who(fields['approval_op'])}" if fields.get("approval_op") else "approved by nobody"
        )
        yield Facts(
            (
                ("Number", session_number(story)),
                ("Session", story.session),
                ("Patient", f"P-{story.alias[:8]} (in the log {story.alias})" if story.alias else "none: practice"),
                (
                    "Treatment protocol",
                    f"{story.plan.title}, version {story.plan.version}, {story.plan.status}; {approved}",
                ),
                ("Operator", f"{self._who(story.opened.op)}, {story.opened.role}"),
                ("Opened", instant(story.opened.at_us)),
                ("Closed", "not yet" if story.closed is None else self._closed_text()),
                ("Gun", f"uid {gun['gun_uid']}, firmware {gun['fw']}, calibration {gun['cal_id']}"),
                ("Software", f"meso-device {story.software}"),
            )
        )

    def _closed_text(self) -> str:
        closed = self._story.closed
        return "" if closed is None else f"{instant(closed.at_us)}, {closed.fields.get('state', 'totals not in reach')}"

    def totals(self) -> Iterator[Block]:
        story = self._story
        rows, changed = [], changed_areas(story.events)
        skipped = [event.fields["area"] for event in story.all_of("point.skipped")]
        for area, planned, given in planned_and_given(story):
            mark = CHANGED if area.area in changed else ""
            cut = sum(shot.phase != "DONE" for shot in given)
            rows.append(
                (
                    f"{area_name(area.area)} ({area.short})",
                    f"{planned}{mark}",
                    str(len(given)),
                    str(skipped.count(area.area)),
                    str(cut),
                    f"{short(area.depth_um, 3)}{mark}",
                    f"{short(area.dose_nl, 6)}{mark}",
                    short(planned * area.dose_nl, 6),
                    millilitres(*sums(given)),
                )
            )
        planned_all = sum(planned for _, planned, _ in planned_and_given(story))
        yield Heading("Planned and given")
        given_all = millilitres(*sums(story.injections))
        yield Notice(f"{len(story.injections)} of {planned_all} injections given, {given_all} mL in all")
        yield Table(
            (
                Column("area", wide=True),
                Column("planned", number=True),
                Column("given", number=True),
                Column("skipped", number=True),
                Column("not ended", number=True),
                Column("travel, mm", number=True),
                Column("dose, mL", number=True),
                Column("planned, mL", number=True),
                Column("given, mL", number=True),
            ),
            tuple(rows),
        )
        if changed:
            yield Text(f"{CHANGED} changed after the opening: old and new stand below under what happened.")
        yield Figure(
            bars(
                [area.short for area, _, _ in planned_and_given(story)],
                [
                    ("planned", [planned for _, planned, _ in planned_and_given(story)]),
                    ("given", [len(given) for _, _, given in planned_and_given(story)]),
                ],
                Axis(title="injections"),
            ),
            "Injections planned and given, by area; the table above has the same figures.",
            width_mm=105,
        )

    def distributions(self) -> Iterator[Block]:
        shots = self._story.injections
        if not shots:
            return
        yield Heading("Needle travel and dose")
        depths, doses = [shot.measured_depth_um for shot in shots], [shot.dose_hi_nl for shot in shots]
        yield from _spread(depths, "Needle travel measured", "mm")
        yield from _spread(doses, "Volume of one injection, at most", "µL")

    def materials(self) -> Iterator[Block]:
        story = self._story
        by_lot: dict[tuple[str, str], list[Shot]] = {}
        for shot in story.injections:
            by_lot.setdefault((shot.product, _lot(shot)), []).append(shot)
        yield Heading("Products and parts")
        yield Table(
            (
                Column("product", wide=True),
                Column("lot", wide=True),
                Column("injections", number=True),
                Column("mL", number=True),
            ),
            tuple(
                (product, lot, str(len(shots)), millilitres(*sums(shots))) for (product, lot), shots in by_lot.items()
            ),
        )
        parts = [
            (event.fields["part"].capitalize(), f"{event.fields['serial']}, fitted {instant(event.at_us)}")
            for event in story.all_of("needle.changed", "head.changed")
        ]
        material = story.closed.fields.get("material") if story.closed is not None else None
        if material:
            left = millilitres(material["left_lo_nl"], material["left_hi_nl"])
            parts.append(
                (
                    "Syringe",
                    (
                        f"loaded {short(material['loaded_nl'], 6)} mL, waste {short(material['waste_nl'], 6)} mL, left "
                        f"{left} mL: {'the balance holds' if material['ok'] else 'THE BALANCE DOES NOT HOLD'}"
                    ),
                )
            )
        if parts:
            yield Facts(tuple(parts))

    def answers(self) -> Iterator[Block]:
        asked = self._story.all_of("checklist")
        if not asked:
            return
        yield Heading("Asked before")
        yield Table(
            (Column("question"), Column("answer", wide=True), Column("by"), Column("UTC")),
            tuple(
                (
                    str(event.fields["item"]).replace("_", " "),
                    self._answer(event) + ("; a note is in the vault" if event.fields.get("note_hash") else ""),
                    self._who(event.op),
                    clock(event.at_us),
                )
                for event in asked
            ),
        )
        for event in self._story.all_of("consent"):
            yield Text(f"Consent by form {event.fields['form']}, version {event.fields['version']}.")
        for event in self._story.all_of("aftercare"):
            yield Text(f"Aftercare {'was' if event.fields['given'] else 'was NOT'} explained and given.")

    def _answer(self, event: Event) -> str:
        recorded = event.fields["answer"]
        last = said_last(self._story.amendments, event.seq, "answer", recorded)
        return str(recorded) if last == recorded else f"{recorded}{CHANGED} amended to {last}"

    def amendments(self) -> Iterator[Block]:
        if not self._story.amendments:
            return
        yield Heading("Amended afterwards")
        yield Text("The records stay as they were made; this is what they should say.")
        yield Table(
            (
                Column("record", number=True),
                Column("what", wide=True),
                Column("recorded"),
                Column("amended to"),
                Column("reason"),
                Column("by"),
                Column("UTC"),
            ),
            tuple(
                (
                    str(one.target_seq),
                    f"{one.target_kind.replace('.', ' ').replace('_', ' ')}: {one.field.replace('_', ' ')}",
                    shown(one.old),
                    shown(one.new),
                    one.reason.replace("_", " "),
                    self._who(one.op),
                    instant(one.at_us)[:-4],
                )
                for one in self._story.amendments
            ),
        )

    def happenings(self) -> Iterator[Block]:
        told = [event for event in self._story.events if is_told(event)]
        yield Heading("What happened beside the injections")
        if not told:
            yield Text("No deviation, alarm, change of the plan or report of a reaction is recorded.")
            return
        yield Table(
            (Column("record", number=True), Column("UTC"), Column("what"), Column("", wide=True), Column("by")),
            tuple(
                (self._number(event), instant(event.at_us)[:-4], *event_words(event), self._who(event.op))
                for event in told
            ),
        )

    def _number(self, event: Event) -> str:
        amended = any(one.target_seq == event.seq for one in self._story.amendments)
        return f"{event.seq}{CHANGED if amended else ''}"

    def signatures(self) -> Iterator[Block]:
        yield Heading("Signatures")
        if not self._story.signatures:
            yield Text("Nobody signed a record of this session.")
            return
        yield Table(
            (Column("record", number=True), Column("what"), Column("meaning"), Column("by", wide=True), Column("UTC")),
            tuple(
                (
                    str(one.target_seq),
                    one.target_kind.replace("_", " ").replace(".", " "),
                    one.meaning,
                    f"{self._who(one.op)}, {one.role}",
                    instant(one.at_us)[:-4],
                )
                for one in self._story.signatures
            ),
        )

    def shots(self) -> Iterator[Block]:
        yield Heading("Every injection")
        yield Table(
            (
                Column("no", number=True),
                Column("UTC"),
                Column("area"),
                Column("planned, mm", number=True),
                Column("measured, mm", number=True),
                Column("µL", number=True),
                Column("outcome"),
                Column("lot", wide=True),
            ),
            tuple(
                (
                    str(shot.shot_seq),
                    clock(shot.at_us),
                    by_code()[shot.area_code].short if shot.area_code in by_code() else str(shot.area_code),
                    fixed(shot.planned_depth_um, 3),
                    fixed(shot.measured_depth_um, 3),
                    _microlitres(shot),
                    _outcome(shot),
                    _lot(shot) if shot.lot else "",
                )
                for shot in self._story.injections
            ),
        )

    def proof(self) -> Facts:
        story = self._story
        closed = story.closed.fields if story.closed is not None else {}
        rows = [("Log", story.origin), ("Records", f"{story.opened.seq} to {story.last_seq}")]
        if closed.get("root"):
            rows.append(("Root over the session's own records", str(closed["root"])))
        return Facts(tuple(rows))


def _lot(shot: Shot) -> str:
    """Return the lot, and beside it what it was amended to."""
    return f"{shot.lot or 'not named'}{f'{CHANGED} amended to {shot.lot_amended}' if shot.lot_amended else ''}"


def _spread(values: list[int], what: str, unit: str) -> Iterator[Block]:
    """Yield how values in thousandths of a unit are spread; a sentence where all are one."""
    low, high = min(values), max(values)
    if low == high:
        yield Text(f"{what}: {short(low, 3)} {unit} in each.")
        return
    words = f"{what}: from {short(low, 3)} to {short(high, 3)} {unit}."
    yield Figure(histogram(values, Axis(title=f"{what.lower()}, {unit}", places=3)), words, words, 110)


def _outcome(shot: Shot) -> str:
    why = "" if shot.reason in {"", "NONE"} else f": {shot.reason.lower().replace('_', ' ')}"
    return f"{shot.phase.lower()}{why}"


def _microlitres(shot: Shot) -> str:
    low, high = fixed(shot.dose_lo_nl, 3), fixed(shot.dose_hi_nl, 3)
    return high if low == high else f"{low} to {high}"
