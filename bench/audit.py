"""What the log costs: a durable commit, a verification, an append to a long log, each beside its floor in the same run.

.venv/bin/python -m bench.audit [--records N] [--home DIR]
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from statistics import median

import apsw
from msgspec.structs import replace

from meso_device.accounting.caps import CapScope, grant_caps
from meso_device.accounting.entries import Batch, Committed, Entry, GrantIntent, GunStamp
from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.canonical import decode
from meso_device.audit.keys import VerifyKey
from meso_device.audit.records import Stamp
from meso_device.audit.session_records import records_of
from meso_device.audit.store import Store
from meso_device.audit.verify import measure_records, verify_home
from meso_device.audit.writer import Writer
from meso_device.records.fhir import encoded, session_bundle
from meso_device.records.lookback import Question, look_back
from meso_device.session.contract import Instant
from protocols.treatment.library import PRACTICE, load_library

RECORDS = 1_000_000
ROUNDS = 1_000
PASSES = 3
RING_SLOTS, PAGE = 4_096, 3
SHOTS_PER_GRANT, SHOTS_PER_SESSION = 25, 300
GRANTS, GRANT_RATIO_MAX, LOOKBACK_S_MAX = 300, 2.0, 2.0
COMMIT_RATIO_MAX, LONG_LOG_RATIO_MAX = 1.6, 1.1
DISCLOSE_S_MAX, DISCLOSE_KB_MAX, FHIR_MS_MAX = 1.0, 300.0, 50.0
VERIFY_PER_S_MIN, DRAIN_PER_S_MIN = 200_000, 3_000

GUN = GunStamp(gun_uid="00112233445566778899aabb", log_epoch=7, boot_id=3, firmware="1.2.3", cal_id=5, simulated=True)
PREFIX = bytes.fromhex(GUN.gun_uid) + GUN.log_epoch.to_bytes(4, "little")


def stamp(at_us: int = 0) -> Stamp:
    return Stamp(ts_us=1_700_000_000_000_000 + at_us, mono_us=at_us, boot="5f" * 16, clock="synced")


class Gun:
    """Makes the shots of a gun as the host records them: a grant of 25, a session of 300."""

    def __init__(self) -> None:
        self.shot_seq, self.prev, self.randomness = 0, bytes(8), random.Random(1)

    def link_up(self) -> Entry:
        payload = {"baseline": True, "base_seq": 0, "chain_hash8": self.prev.hex(), "odometer_nl": 0}
        return Entry(kind="link.up", key="link/1", payload=payload, gun=GUN)

    def shot(self) -> Entry:
        self.shot_seq += 1
        ring = bytearray(self.randomness.randbytes(72))
        ring[0:4] = self.shot_seq.to_bytes(4, "little")
        ring[40:48] = self.prev
        self.prev = sha256(PREFIX + ring).digest()[:8]
        session = self.shot_seq // SHOTS_PER_SESSION
        payload = {
            "ring": b64encode(ring).decode(),
            "shot_seq": self.shot_seq,
            "grant_no": 1 + self.shot_seq // SHOTS_PER_GRANT,
            "area_code": 1 + session % 20,
            "area": "forehead",
            "shot_kind": "TREAT",
            "planned_depth_um": 1_500,
            "measured_depth_um": 1_497,
            "dose_lo_nl": 19_990,
            "dose_hi_nl": 19_990,
            "phase": "DONE",
            "reason": "NONE",
            "at_us": 1_700_000_000_000_000 + 111_000 * self.shot_seq,
            "at_err_us": 450,
            "product": "Hyaluronic mix",
            "lot": "L20250101",
        }
        return Entry(
            kind="shot",
            key=f"shot/{GUN.gun_uid}/{GUN.log_epoch}/{self.shot_seq}",
            payload=payload,
            op="practice",
            role="clinician",
            session=session_id(session),
            alias=sha256(b"a%d" % session).hexdigest()[:32],
            gun=GUN,
            protocol_digest=sha256(b"protocol").hexdigest(),
        )


def commit(store: Store, *entries: Entry) -> None:
    [result] = store.commit([Batch(no=1, entries=entries)], stamp())
    if not isinstance(result, Committed):
        raise SystemExit(result)


def row(name, value, unit, floor_name, floor_value, ratio, target, ok) -> dict:
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "floor_name": floor_name,
        "floor_value": floor_value,
        "ratio": ratio,
        "target": target,
        "ok": ok,
    }


def bench_commit(home: Path) -> list[dict]:
    """One shot at a time, made durable, beside the same bytes appended to a file with fdatasync."""
    store, gun = Store.open(home / "commit", software="bench", stamp=stamp()), Gun()
    commit(store, gun.link_up())
    raw = os.open(home / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    line = random.Random(2).randbytes(1_100)
    ours, floor = [], []
    for _ in range(ROUNDS):
        shot = gun.shot()
        at = time.perf_counter_ns()
        commit(store, shot)
        between = time.perf_counter_ns()
        os.write(raw, line)
        os.fdatasync(raw)
        ours.append(between - at)
        floor.append(time.perf_counter_ns() - between)
    os.close(raw)
    store.close(stamp())
    value, base = median(ours) / 1_000, median(floor) / 1_000
    ratio = value / base
    name = "durable commit of one shot, p50"
    return [row(name, value, "us", "append + fdatasync", base, ratio, COMMIT_RATIO_MAX, ratio <= COMMIT_RATIO_MAX)]


def bench_cpu() -> list[dict]:
    """CPU of the whole commit of one shot without a disk."""
    value = min(commit_cpu_us() for _ in range(PASSES))
    floor = hashing_us()
    name, base = "CPU of one commit in memory", "two SHA-256 of 1,100 bytes"
    return [row(name, value, "us", base, floor, value / floor, None, True)]


def commit_cpu_us() -> float:
    store, gun = Store.in_memory(software="bench", stamp=stamp(), randomness=os.urandom), Gun()
    commit(store, gun.link_up())
    shots = [gun.shot() for _ in range(5_000)]
    at = time.process_time()
    for shot in shots:
        commit(store, shot)
    spent_us = (time.process_time() - at) * 1e6 / len(shots)
    store.close(stamp())
    return spent_us


def hashing_us() -> float:
    line, at = bytes(1_100), time.process_time()
    for _ in range(50_000):
        sha256(line).digest()
        sha256(line).digest()
    return (time.process_time() - at) * 1e6 / 50_000


def bench_drain(home: Path) -> list[dict]:
    """A full ring handed to the writer page by page, as fast as it takes them."""
    gun = Gun()
    store = Store.open(home / "drain", software="bench", stamp=stamp())
    commit(store, gun.link_up())
    pages = [tuple(gun.shot() for _ in range(PAGE)) for _ in range(RING_SLOTS // PAGE)]
    writer = Writer(store, boot="5f" * 16, clock="synced")
    at = time.perf_counter()
    for number, page in enumerate(pages):
        writer.submit(Batch(no=number, entries=page), Instant(mono_us=0, utc_us=0))
    answered = len(writer.close(Instant(mono_us=0, utc_us=0)))
    seconds = time.perf_counter() - at
    if answered != len(pages):
        raise SystemExit(f"{answered} of {len(pages)} pages answered")
    value = PAGE * len(pages) / seconds
    name = "draining a full ring through the writer"
    ok = value >= DRAIN_PER_S_MIN
    return [row(name, value, "records/s", "required", DRAIN_PER_S_MIN, value / DRAIN_PER_S_MIN, 1.0, ok)]


def fill(home: Path, records: int) -> tuple[Store, Gun]:
    """Make a log; the session in its middle has a beginning and an end, the others are shots alone."""
    store, gun = Store.open(home, software="bench", stamp=stamp()), Gun()
    commit(store, gun.link_up())
    whole = records // 2 // SHOTS_PER_SESSION
    while store.size < records:
        left = SHOTS_PER_SESSION - (gun.shot_seq + 1) % SHOTS_PER_SESSION
        shots = [gun.shot() for _ in range(min(256, left, records - store.size))]
        begins, number = left == SHOTS_PER_SESSION, gun.shot_seq // SHOTS_PER_SESSION
        if number == whole and begins:
            commit(store, replace(shots[0], kind="session.opened", key=f"session/{session_id(number)}/opened"))
        commit(store, *shots)
        if number == whole and (gun.shot_seq + 1) % SHOTS_PER_SESSION == 0:
            closed = replace(shots[0], kind="session.closed", key=f"session/{session_id(number)}/closed")
            commit(store, replace(closed, payload={"state": "complete"}))
    return store, gun


def session_id(number: int) -> str:
    return sha256(b"s%d" % number).hexdigest()[:32]


def bench_long_log(home: Path, records: int) -> list[dict]:
    """The last 1,000 appends to a long log beside the first 1,000 to a new one, in turns."""
    long, gun = fill(home / "long", records - ROUNDS - 1)
    new, new_gun = Store.open(home / "new", software="bench", stamp=stamp()), Gun()
    commit(new, new_gun.link_up())
    wall: dict[str, list[int]] = {"long": [], "new": []}
    cpu = {"long": 0, "new": 0}
    for _ in range(ROUNDS):
        for name, store, shot in (("long", long, gun.shot()), ("new", new, new_gun.shot())):
            at, cpu_at = time.perf_counter_ns(), time.thread_time_ns()
            commit(store, shot)
            wall[name].append(time.perf_counter_ns() - at)
            cpu[name] += time.thread_time_ns() - cpu_at
    long.close(stamp())
    new.close(stamp())
    rows = []
    for what, value, floor in (
        ("p50", median(wall["long"]) / 1e3, median(wall["new"]) / 1e3),
        ("mean", sum(wall["long"]) / ROUNDS / 1e3, sum(wall["new"]) / ROUNDS / 1e3),
        ("CPU, mean", cpu["long"] / ROUNDS / 1e3, cpu["new"] / ROUNDS / 1e3),
    ):
        ratio = value / floor
        name = f"append to a log of {records:,}, last {ROUNDS:,}, {what}"
        ok = ratio <= LONG_LOG_RATIO_MAX
        rows.append(row(name, value, "us", f"first {ROUNDS:,}", floor, ratio, LONG_LOG_RATIO_MAX, ok))
    return rows


def best(work):
    """Return the result and the least CPU of some passes: other work on the computer only ever adds."""
    spent = []
    for _ in range(PASSES):
        at = time.process_time()
        result = work()
        spent.append(time.process_time() - at)
    return result, min(spent)


def hash_bodies(db) -> int:
    count = 0
    for _, body in db.execute("SELECT seq, body FROM record ORDER BY seq"):
        sha256(body).digest()
        count += 1
    return count


def grant(gun: Gun, number: int) -> Batch:
    """A grant with every cap of a clinical session, for the patient of the newest session; none of them is passed."""
    plan = load_library(PRACTICE).plan()
    session, now_us = gun.shot_seq // SHOTS_PER_SESSION, 1_700_000_000_000_000 + 111_000 * gun.shot_seq
    sess, alias = sha256(b"s%d" % session).hexdigest()[:32], sha256(b"a%d" % session).hexdigest()[:32]
    scope = CapScope(
        session=sess, alias=alias, product="Hyaluronic mix", lot="L20250101", now_us=now_us, interval_days=7,
        gun_session_nl=1, gun_session_shots=1,
    )  # fmt: skip
    caps = tuple(replace(cap, limit_nl=2**50, limit_shots=2**30) for cap in grant_caps(plan, plan.areas[0], scope))
    asked = {
        "grant_no": number, "area_code": plan.areas[0].area_code, "product": scope.product, "lot": scope.lot,
        "max_shots": 25, "max_nl": 500_000,
    }  # fmt: skip
    payload = {**asked, "shot_kind": "TREAT", "area": "forehead", "expect_head_seq": gun.shot_seq}
    entry = Entry(
        kind="grant.prepared", key=f"grant/{number}/prepared", payload=payload, session=sess, alias=alias, gun=GUN
    )
    intent = GrantIntent(
        **asked, gun_uid=GUN.gun_uid, log_epoch=GUN.log_epoch, kind=1, session=sess, alias=alias, caps=caps
    )
    return Batch(no=number, entries=(entry,), grant=intent)


def bench_grants(home: Path) -> list[dict]:
    """Cap check and insert of a grant in a long log beside a new one, in turns; then the clinic's facts likewise."""
    long, gun = Store.open(home / "long", software="bench", stamp=stamp()), Gun()
    new, new_gun = Store.open(home / "few", software="bench", stamp=stamp()), Gun()
    gun.shot_seq = long.load_gun(GUN.gun_uid, simulated=True).committed_seq
    commit(new, new_gun.link_up())
    wall: dict[str, list[int]] = {"long": [], "new": []}
    cpu: dict[str, list[int]] = {"long": [], "new": []}
    facts: dict[str, list[int]] = {"long": [], "new": []}
    for number in range(1_000_000, 1_000_000 + GRANTS):
        for name, store, its in (("long", long, gun), ("new", new, new_gun)):
            batch = grant(its, number)
            at, cpu_at = time.perf_counter_ns(), time.thread_time_ns()
            [result] = store.commit([batch], stamp())
            wall[name].append(time.perf_counter_ns() - at)
            cpu[name].append(time.thread_time_ns() - cpu_at)
            if not isinstance(result, Committed):
                raise SystemExit(result)
            closed = replace(batch.entries[0], kind="grant.closed", key=f"grant/{number}/closed")
            commit(store, closed)
            who = batch.grant
            at = time.perf_counter_ns()
            store.load_clinic(session=who.session, alias=who.alias, gun_uid=who.gun_uid, digest="00" * 32)
            facts[name].append(time.perf_counter_ns() - at)
    shots = gun.shot_seq
    long.close(stamp())
    new.close(stamp())
    rows = []
    for what, spent in (
        ("cap check and grant insert, p50", wall),
        ("cap check and grant insert, CPU, p50", cpu),
        ("facts for the clinic's rules, p50", facts),
    ):
        value, floor = median(spent["long"]) / 1e3, median(spent["new"]) / 1e3
        ratio = value / floor
        name = f"{what}, log of {shots:,} shots"
        rows.append(row(name, value, "us", "empty log", floor, ratio, GRANT_RATIO_MAX, ratio <= GRANT_RATIO_MAX))
    return rows


