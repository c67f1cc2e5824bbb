"""One session as a FHIR R4 transaction: what was done, given, measured and told, from its records alone. Pure.

Every id comes of the thing's own key, so sending a bundle again changes nothing. Volumes are ranges where the outcome
of an injection is not proven: then the dose is the most that can have been given, and says so. Depth is travel of the
needle, never depth in skin. Nothing of a simulated gun goes without its mark.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import Struct

from meso_device.audit.amendments import AMEND, amendment_of, said_last
from meso_device.audit.export import rfc3339
from meso_device.records.amending import shown
from meso_device.records.fhir_parts import (
    Resource,
    code_of,
    identifier,
    known_as,
    millilitres,
    millimetres,
    own_code,
    period,
    quantity,
    reference,
    resource,
)

Body = Mapping[str, Any]

INTO_PATIENT: Final = ("TREAT", "DRY")
_STATUS: Final = {"open": "in-progress", "complete": "completed"}
# What an AuditEvent tells of: kinds of records, or how they begin. Those of the second table tell of trouble.
_TOLD: Final = (
    *("session.", "stop", "alarm.", "limit.override", "write_off", "disclosure", "interlock", "finding.", AMEND),
)
_TROUBLE: Final = ("alarm.raised", "interlock", "finding.", "write_off")
_SEVERITY: Final = {"mild": "mild", "moderate": "moderate", "severe": "severe", "life_threatening": "severe"}
_SERIOUSNESS: Final = {"life_threatening": ("SeriousIsLifeThreatening", "Is Life-threatening")}
_LIFECYCLE: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle",
    "code": "originate",
    "display": "Originate/Retain Record Lifecycle Event",
}
_SOURCE_SIGNATURE: Final = {
    "system": "urn:iso-astm:E1762-95:2013",
    "code": "1.2.840.10065.1.12.1.14",
    "display": "Source Signature",
}
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


class Person(Struct, frozen=True, kw_only=True):
    """Who the patient is, where that was asked for and allowed."""

    name: str
    born: str
    chart: str
    gender: str


class _Area(Struct, kw_only=True):
    """Shots of one area."""

    code: int
    name: str
    shots: list[Body]


def encoded(bundle: Resource) -> bytes:
    """Return a bundle as JSON, its decimals as numbers."""
    return _encode(bundle)


def session_bundle(
    records: Sequence[Body],
    *,
    lots: Mapping[int, str] = MappingProxyType({}),
    note: str = "",
    each_shot: bool = False,
    person: Person | None = None,
) -> Resource:
    """Return the transaction that puts one session into a server.

    Args:
        records: All records of the session, in order, as the log holds them, and the corrections of its fillings.
        lots: Corrected lot of each injection whose filling's was, by its place.
        note: A signed checkpoint that covers them, for the provenance; none while there is none.
        each_shot: An observation for each injection, beside those for each area.
        person: Who the patient is; without it there is the alias alone.

    Raises:
        LookupError: the records are not those of a session.
    """
    return _Maker(records, lots, person).bundle(note, each_shot=each_shot)


class _Maker:
    def __init__(self, records: Sequence[Body], lots: Mapping[int, str], person: Person | None) -> None:
        self.records = records
        self.lots = lots
        self.opened = next(body for body in records if body["kind"] == "session.opened")
        self.closed = next((body for body in records if body["kind"] == "session.closed"), None)
        self.shots = [body for body in records if body["kind"] == "shot" and body["shot_kind"] in INTO_PATIENT]
        self.said_lots: dict[tuple[str, str], dict[str, None]] = {}
        for shot in self.shots:
            self.said_lots.setdefault((shot["product"], shot["lot"]), {})[self._lot(shot)] = None
        self.amendments = [amendment_of(body) for body in records if body["kind"] == AMEND]
        self.simulated = any(body.get("simulated", False) for body in records)
        self.sess, alias = str(self.opened["sess"]), str(self.opened.get("alias", ""))
        self.state = "open" if self.closed is None else str(self.closed.get("state", ""))
        self.status = _STATUS.get(self.state, "stopped")
        self.period = period(rfc3339(self.opened["ts_us"]), rfc3339(self.closed["ts_us"]) if self.closed else "")
        self.patient = self._patient(alias, person) if alias else None
        self.subject = (
            reference(self.patient) if self.patient else {"type": "Patient", "display": "practice, no patient"}
        )
        stamped = {body["gun"]["gun_uid"]: body for body in records if "gun" in body}
        self.guns = {uid: self._gun(body) for uid, body in stamped.items()}
        self.session = self._session()
        self.areas = self._areas()
        self.part_of = {area.code: [reference(procedure)] for area, procedure in self.areas}
        self.devices = {uid: reference(gun) for uid, gun in self.guns.items()}

    def bundle(self, note: str, *, each_shot: bool) -> Resource:
        parts = [*self._areas_parts(), *self._given(), self._checklist(), *self._reactions(), *self._told()]
        if each_shot:
            parts += [self._shot(shot) for shot in self.shots]
        made = [part for part in (self.patient, *self.guns.values(), self.session, *parts) if part]
        if note:
            made.append(self._provenance(note, made))
        return {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {
                    "fullUrl": f"urn:uuid:{part['id']}",
                    "resource": part,
                    "request": {"method": "PUT", "url": f"{part['resourceType']}/{part['id']}"},
                }
                for part in made
            ],
        }

    def _make(self, kind: str, key: str, **fields: Any) -> Resource:
        return resource(kind, key, simulated=self.simulated, **fields)

    def _patient(self, alias: str, person: Person | None) -> Resource:
        named = {} if person is None else {
            "name": [{"text": person.name}], "birthDate": person.born, "gender": person.gender,
        }  # fmt: skip
        chart = [] if person is None else [identifier("chart", person.chart)]
        return self._make("Patient", alias, identifier=[identifier("alias", alias), *chart], **named)

    def _gun(self, body: Body) -> Resource:
        gun = body["gun"]
        return self._make(
            "Device",
            gun["gun_uid"],
            identifier=[identifier("gun", gun["gun_uid"])],
            type={"text": "motorised mesotherapy injector" + (", SIMULATED" if self.simulated else "")},
            version=[{"value": gun["fw"]}],
        )

    def _session(self) -> Resource:
        return self._make(
            "Procedure",
            self.sess,
            identifier=[identifier("session", self.sess)],
            status=self.status,
            code={"text": f"{'SIMULATED: ' if self.simulated else ''}mesotherapy, {self.opened.get('title', '')}"},
            subject=self.subject,
            performedPeriod=self.period,
            performer=[{"actor": self._operator(self.opened)}],
            usedReference=[reference(gun) for gun in self.guns.values()],
        )

    def _operator(self, body: Body) -> Resource:
        return known_as("Practitioner", "operator", str(body["op"]))

    def _areas(self) -> list[tuple[_Area, Resource]]:
        found: dict[int, _Area] = {}
        for shot in self.shots:
            code = shot["area_code"]
            area = found.get(code) or found.setdefault(code, _Area(code=code, name=shot["area"], shots=[]))
            area.shots.append(shot)
        return [(area, self._area(area)) for area in found.values()]

    def _area(self, area: _Area) -> Resource:
        return self._make(
            "Procedure",
            f"{self.sess}/{area.code}",
            partOf=[reference(self.session)],
            status=self.status,
            code={"text": f"mesotherapy of {_words(area.name)}"},
            subject=self.subject,
            performedPeriod=_time_of(area.shots),
            performer=[{"actor": self._operator(area.shots[0])}],
            bodySite=[_site(area.name)],
            usedReference=[reference(gun) for gun in self._guns_of(area.shots)],
        )

    def _guns_of(self, shots: Iterable[Body]) -> list[Resource]:
        return [self.guns[uid] for uid in dict.fromkeys(shot["gun"]["gun_uid"] for shot in shots)]

    def _areas_parts(self) -> list[Resource]:
        made = []
        for area, procedure in self.areas:
            made += [procedure, self._summary(area, procedure)]
        return made

    def _summary(self, area: _Area, procedure: Resource) -> Resource:
        depths = [shot["measured_depth_um"] for shot in area.shots]
        return self._make(
            "Observation",
            f"{self.sess}/{area.code}",
            partOf=[reference(procedure)],
            status="final",
            code=own_code("observation", "injections_in_area", "injections in one area"),
            subject=self.subject,
            effectivePeriod=_time_of(area.shots),
            performer=[self._operator(area.shots[0])],
            bodySite=_site(area.name),
            device=reference(self._guns_of(area.shots)[0]),
            valueQuantity=quantity(len(area.shots), "{shots}"),
            component=[
                *_volume(area.shots),
                _component("travel_least", "least measured travel of the needle", millimetres(min(depths)), "mm"),
                _component("travel_most", "most measured travel of the needle", millimetres(max(depths)), "mm"),
            ],
        )

    def _shot(self, shot: Body) -> Resource:
        commanded, measured = millimetres(shot["planned_depth_um"]), millimetres(shot["measured_depth_um"])
        return self._make(
            "Observation",
            shot["key"],
            identifier=[identifier("record", f"{shot['log']}/{shot['seq']}")],
            partOf=self.part_of[shot["area_code"]],
            status="final",
            code=own_code("observation", "injection"),
            subject=self.subject,
            effectiveDateTime=rfc3339(shot["at_us"]),
            performer=[self._operator(shot)],
            bodySite=_site(shot["area"]),
            device=self.devices[shot["gun"]["gun_uid"]],
            valueCodeableConcept=own_code("outcome", shot["phase"], shot["phase"].lower()),
            component=[
                *_volume([shot]),
                _component("travel_commanded", "commanded travel of the needle", commanded, "mm"),
                _component("travel", "measured travel of the needle", measured, "mm"),
            ],
        )

    def _given(self) -> list[Resource]:
        made: list[Resource] = []
        medications: dict[tuple[str, str], Resource] = {}
        for area, procedure in self.areas:
            by_lot: dict[tuple[str, str, str], list[Body]] = {}
            for shot in area.shots:
                if shot["shot_kind"] == "TREAT":
                    by_lot.setdefault((shot["product"], shot["lot"], self._lot(shot)), []).append(shot)
            named: set[str] = set()
            for (product, recorded, lot), shots in by_lot.items():
                if (product, lot) not in medications:
                    medications[product, lot] = self._medication(product, lot)
                    made.append(medications[product, lot])
                # By the lot as recorded, so that what is sent again with a corrected one takes the place of the former.
                name = f"{product}/{recorded}"
                name = f"{name}/{lot}" if name in named else name
                named.add(name)
                made.append(self._administration(area, name, shots, medications[product, lot], procedure))
        return made

    def _lot(self, shot: Body) -> str:
        """As amended; what was recorded is in the audit event of the amendment."""
        return self.lots.get(shot["seq"], str(shot["lot"]))

    def _medication(self, product: str, lot: str) -> Resource:
        batch = {"lotNumber": lot} if lot else {}
        return self._make("Medication", f"{product}/{lot}", code={"text": product or "unnamed"}, batch=batch)

    def _administration(
        self, area: _Area, name: str, shots: list[Body], medication: Resource, procedure: Resource
    ) -> Resource:
        low, high = _range(shots)
        said = f"{low} mL" if low == high else f"{low} to {high} mL, not proven which: the dose is the most"
        return self._make(
            "MedicationAdministration",
            f"{self.sess}/{area.code}/{name}",
            partOf=[reference(procedure)],
            status="not-done" if high == 0 else self.status,
            medicationReference=reference(medication),
            subject=self.subject,
            effectivePeriod=_time_of(shots),
            performer=[{"actor": self._operator(shots[0])}],
            device=[reference(gun) for gun in self._guns_of(shots)],
            dosage={
                "text": f"{said}, in {len(shots)} injections",
                "site": _site(area.name),
                "route": {"text": f"injection, {self._technique(area.code)}"},
                "dose": quantity(high, "mL"),
            },
        )

    def _technique(self, area_code: int) -> str:
        planned = self.opened.get("plan", {}).get("areas", [])
        named = (area.get("technique", "") for area in planned if area.get("area_code") == area_code)
        return _words(next(named, "")) or "by needle"

    def _checklist(self) -> Resource:
        answers = {body["item"]: body for body in self.records if body["kind"] == "checklist"}
        if not answers:
            return {}
        last = {item: self._said_last(body, "answer") for item, body in answers.items()}
        amended = {item for item, body in answers.items() if last[item] != body["answer"]}
        corrected = [one.at_us for one in self.amendments if one.target_kind == "checklist"]
        newest = max([*(body["ts_us"] for body in answers.values()), *corrected])
        return self._make(
            "QuestionnaireResponse",
            self.sess,
            status="amended" if amended else "completed",
            subject=self.subject,
            authored=rfc3339(newest),
            author=self._operator(self.opened),
            item=[
                {
                    "linkId": item,
                    "text": _words(item) + (f" (recorded: {body['answer']})" if item in amended else ""),
                    "answer": [{"valueString": str(last[item])}],
                }
                for item, body in answers.items()
            ],
        )

    def _reactions(self) -> list[Resource]:
        return [self._reaction(body) for body in self.records if body["kind"] == "adverse_event"]

    def _said_last(self, body: Body, field: str) -> Any:
        return said_last(self.amendments, body["seq"], field, body[field])

    def _reaction(self, recorded: Body) -> Resource:
        """As amended; what was recorded is in the audit events of the amendments."""
        told = ("code", "onset_day", "severity", "reporter")
        body = {**recorded, **{field: self._said_last(recorded, field) for field in told}}
        day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.opened["ts_us"], days=body["onset_day"])
        lots = [
            self._medication(lot["product"], said)
            for lot in body["lots"]
            for said in self.said_lots.get((lot["product"], lot["lot"]), (lot["lot"],))
        ]
        suspects = [*lots, *(self.guns[uid] for uid in body["gun_uids"] if uid in self.guns)]
        serious = _SERIOUSNESS.get(body["severity"])
        return self._make(
            "AdverseEvent",
            body["event"],
            identifier=identifier("adverse-event", body["event"]),
            actuality="actual",
            event=own_code("reaction", body["code"]),
            subject=self.subject,
            date=day.date().isoformat(),
            recordedDate=rfc3339(body["ts_us"]),
            severity=code_of(
                "http://terminology.hl7.org/CodeSystem/adverse-event-severity",
                _SEVERITY[body["severity"]],
                _SEVERITY[body["severity"]].capitalize(),
            ),
            seriousness=code_of("http://terminology.hl7.org/CodeSystem/adverse-event-seriousness", *serious)
            if serious
            else None,
            recorder=self._operator(body),
            suspectEntity=[{"instance": reference(suspect)} for suspect in suspects],
            referenceDocument=[],
        )

    def _told(self) -> list[Resource]:
        return [self._audit(body) for body in self.records if body["kind"].startswith(_TOLD)]

    def _audit(self, body: Body) -> Resource:
        person = body["op"] != "system"
        who = self._operator(body) if person else known_as("Device", "log", body["log"])
        return self._make(
            "AuditEvent",
            f"{body['log']}/{body['seq']}",
            type=_LIFECYCLE,
            subtype=[own_code("record-kind", body["kind"])["coding"][0]],
            action="E" if body["kind"] == "stop" else "C",
            recorded=rfc3339(body["ts_us"]),
            outcome="4" if body["kind"].startswith(_TROUBLE) else "0",
            agent=[{"who": who, "requestor": person}],
            source={"observer": known_as("Device", "log", body["log"])},
            entity=[{"what": reference(self.session), **(_old_and_new(body) if body["kind"] == AMEND else {})}],
        )

    def _provenance(self, note: str, made: Sequence[Resource]) -> Resource:
        log = known_as("Device", "log", self.opened["log"])
        when = rfc3339(self.records[-1]["ts_us"])
        return self._make(
            "Provenance",
            self.sess,
            target=[reference(part) for part in made],
            recorded=when,
            agent=[{"who": log}],
            signature=[
                {
                    "type": [_SOURCE_SIGNATURE],
                    "when": when,
                    "who": log,
                    "sigFormat": "text/plain",
                    "data": b64encode(note.encode()).decode(),
                }
            ],
        )


def _old_and_new(body: Body) -> Resource:
    told = ("target_seq", "target_kind", "field", "old", "new", "reason")
    return {"detail": [{"type": field, "valueString": shown(body[field])} for field in told]}


def _words(name: str) -> str:
    return name.replace("_", " ")


def _site(area: str) -> Resource:
    return own_code("area", area)


def _time_of(shots: Sequence[Body]) -> Resource:
    times = [shot["at_us"] for shot in shots]
    return period(rfc3339(min(times)), rfc3339(max(times)))


def _range(shots: Sequence[Body]) -> tuple[Any, Any]:
    return (
        millilitres(sum(shot["dose_lo_nl"] for shot in shots)),
        millilitres(sum(shot["dose_hi_nl"] for shot in shots)),
    )


def _volume(shots: Sequence[Body]) -> list[Resource]:
    low, high = _range(shots)
    return [
        _component("volume_least", "least volume that can have been given", low, "mL"),
        _component("volume_most", "most volume that can have been given", high, "mL"),
    ]


def _component(code: str, text: str, value: Any, unit: str) -> Resource:
    return {"code": own_code("observation", code, text), "valueQuantity": quantity(value, unit)}
