"""Random histories of a clinic: two guns, three patients, lots, cartridges, needles, cleaning, in any order."""

import json

from msgspec.structs import replace

from meso_device.accounting.entries import CommitFailed
from meso_device.accounting.materials import Actor
from meso_device.records.amending import amended
from tests.unit.audit.clinic import GUN, Clinic, commit, stamp
from tests.unit.calibration.runs import dose_run, entries

UIDS = (GUN.gun_uid, "ff" * 12)
ALIASES = ("a1" * 16, "b2" * 16, "c3" * 16)
PRODUCTS = ("HA mix", "vitamins", "HA mix + vitamins")
LOTS = ("L1", "L2", "L3")
NEVER_LISTED = "L4"
DIGESTS = ("d1" * 32, "d2" * 32)
SERIALS = ("N 1", "N 2", "N 3")
OPS = ("01" * 16, "02" * 16)
AMENDER = Actor(op=OPS[0], role="clinician", utc_us=1)


class History:
    """Commits one random step after another to a store."""

    def __init__(self, store, rng):
        self.store, self.rng, self.step, self.sessions = store, rng, 0, []
        self.clinics = [Clinic(), Clinic(gun=replace(GUN, gun_uid=UIDS[1]))]
        for clinic, base_seq in zip(self.clinics, (0, 4), strict=True):
            self.commit(clinic.link_up(base_seq=base_seq))
            self.open_session(clinic)

    def commit(self, *entries):
        # The wall clock jumps: nothing may depend on it but what says so.
        commit(self.store, *entries, at_us=self.rng.randrange(10**9))

    def open_session(self, clinic):
        clinic.session = f"{len(self.sessions) + 1:032x}"
        clinic.alias = self.rng.choice(ALIASES)
        self.sessions.append((clinic.session, clinic.alias))
        plan = {"product_name": self.rng.choice(PRODUCTS)}
        opened = clinic.entry("session.opened", f"session/{clinic.session}/opened", {"plan": plan})
        self.commit(replace(opened, op=self.rng.choice(OPS)))

    def grant(self, clinic):
        clinic.area_code = self.rng.choice([3, 4])
        clinic.product, clinic.lot = self.rng.choice(PRODUCTS), self.rng.choice(LOTS)
        [result] = self.store.commit([clinic.grant(max_shots=self.rng.randrange(1, 30))], stamp(self.step))
        assert not isinstance(result, CommitFailed), result

    def amend_lots(self):
        """Correct the lots of half of the fillings that are out of the gun, some of them twice."""
        fillings = "SELECT seq, lot FROM cartridge WHERE removed_seq IS NOT NULL ORDER BY seq"
        said = dict(self.store._db.execute(fillings).fetchall())
        for seq in self.rng.choices(list(said), k=len(said) // 2):
            said[seq] = self.rng.choice([lot for lot in (*LOTS, NEVER_LISTED) if lot != said[seq]])
            self.commit(amended(self.store._db, seq, "lot", said[seq], reason="misread", by=AMENDER))

    def run(self, steps):
        for _ in range(steps):
            self.step += 1
            self.take(self.rng.choice(self.clinics))

    def take(self, clinic):
        rng, step = self.rng, self.step
        match rng.choice(["shot"] * 12 + ["grant"] * 3 + ["session", "close", "bench", *WHAT * 2]):
            case "shot":
                high = rng.choice([0, 5_000, 20_000])
                kind = rng.choice(["TREAT", "TREAT", "TREAT", "DRY", "PRIME", "BENCH"])
                low = rng.choice([0, high])
                phase = "DONE" if low == high else "INTERRUPTED"
                self.commit(*(clinic.shot(high, low, shot_kind=kind, phase=phase) for _ in range(rng.randrange(1, 4))))
            case "grant":
                self.grant(clinic)
            case "close" if clinic.grant_no:
                self.commit(clinic.grant_state("closed"))
            case "session":
                self.open_session(clinic)
                self.grant(clinic)
            case "bench":
                self.commit(*entries(dose_run(f"{step:032x}"), clinic.gun)[: rng.randrange(1, 11)])
            case kind if kind in WHAT:
                self.commit(entry_of(kind, clinic, rng, step))
            case _:
                pass


WHAT = [
    "protocol.approved", "lot.listed", "lot.blocked", "lot.unblocked", "lot.loaded", "needle.changed",
    "head.changed", "reprocessing", "checklist", "consent", "limit.override",
]  # fmt: skip


def entry_of(kind, clinic, rng, step):
    """Return a record of this kind, as whoever makes it would."""
    product, lot, uid = rng.choice(PRODUCTS), rng.choice(LOTS), rng.choice(UIDS)
    here = {"session": clinic.session, "alias": clinic.alias, "gun": clinic.gun}
    outside = {"session": "", "alias": "", "gun": None, "op": rng.choice(OPS)}
    part = kind.removesuffix(".changed")
    serial = rng.choice(SERIALS)
    payload, where = {
        "protocol.approved": (
            {"digest": rng.choice(DIGESTS), "protocol_id": "p", "version": "1.0", "name": "P"},
            outside,
        ),
        "lot.listed": (
            {
                "product": product, "lot": lot, "expiry_day": rng.randrange(30_000), "maker": "",
                "ingredients": rng.sample(["HA", "mannitol", "lidocaine"], 2), "viscosity_upa_s": step,
            },
            outside,
        ),
        "lot.blocked": ({"product": product, "lot": lot, "reason": rng.choice(["recalled", "odd"])}, outside),
        "lot.unblocked": ({"product": product, "lot": lot, "reason": "tested"}, outside),
        "lot.loaded": (
            {
                "cartridge": f"{step:032x}", "syringe": "bd_5ml", "geometry_id": 7, "product": product, "lot": lot,
                "loaded_nl": 4_000_000, "gun_uid": uid,
            },
            outside,
        ),
        "needle.changed": ({"part": part, "serial": serial, "type_id": rng.choice([0, 5])}, here),
        "head.changed": ({"part": part, "serial": serial, "type_id": rng.choice([0, 5])}, here),
        "reprocessing": (
            {
                "gun_uid": uid, "part": rng.choice(["gun", "gun", "head"]), "product": "agent", "lot": "A1",
                "rinse_medium": rng.choice(["saline", "none"]), "method": "wiped",
            },
            outside,
        ),
        "checklist": (
            {
                "item": rng.choice(["allergy", "pregnancy", "infection_in_area"]), "answer": rng.choice(["yes", "no"]),
                "note_hash": rng.choice(["", "ab" * 32]), "ingredients": rng.choice([[], ["HA"]]),
            },
            here,
        ),
        "consent": ({"form": "f", "version": "1"}, here),
        "limit.override": (
            {"code": rng.choice(["day_cap", "too_early"]), "limit": "1", "value": "2", "reason": "r", "signer": OPS[0]},
            here,
        ),
    }[kind]  # fmt: skip
    return clinic.entry(kind, f"{kind}/{step}", payload, **where)


def bodies(store):
    """Return all records, for a plain look at every one of them."""
    return [json.loads(body) for (body,) in store._db.execute("SELECT body FROM record ORDER BY seq").fetchall()]


def said_lots(rows):
    """Return by its place what the lot of each shot was amended to last, from reading every record."""
    amended = {row["target_seq"]: row["new"] for row in rows if row["kind"] == "amend"}
    in_guns, said = {}, {}
    for row in rows:
        if row["kind"] == "lot.loaded":
            in_guns[row["gun_uid"]] = amended.get(row["seq"], "")
        elif row["kind"] == "shot":
            said[row["seq"]] = in_guns.get(row["gun"]["gun_uid"], "")
    return said