def bench_lookback(home: Path) -> list[dict]:
    """Everyone who got one lot, which here is everyone."""
    with contextlib.closing(apsw.Connection(str(home / DATABASE_NAME), flags=apsw.SQLITE_OPEN_READONLY)) as db:
        at = time.perf_counter()
        found = look_back(db, Question(lot="L20250101"))
        value = time.perf_counter() - at
    shots = sum(part.shots for one in found for part in one.given)
    name = f"look-back by lot over {shots:,} shots, {len(found):,} sessions"
    return [row(name, value, "s", "required", LOOKBACK_S_MAX, value / LOOKBACK_S_MAX, 1.0, value <= LOOKBACK_S_MAX)]


def bench_disclosure(home: Path) -> list[dict]:
    """One session of 300 shots out of all records, by the command itself: its time with start, and its file."""
    with contextlib.closing(apsw.Connection(str(home / DATABASE_NAME), flags=apsw.SQLITE_OPEN_READONLY)) as db:
        [(session, records)] = db.execute("SELECT sess, (SELECT count(*) FROM record) FROM session").fetchall()
    out = home / "session.zip"
    command = [
        sys.executable,
        "-m",
        "meso_device",
        "audit",
        "disclose",
        session,
        "--home",
        str(home),
        "--out",
        str(out),
    ]
    spent = []
    for _ in range(PASSES):
        at = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        spent.append(time.perf_counter() - at)
    subprocess.run([*command[:4], "check", str(out)], check=True, stdout=subprocess.DEVNULL)
    value, size_kb = median(spent), out.stat().st_size / 1e3
    name = f"disclosure of {SHOTS_PER_SESSION} shots out of {records:,} records"
    return [
        row(f"{name}, whole command", value, "s", "allowed", DISCLOSE_S_MAX, value / DISCLOSE_S_MAX, 1.0, value <= 1),
        row(f"{name}, file", size_kb, "kB", "allowed", DISCLOSE_KB_MAX, size_kb / DISCLOSE_KB_MAX, 1.0, size_kb <= 300),
    ]


