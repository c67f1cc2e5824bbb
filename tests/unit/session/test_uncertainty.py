"""What is open or uncertain forbids grants and nothing else; hints record nothing."""

import pytest
from msgspec.structs import replace

from meso_device.accounting.book import GunBook
from meso_device.accounting.entries import Batch, Committed, Entry
from meso_device.accounting.findings import Finding, FindingCode
from meso_device.accounting.grants import GrantAccount
from meso_device.audit import canonical
from meso_device.session.contract import Phase, Stop
from protocols.treatment.library import load_library
from protocols.wire.frame import STOP_FRAME, Deframer, encode_frame
from protocols.wire.messages import (
    AlarmEvent,
    GrantEndedEvent,
    GrantRevoke,
    GrantSet,
    LogRead,
    MoveDoneEvent,
    ShotEvent,
    Status,
)
from tests.world.rig import Rig

PLAN = load_library("practice").plan()


@pytest.fixture
def rig():
    made = Rig(replace(PLAN, areas=tuple(replace(area, points=60) for area in PLAN.areas[:2])))
    made.run_session()
    return made


def armed(rig, shots=3):
    assert rig.run(lambda: rig.view.shots_given >= shots and rig.view.phase is Phase.ARMED)


def wait(rig, seconds):
    until_us = rig.now_us + seconds * 1_000_000
    rig.run(lambda: rig.now_us >= until_us)


def sent(rig, message, since_us=0):
    raws = [raw for at_us, raw in rig.sent_to_gun if at_us >= since_us and raw != STOP_FRAME]
    return [frame for raw in raws for frame in Deframer().feed(raw) if frame.type == message.TYPE]


def kinds(rig):
    return [canonical.parse(raw)["kind"] for (raw,) in rig.store._db.execute("SELECT body FROM record ORDER BY seq")]


def all_credit_is_gone_and_none_follows(rig, since_us):
    assert rig.run(lambda: rig.gun.firmware.remaining_shots == 0, within_s=1)
    wait(rig, 20)
    assert sent(rig, GrantSet, since_us) == []
    assert rig.view.phase is Phase.LOCKED
    rig.host(Stop(source="test"))
    assert rig.run(lambda: rig.gun.firmware.alarms & 1, within_s=1)  # STOP works all the same


@pytest.mark.invariant("I-22")
@pytest.mark.parametrize("code", ["conflict", "finding.gap", "finding.orphan", "finding.counter_regression"])
def test_a_finding_of_an_earlier_run_lets_the_log_be_read_and_stop_be_pressed_but_nothing_be_granted(rig, code):
    armed(rig)
    rig.kill_host()
    (uid,) = {row[0] for row in rig.store._db.execute("SELECT gun_uid FROM gun")}
    gun = replace(rig.commits[-1].entries[0].gun, gun_uid=uid)
    entry = Entry(kind=code, key="found/1", payload={"code": code.removeprefix("finding."), "detail": "x"}, gun=gun)
    assert isinstance(rig.store.commit([Batch(no=1, entries=(entry,))], rig.stamp())[0], Committed)
    since_us = rig.now_us
    rig.resume_session()
    wait(rig, 20)
    assert sent(rig, GrantSet, since_us) == []
    assert rig.view.findings
    assert rig.view.phase is Phase.LOCKED
    assert rig.view.committed_seq == rig.view.head_seq == len(rig.truth)
    assert sent(rig, LogRead, since_us) or rig.view.committed_seq == len(rig.truth)
    rig.host(Stop(source="test"))
    assert rig.run(lambda: rig.view.estop_latch_id != 0, within_s=1)


@pytest.mark.invariant("I-22")
@pytest.mark.invariant("I-12")
def test_a_record_beyond_its_grant_ends_the_credit_and_forbids_the_next(rig, monkeypatch):
    armed(rig)
    count = GrantAccount.count
    monkeypatch.setattr(GrantAccount, "count", lambda self, record: count(self, record) and False)
    assert rig.run(lambda: "over_grant" in rig.view.findings, within_s=5)
    since_us = rig.now_us + 1
    monkeypatch.undo()
    all_credit_is_gone_and_none_follows(rig, since_us)
    assert "finding.over_grant" in kinds(rig)
    assert sent(rig, GrantRevoke)


@pytest.mark.invariant("I-22")
@pytest.mark.invariant("I-11")
def test_a_record_of_a_grant_that_was_never_given_ends_the_credit_and_forbids_the_next(rig, monkeypatch):
    armed(rig)
    admit, found = GunBook.admit, Finding(FindingCode.ORPHAN, "names grant 7, which this host never gave")
    monkeypatch.setattr(GunBook, "admit", lambda *a, **k: replace(admit(*a, **k), finding=found))
    since_us = rig.now_us + 1
    assert rig.run(lambda: "orphan" in rig.view.findings, within_s=5)
    all_credit_is_gone_and_none_follows(rig, since_us)
    assert "finding.orphan" in kinds(rig)


@pytest.mark.invariant("I-22")
@pytest.mark.invariant("I-06")
def test_a_shot_that_the_log_holds_with_other_bytes_ends_the_credit_and_forbids_the_next(rig):
    armed(rig)
    commit = rig.store.commit

    def conflicting(batches, stamp):
        results = commit(batches, stamp)
        shots = [entry.key for batch in batches for entry in batch.entries if entry.kind == "shot"]
        return [replace(results[0], conflicts=tuple(shots[:1]))] if shots else results

    rig.store.commit = conflicting
    since_us = rig.now_us + 1
    assert rig.run(lambda: "conflict" in rig.view.findings, within_s=5)
    rig.store.commit = commit
    all_credit_is_gone_and_none_follows(rig, since_us)


@pytest.mark.invariant("I-17")
def test_events_and_status_that_tell_of_shots_never_make_a_row(rig):
    """The gun's hints claim shots, ends and progress that its log does not have."""
    armed(rig, 1)
    rig.run(lambda: rig.view.phase is Phase.ARMED and rig.view.committed_seq == len(rig.truth))
    for n in range(200):
        seq = rig.random.randrange(1, 50)
        shot = bytes(rig.random.randbytes(ShotEvent.SIZE))
        told = replace(ShotEvent.unpack(shot), shot_seq=seq)
        others = [AlarmEvent, GrantEndedEvent, MoveDoneEvent]
        kind = rig.random.choice(others)
        for event in (told, kind.unpack(rig.random.randbytes(kind.SIZE))):
            frame = encode_frame(event.TYPE, 0, 0, 0, event.pack())
            rig.from_gun(rig.now_us, frame)
        if n % 20 == 0:
            status = replace(Status.unpack(bytes(Status.SIZE)), head_seq=rig.view.head_seq, state=3)
            rig.from_gun(rig.now_us, encode_frame(Status.TYPE, 0, 0, 0, status.pack()))
    wait(rig, 5)
    rows = [key for (key,) in rig.store._db.execute("SELECT key FROM record WHERE kind = 'shot'")]
    assert len(rows) <= len(rig.truth)
    shots = {shot.label.shot_seq for shot in rig.truth}
    assert {int(key.rsplit("/", 1)[1]) for key in rows} <= shots


@pytest.mark.hazard("HZ-40")
def test_every_link_record_says_that_the_gun_was_not_authenticated(rig):
    armed(rig)
    rig.kill_host()
    rig.resume_session()
    armed(rig, 6)
    records = [canonical.parse(raw) for (raw,) in rig.store._db.execute("SELECT body FROM record")]
    ups = [record for record in records if record["kind"] == "link.up"]
    assert len(ups) == 2
    assert {record["authenticated"] for record in ups} == {False}
