"""The demonstration, put together: gun, session, proof."""

import contextlib
import json as json_text
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from meso_device.audit.export import export_shots
from meso_device.audit.verify import Report, verify_home
from meso_device.cli.demo_plan import scaled_plan
from meso_device.cli.output import say, say_json
from meso_device.cli.proof import Proof, compare
from meso_device.cli.running import Words, report, watch
from meso_device.cli.simulated_gun import GunFiles, simulated_gun
from meso_device.host.clock import Clock
from meso_device.host.run import RunRequest, RunResult
from protocols.errors import UsageError
from protocols.treatment.library import PRACTICE, load_library
from protocols.treatment.plan import TreatmentPlan
from protocols.treatment.syringes import smallest_dose_nl, syringes
from protocols.units import format_dose

RATE_PER_S: Final = 9


class Demo(Struct, frozen=True, kw_only=True):
    """One demonstration.

    Attributes:
        plan: What is given.
        home: Data directory.
        files: The gun's.
        seed: The gun's.
    """

    plan: TreatmentPlan
    home: Path
    files: GunFiles
    seed: int


def run_demo(*, shots: int, seed: int, home: Path | None, json: bool) -> int:
    """Run the demonstration and return the exit status: 0 only if the log equals the truth."""
    clock = Clock()
    began_us = clock.now().mono_us
    with _prepared(shots, seed, home) as demo:
        if not json:
            _introduce(demo)
        request = RunRequest(root=demo.home, command="meso demo", port=str(demo.files.link), plan=demo.plan)
        with simulated_gun(demo.files, seed=seed, rate=RATE_PER_S):
            session_us = clock.now().mono_us
            result = watch(request, demo.plan, quiet=json)
            session_us = clock.now().mono_us - session_us
        session = result.view.session if result.view is not None else ""
        if result.status and not session:
            return report(result, Words(request=request, home=demo.home), json=json)
        proof = compare(*_accounts(demo, session))
        verified = verify_home(demo.home)
        elapsed_us = clock.now().mono_us - began_us
        holds = proof.holds and verified.ok and result.status == 0
        if json:
            say_json(_document(result, proof, verified, elapsed_us, session_us))
        else:
            _show_proof(result, proof, verified, elapsed_us)
            if home is not None:
                say(f"look further: meso session list --home {home}, meso audit verify --home {home}")
        return 0 if holds else result.status or 1


@contextlib.contextmanager
def _prepared(shots: int, seed: int, home: Path | None) -> Iterator[Demo]:
    """Lay out files; without a data directory to keep, all of them go with the demonstration."""
    plan = load_library(PRACTICE).plan()
    plan = scaled_plan(plan, shots, dose_nl_min=_smallest_dose_nl(plan))
    with tempfile.TemporaryDirectory(prefix="meso-demo-") as place:
        kept = Path(place) / "home" if home is None else home
        try:
            kept.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"data directory {kept} refused: {error.strerror}; give another with --home") from None
        # The gun's memory stays with the log that knows it: a gun that forgot its records would be another gun.
        files = GunFiles(link=Path(place) / "gun", nvm=kept / "demo-gun.nvm", truth=Path(place) / "truth.jsonl")
        yield Demo(plan=plan, home=kept, files=files, seed=seed)


def _smallest_dose_nl(plan: TreatmentPlan) -> int:
    for syringe in syringes().values():
        if syringe.geometry_id == plan.syringe_geometry_id and syringe.pl_per_um is not None:
            return smallest_dose_nl(syringe.pl_per_um)
    raise UsageError(f"the geometry of syringe {plan.syringe_geometry_id} is not known")


def _accounts(demo: Demo, session: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what the gun's body did, and what the log says of it and of this session."""
    truth_file = demo.files.truth
    lines = truth_file.read_text("utf-8").splitlines() if truth_file.exists() else []
    truth = [json_text.loads(line) for line in lines]
    made = {(row["gun_uid"], row["log_epoch"], row["shot_seq"]) for row in truth}
    log = [
        row
        for row in map(json_text.loads, export_shots(demo.home))
        if row["session"] == session or (row["gun_uid"], row["log_epoch"], row["shot_seq"]) in made
    ]
    return truth, log


def _introduce(demo: Demo) -> None:
    plan = demo.plan
    areas = f"{len(plan.areas)} area{'s' if len(plan.areas) != 1 else ''}"
    say("meso demo: a whole treatment on a simulated gun behind a serial port")
    say()
    say(f"  gun        a process of its own at {demo.files.link}; its hand pulls {RATE_PER_S} times a second")
    say(f"  treatment  {plan.title}: {plan.shots} injections in {areas}, {format_dose(plan.volume_nl)}")
    say("  rule       the gun fires; the host sets, reads back, permits a few shots at a time, logs each once")
    say()
    sys.stdout.flush()


def _show_proof(result: RunResult, proof: Proof, verified: Report, elapsed_us: int) -> None:
    say()
    say("  proof      the gun's body kept its own account, which the host never sees while it works")
    say(f"             its account   {proof.injections} injections")
    say(f"             the log       {proof.logged} injections; their areas and ranges of dose: {_differing(proof)}")
    if verified.ok:
        signed = f"{verified.checkpoints} signed checkpoints"
        say(f"             the chain     {verified.records} records, {signed}: unbroken")
    else:
        say(f"             the chain     BROKEN: {verified.bad}")
    if result.status:
        say(f"             the session   not complete: {result.reason or f'status {result.status}'}")
    say()
    chain = "chain verified" if verified.ok else "chain NOT verified"
    say(
        f"{proof.injections} injections made by the gun, {proof.logged} logged, {proof.missing} missing, "
        f"{proof.duplicated} duplicated, {chain}, {elapsed_us // 100_000 / 10:.1f} s"
    )


def _differing(proof: Proof) -> str:
    wrong = proof.differing + proof.invented
    return "equal" if not wrong else f"{proof.differing} differ, {proof.invented} never made"


def _document(result: RunResult, proof: Proof, verified: Report, elapsed_us: int, session_us: int) -> dict[str, object]:
    return {
        **asdict(proof),
        "chain_verified": verified.ok,
        "elapsed_ms": elapsed_us // 1_000,
        "session_ms": session_us // 1_000,
        "session": result.view.session if result.view is not None else "",
        "records": verified.records,
        "root": verified.root,
        "exit": result.status,
        "reason": result.reason,
    }
