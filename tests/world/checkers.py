"""What must hold (W1 to W9, L1), watched while the world runs and judged at its end."""

import json
import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256

from meso_device.accounting.entries import Batch, CommitResult, Committed
from meso_device.audit.export import shot_row
from meso_device.audit.projections import difference, rebuild
from protocols.treatment.plan import TreatmentPlan
from protocols.wire.messages import GrantSet, Heartbeat
from simulator.physics import Injection
from tests.world import oracle

# A STOP frame of 19 bytes and what is on the line before it; with faults on the way the lease does it.
STOP_US = 60_000
LEASE_US = 500_000
LINE_US = 60_000
# Whatever holds a beat or a grant up on its way: the lease runs from when the host was alive.
SILENT_US = LEASE_US + LINE_US
QUIET_US = 3_000_000
BLIND = frozenset({"depth_stop_drift", "syringe_swapped", "backlash"})
LEASE_FAULTS = frozenset({"lease_ignored", "lease_timer_stuck", "tick_jump", "tick_drift"})
FAILED = re.compile(r"\bfail", re.IGNORECASE)


class Watch:
    """The checkers of one world.

    Attributes:
        findings: What must not be, each line with its checker's name first.
        disturbed_us: When a fault last happened: the tight bounds hold while nothing is disturbed.
    """

    def __init__(self, world, plan: TreatmentPlan) -> None:
        self._world = world
        self._plan = plan
        self.findings: list[str] = []
        self.motions: list[oracle.Motion] = []
        self.disturbed_us = -QUIET_US
        self._areas = {area.area_code: area for area in plan.areas}
        self._spoke_us = 0
        self._stop_us: int | None = None
        self._stop_durable = False
        self._host_lost_stop = False
        self._granted: dict[tuple[int, int], int] = {}
        self._read_back: set[int] = set()
        self.lost_rows = 0
        self.lost_after: dict[tuple[str, int], int] = {}
        self._blind = False
        self._spec_broken = False

    def found(self, name: str, text: str) -> None:
        """Note what must not be."""
        line = f"{name} {text}"
        self._world.note(f"FOUND {line}")
        if len(self.findings) < 20:
            self.findings.append(line)

    # --- what the world tells -------------------------------------------------------------------

    def spoke(self, code: int) -> None:
        """The host let a frame go that keeps credit alive."""
        if code in (Heartbeat.TYPE, GrantSet.TYPE):
            self._spoke_us = self._world.now_us

    def stop_pressed(self) -> None:
        """A STOP goes to the link."""
        if self._stop_us is None:
            self._stop_us = self._world.now_us
            self._stop_durable = self._host_lost_stop = False

    def released(self, reset: bool) -> None:
        """A person has reset the stop, or goes on after a host that died before it could send or record it."""
        if reset or (self._host_lost_stop and not self._stop_durable):
            self._stop_us = None

    def host_died(self) -> None:
        """What it had not recorded is gone."""
        self._host_lost_stop = self._stop_us is not None

    def host_started(self) -> None:
        """A new host has opened the log."""

    def booted(self) -> None:
        """The gun was switched off and on."""

    def log_lost(self) -> None:
        """The gun is about to lose its log: what the host has not let go of may never be read."""
        gun = self._world.gun.firmware
        self.lost_after[gun.gun_uid_text, gun.log_epoch] = gun.released_seq

    def restored(self) -> None:
        """An old copy of the log was restored; what is missing from it now may be missing at the end."""
        ((rows,),) = self._world.store._db.execute("SELECT count(*) FROM record WHERE kind = 'shot'")
        self.lost_rows = max(self.lost_rows, len(self.motions) - rows)

    def durable(self, group: Sequence[Batch], results: Sequence[CommitResult]) -> None:
        """These batches are on disk now."""
        for batch, result in zip(group, results, strict=True):
            if not isinstance(result, Committed):
                continue
            for entry in batch.entries:
                kind, payload = entry.kind, entry.payload
                if kind == "grant.prepared" and entry.gun is not None:
                    self._granted[entry.gun.log_epoch, payload["grant_no"]] = payload["area_code"]
                elif kind == "settings.readback":
                    self._note_read_back(payload)
                elif kind == "stop":
                    self._stop_durable = True
                if entry.gun is not None and not entry.gun.simulated:
                    self.found("W9", f"{kind}: the gun's mark is missing")

    def _note_read_back(self, payload) -> None:
        area = self._areas.get(payload["area_code"])
        if area is not None and (payload["depth_um"], payload["dose_nl"]) == (area.depth_um, area.dose_nl):
            self._read_back.add(area.area_code)

    # --- the gun moves --------------------------------------------------------------------------

    def begins(self) -> None:
        """A stroke begins now."""
        world = self._world
        stroke = world.gun.body._mechanics.stroke
        if stroke is None or stroke.label is None or stroke.label.kind == "SERVICE":
            return
        now_us, label = world.now_us, stroke.label
        calm = now_us - self.disturbed_us > QUIET_US
        on = world.gun.faults
        if LEASE_FAULTS & on._on.keys():
            self._spec_broken = True
        if self._stop_us is not None:
            late_us = now_us - self._stop_us
            if late_us > (STOP_US if calm else SILENT_US) and not self._spec_broken:
                self.found("W3", f"shot {label.shot_seq} begins {late_us / 1e6:.3f} s after STOP, and nobody reset it")
        silent_us = now_us - self._spoke_us
        if silent_us > SILENT_US and not self._spec_broken:
            self.found("W4", f"shot {label.shot_seq} begins {silent_us / 1e6:.3f} s after the host was last heard")
        area = self._granted.get((label.log_epoch, label.grant_no))
        if area != label.area_code:
            self.found("W5", f"shot {label.shot_seq} in area {label.area_code} on grant {label.grant_no} of {area}")
        planned = self._areas.get(label.area_code)
        if planned is None or label.area_code not in self._read_back:
            self.found("W5", f"shot {label.shot_seq}: settings of area {label.area_code} were not read back")
        elif stroke.depth_um > planned.depth_um + 100 or stroke.dose_nl > planned.dose_nl * 102 // 100:
            self.found("W5", f"shot {label.shot_seq}: {stroke.depth_um} um, {stroke.dose_nl} nL were ordered")

    def injected(self, injection: Injection) -> None:
        """A stroke has physically ended."""
        label = injection.label
        if not label.shot_seq or label.kind == "SERVICE":
            return
        self._blind |= bool(BLIND & self._world.harmed)
        self.motions.append(
            oracle.Motion(
                uid=label.gun_uid,
                epoch=label.log_epoch,
                seq=label.shot_seq,
                grant=label.grant_no,
                area=label.area_code,
                kind=label.kind,
                outcome=injection.outcome,
                dose_nl=injection.dose_nl,
                depth_um=injection.depth_um,
                blind=self._blind,
            )
        )

    # --- the end --------------------------------------------------------------------------------

    def judge(self) -> None:
        """Everything that can be said of the whole session."""
        world = self._world
        bodies = self._chain()
        rows = [shot_row(body) for body in bodies if body["kind"] == "shot"]
        treated = [row for row in rows if row["kind"] != "SERVICE"]
        for text in oracle.judge(self.motions, treated, lost_after=self.lost_after, lost_before=self.lost_rows):
            self.found("W1", text)
        points = {area.area_code: area.shots for area in self._plan.areas}
        # What two people have signed for counts in full, whatever the gun has forgotten.
        known = self.motions if world.settled else oracle.knowable(self.motions, treated, lost_after=self.lost_after)
        for text in oracle.caps_kept(known, points=points, session_nl=self._plan.session_cap_nl):
            self.found("W2", text)
        self._words(bodies)
        if world.rested():
            self._told(treated)

    def _chain(self) -> list[dict]:
        """W6: every record names the hash of the one before it, and the tables say what the records say."""
        world = self._world
        before = bytes(32)
        bodies = []
        for seq, raw, leaf in world.store._db.execute("SELECT seq, body, leaf FROM record ORDER BY seq"):
            body = json.loads(raw)
            bodies.append(body)
            if seq != len(bodies) - 1 or sha256(b"\0" + raw).digest() != leaf:
                self.found("W6", f"record {seq} is not what its hash says")
                break
            if body["prev"] != b64encode(before).decode():
                self.found("W6", f"record {seq} does not follow the one before it")
                break
            before = leaf
        if world.seed % 16 == 0:
            other = type(world.store._db)(":memory:")
            other.deserialize("main", world.store._db.serialize("main"))
            with other:
                rebuild(other, other)
            if text := difference(world.store._db, other):
                self.found("W6", text)
            other.close()
        return bodies

    def _words(self, bodies: list[dict]) -> None:
        """W7, W8, W9: nothing of the patient leaves; nothing is called failed; every row says simulated."""
        world = self._world
        sent = b"".join(frame for _, frame in world.sent_to_gun)
        for alias in {body["alias"] for body in bodies if body.get("alias")}:
            if bytes.fromhex(alias) in sent or alias.encode() in sent:
                self.found("W7", "the patient's alias is on the wire")
            if any(alias in notice.text for notice in world.notices):
                self.found("W7", "the patient's alias is in a notice")
        for notice in world.notices:
            if FAILED.search(notice.text):
                self.found("W8", f"called failed: {notice.text}")
        for body in bodies:
            if "gun" in body and body.get("simulated") is not True:
                self.found("W9", f"record {body['seq']} ({body['kind']}) does not say simulated")

    def _told(self, rows: list[dict]) -> None:
        """W8: what the screen says at the end is what is so."""
        world = self._world
        view = world.view
        session = [row for row in rows if row["session"] == view.session]
        if view.shots_given != len(session):
            self.found("W8", f"the screen says {view.shots_given} given, the log {len(session)}")
        if view.open_grants or view.held_shots:
            self.found("W8", f"closed with {view.open_grants} grants open")
