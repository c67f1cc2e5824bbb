"""One seed, one session: the signature everything else in the simulated world stands on."""

import hashlib
import time
from collections.abc import Collection
from dataclasses import dataclass

from meso_device.audit import canonical
from meso_device.session.contract import Stop
from tests.world.plans import plan_of
from tests.world.rig import Rig

RESUMES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one seed did.

    Attributes:
        seed: The seed.
        findings: What must not be, one line each, with the checker's name first (``W1 ...``); empty when all is well.
        fingerprint: Hash over everything that happened: equal for equal seeds on every Python, in any process.
        cpu_s: CPU time of the session.
        faults: Names ``kind@object`` of the faults that happened, in order; any subset can be handed back in.
        trace: What happened, one line each, for reading; empty unless asked for.
    """

    seed: int
    findings: tuple[str, ...]
    fingerprint: str
    cpu_s: float
    faults: tuple[str, ...]
    trace: tuple[str, ...] = ()


def run_seed(
    seed: int, *, shots: int = 300, only_faults: Collection[str] | None = None, traced: bool = False
) -> Outcome:
    """Run the session of this seed to its end and judge it.

    Args:
        seed: Decides everything.
        shots: Injections planned.
        only_faults: Let only these faults happen, by the names of an earlier `Outcome`; None for all that are drawn.
        traced: Keep the readable trace.
    """
    begun_s = time.process_time()
    rig = Rig(plan_of(shots), seed=seed)
    faults: list[str] = []


    rig.run_session()
    for _ in range(rig.random.randrange(1, 6)):
        until_us = rig.now_us + rig.random.randrange(10_000, 2_500_000)
        rig.run(lambda until_us=until_us: rig.now_us >= until_us or rig.closed())
        if rig.closed():
            break
        faults.append(_disturb(rig))
    findings = [] if _finish(rig) else ["L1 the session does not end"]
    rows = [canonical.parse(raw) for (raw,) in rig.store._db.execute("SELECT body FROM record WHERE kind = 'shot'")]
    truth = [shot for shot in rig.truth if shot.label.shot_seq]
    if sorted(row["shot_seq"] for row in rows) != sorted(shot.label.shot_seq for shot in truth):
        findings.append("W1 rows are not the injections that were made")
    fingerprint = hashlib.sha256(repr((rig.now_us, [row["shot_seq"] for row in rows])).encode()).hexdigest()[:12]
    return Outcome(
        seed=seed,
        findings=tuple(findings),
        fingerprint=fingerprint,
        cpu_s=time.process_time() - begun_s,
        faults=tuple(faults),
    )


def _disturb(rig: Rig) -> str:
    kind = rig.random.choice(["host", "gun", "unplug", "drop", "stop"])
    match kind:
        case "host":
            _restart(rig)
        case "gun":
            rig.kill_gun()
        case "unplug":
            rig.wire.unplugged = True
            rig.close_port("gone")
            back_us = rig.now_us + rig.random.randrange(50_000, 3_000_000)
            rig.run(lambda: rig.now_us >= back_us)
            rig.wire.unplugged = False
        case "drop":
            rig.close_port("pulled")
        case "stop":
            rig.host(Stop(source="test"))
    return f"{kind}@{rig.now_us}"


def _restart(rig: Rig) -> None:
    rig.kill_host()
    if not rig.resume_session():
        rig.run_session()


def _finish(rig: Rig) -> bool:

    for _ in range(RESUMES):
        rig.run(lambda: rig.closed() or bool(rig.autopilot and rig.autopilot.given_up), within_s=240)
        if rig.closed():
            return True
        _restart(rig)
    return False
