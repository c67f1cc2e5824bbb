"""A small clinic: one gun, one patient, one session, and a stamp that moves on by itself."""

import random
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256

from msgspec.structs import replace

from meso_device.accounting.entries import Batch, Cap, Committed, Entry, GrantIntent, GunStamp
from meso_device.audit.records import Stamp
from meso_device.audit.store import Store

GUN = GunStamp(gun_uid="00112233445566778899aabb", log_epoch=7, boot_id=3, firmware="1.2.3", cal_id=5, simulated=True)
SESSION = "5e" * 16
ALIAS = "a1" * 16
START_US = 1_700_000_000_000_000


def stamp(at_us: int = 0, boot: str = "boot-1") -> Stamp:
    return Stamp(ts_us=START_US + at_us, mono_us=at_us, boot=boot, clock="synced")


def chain_start(gun: GunStamp = GUN) -> bytes:
    text = b"meso wire log" + bytes.fromhex(gun.gun_uid) + gun.log_epoch.to_bytes(4, "little")
    return sha256(text).digest()[:8]


def record_hash8(ring: bytes, gun: GunStamp = GUN) -> bytes:
    return sha256(bytes.fromhex(gun.gun_uid) + gun.log_epoch.to_bytes(4, "little") + ring).digest()[:8]


@dataclass
class Clinic:
    """Makes the entries that an engine would, with a gun's log that chains."""

    gun: GunStamp = GUN
    session: str = SESSION
    alias: str = ALIAS
    shot_seq: int = 0
    grant_no: int = 0
    area_code: int = 3
    product: str = "HA mix"
    lot: str = "L1"
    prev: bytes = b""
    links: int = 0

    def entry(self, kind: str, key: str, payload: dict, **changes) -> Entry:
        entry = Entry(
            kind=kind,
            key=key,
            payload=payload,
            op="practice",
            role="clinician",
            session=self.session,
            alias=self.alias,
            gun=self.gun,
            protocol_digest="d1" * 32,
        )
        return replace(entry, **changes)

    @property
    def where(self) -> str:
        return f"{self.gun.gun_uid}/{self.gun.log_epoch}"

    def link_up(self, base_seq: int = 0) -> Entry:
        self.prev = chain_start(self.gun)
        self.links += 1
        self.shot_seq = base_seq
        payload = {
            "baseline": True,
            "base_seq": base_seq,
            "chain_hash8": self.prev.hex(),
            "odometer_nl": 1_000,
            "head_seq": base_seq,
            "released_seq": base_seq,
        }
        return self.entry("link.up", f"link/{self.where}/{self.links}", payload, session="", alias="")

    def opened(self) -> Entry:
        return self.entry("session.opened", f"session/{self.session}/opened", {"plan": {"areas": [3]}, "title": "t"})

    def closed(self, state: str = "complete") -> Entry:
        return self.entry("session.closed", f"session/{self.session}/closed", {"state": state})

    def grant(self, max_shots: int = 10, max_nl: int = 200_000, caps: tuple[Cap, ...] = ()) -> Batch:
        self.grant_no += 1
        payload = {
            "grant_no": self.grant_no,
            "shot_kind": "TREAT",
            "area_code": self.area_code,
            "area": "forehead",
            "max_shots": max_shots,
            "max_nl": max_nl,
            "lease_ms": 500,
            "expect_head_seq": self.shot_seq,
            "owner_token": 1,
            "product": self.product,
            "lot": self.lot,
        }
        entry = self.entry("grant.prepared", f"grant/{self.where}/{self.grant_no}/prepared", payload)
        intent = GrantIntent(
            gun_uid=self.gun.gun_uid,
            log_epoch=self.gun.log_epoch,
            grant_no=self.grant_no,
            kind=1,
            session=self.session,
            alias=self.alias,
            area_code=self.area_code,
            product=self.product,
            lot=self.lot,
            max_shots=max_shots,
            max_nl=max_nl,
            caps=caps,
        )
        return Batch(no=self.grant_no, entries=(entry,), grant=intent)

    def grant_state(self, state: str) -> Entry:
        payload = {"grant_no": self.grant_no, "used_shots": 0, "used_nl": 0, "proof": "GRANT_GET"}
        return self.entry(f"grant.{state}", f"grant/{self.where}/{self.grant_no}/{state}", payload)

    def shot(self, dose_hi_nl: int = 20_000, dose_lo_nl: int | None = None, **changes) -> Entry:
        self.shot_seq += 1
        ring = bytearray(random.Random(f"{self.where}/{self.shot_seq}").randbytes(72))
        ring[0:4] = self.shot_seq.to_bytes(4, "little")
        ring[40:48] = self.prev or chain_start(self.gun)
        self.prev = record_hash8(bytes(ring), self.gun)
        payload = {
            "ring": b64encode(ring).decode(),
            "shot_seq": self.shot_seq,
            "grant_no": self.grant_no,
            "area_code": self.area_code,
            "area": "forehead",
            "shot_kind": "TREAT",
            "planned_depth_um": 1_500,
            "measured_depth_um": 1_490,
            "dose_lo_nl": dose_hi_nl if dose_lo_nl is None else dose_lo_nl,
            "dose_hi_nl": dose_hi_nl,
            "phase": "DONE",
            "reason": "",
            "at_us": START_US + 111_000 * self.shot_seq,
            "at_err_us": 500,
            "product": self.product,
            "lot": self.lot,
        } | changes
        return self.entry("shot", f"shot/{self.where}/{self.shot_seq}", payload)


def batch(*entries: Entry, no: int = 1) -> Batch:
    return Batch(no=no, entries=entries)


def commit(store: Store, *entries: Entry, at_us: int = 0) -> Committed:
    [result] = store.commit([batch(*entries)], stamp(at_us))
    assert isinstance(result, Committed), result
    return result