def bench_fhir(home: Path) -> list[dict]:
    """The same session as FHIR, an observation for each shot, from its records to the bytes."""
    with contextlib.closing(apsw.Connection(str(home / DATABASE_NAME), flags=apsw.SQLITE_OPEN_READONLY)) as db:
        [(session,)] = db.execute("SELECT sess FROM session").fetchall()
        bodies = records_of(db, session)
    file, spent_s = best(lambda: encoded(session_bundle([*map(decode, bodies.values())], each_shot=True)))
    value, name = spent_s * 1e3, f"FHIR bundle of {SHOTS_PER_SESSION} shots, {len(file) / 1e3:.0f} kB"
    return [row(name, value, "ms CPU", "allowed", FHIR_MS_MAX, value / FHIR_MS_MAX, 1.0, value <= FHIR_MS_MAX)]


def bench_verify(home: Path) -> list[dict]:
    """Strict parse, chain, root, checkpoints and the gun's chain; then the whole, with file and derived tables."""
    key = VerifyKey.parse((home / "audit.vkey").read_text())
    db = apsw.Connection(str(home / DATABASE_NAME), flags=apsw.SQLITE_OPEN_READONLY)
    records, floor_s = best(lambda: hash_bodies(db))
    verified, seconds = best(lambda: measure_records(db, key))
    db.close()
    report, whole_s = best(lambda: verify_home(home))
    if not report.ok or records != verified:
        raise SystemExit(report.bad)
    floor = records / floor_s
    rows = []
    for name, spent_s, target in (
        (f"verify {records:,}: strict parse, chain, roots, newest signature, gun's chain", seconds, VERIFY_PER_S_MIN),
        (f"verify {records:,}: that, all signatures, the file and the derived tables", whole_s, None),
    ):
        value = records / spent_s
        ok = value >= (target or 0)
        rows.append(row(name, value, "records/s CPU", "read + SHA-256", floor, floor / value, target, ok))
    return rows


def run(records: int = RECORDS, home: Path | None = None) -> list[dict]:
    with tempfile.TemporaryDirectory(dir=home) as directory:
        root = Path(directory)
        rows = bench_commit(root) + bench_cpu() + bench_drain(root)
        rows += bench_long_log(root, records)
        rows += bench_grants(root) + bench_lookback(root / "long")
        rows += bench_disclosure(root / "long") + bench_fhir(root / "long")
        return rows + bench_verify(root / "long")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--home", type=Path, default=None, help="directory on the disk to measure")
    options = parser.parse_args()
    for line in run(options.records, options.home):
        print(json.dumps(line))


if __name__ == "__main__":
    main()
