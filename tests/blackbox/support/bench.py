"""One test's place: a directory, its processes, and the promise that nothing of it outlives the test."""

import contextlib
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

from support.cable import Cable
from support.disks import durable_parent
from support.gun import SimulatedGun
from support.processes import MARK, Process, marked_processes, meso_argv, wait_for
from support.records import Shot, assert_log_equals_truth, kinds_logged, read_export, read_log
from support.warm import Warm


def plain_environment() -> dict[str, str]:
    """Little, and nothing of the person who runs the tests."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "LANG": "C.UTF-8",
        **{name: os.environ[name] for name in ("PYTHONPATH", "MESO_WITHOUT") if name in os.environ},
    }


class Bench:
    """Starts what a scenario needs and ends all of it.

    Attributes:
        path: Directory of this test.
        home: Data directory that the product is told of; not there until the product makes it.
        warm: Where processes come from that begin with the product loaded; None where each is started anew.
    """

    warm: Warm | None = None

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="meso-", dir=durable_parent()))
        self.home = self.path / "home"
        self._mark = secrets.token_hex(8)
        self._started: list[Process] = []

    def environment(self) -> dict[str, str]:
        """What every process gets."""
        return {
            **plain_environment(),
            "HOME": str(self.path),
            "TMPDIR": str(self.path),
            "MESO_HOME": str(self.home),
            MARK: self._mark,
        }

    def meso(
        self,
        *words: object,
        prepare: Callable[[], None] | None = None,
        env: dict[str, str] | None = None,
        name: str = "",
    ) -> Process:
        """Start ``meso`` with these words and return at once."""
        stem = self.path / f"{len(self._started):03}-{name or str(words[0])}"
        process = Process(
            [*meso_argv(), *(str(word) for word in words)],
            out_stem=stem,
            env={**self.environment(), **(env or {})},
            cwd=self.path,
            prepare=prepare,
            warm=self.warm if env is None and prepare is None else None,
        )
        self._started.append(process)
        return process

    def gun(
        self,
        name: str = "gun",
        *,
        seed: int = 1,
        rate: int = 9,
        hand: str = "auto",
        extra: tuple[str, ...] = (),
    ) -> SimulatedGun:
        """Start a simulated gun and wait until it is ready."""
        gun = SimulatedGun(start=self.meso, folder=self.path, name=name, seed=seed, rate=rate)
        return gun.start(*extra, hand=hand)

    def cable(self, gun: SimulatedGun, *, seed: int = 1, name: str = "cable") -> Cable:
        """Put a relay between the gun and the host."""
        cable = Cable(
            gun_tty=gun.link,
            link=self.path / f"{name}.tty",
            seed=seed,
            out_stem=self.path / f"{len(self._started):03}-{name}",
            env=self.environment(),
        )
        self._started.append(cable.process)
        return cable

    def run_session(self, port: Path, *words: object, env: dict[str, str] | None = None) -> Process:
        """Start ``meso session run`` on this port."""
        return self.meso("session", "run", *words, "--gun", port, "--json", env=env, name="run")

    def resume(self, port: Path, *words: object) -> Process:
        """Start ``meso session resume`` on this port."""
        return self.meso("session", "resume", *words, "--gun", port, "--json", name="resume")

    def export(self) -> list[Shot]:
        """The shots in the log, by the product's own export."""
        done = self.meso("audit", "export", "--kind", "shot", "--format", "jsonl", name="export").ok()
        return read_export(done.out)

    def logged(self) -> list[Shot]:
        """The shots in the log, by a reader that shares nothing with the product."""
        return read_log(self.home)

    def begun(self) -> bool:
        """Whether the log holds a session that was opened."""
        return "session.opened" in kinds_logged(self.home)

    def sessions(self) -> list[dict]:
        """The objects of ``meso session list --json``."""
        told = self.meso("session", "list", "--json", name="list").ok().json()
        return told["sessions"] if isinstance(told, dict) else told

    def assert_proven(
        self, *guns: SimulatedGun, planned: int | None = None, power_cut: bool = False, verify: bool = False
    ) -> list[Shot]:
        """Require that the log is whole, equals what the guns physically did, and holds all planned points.

        An interrupted or aborted injection counts as given; nothing is given twice to make up for it.

        Args:
            guns: All that took part.
            planned: Points of the treatment, where it was finished.
            power_cut: See `disagreement`.
            verify: Whether the product's own ``audit verify`` and export have to agree, at two processes more;
                returned is the export then.
        """
        logged = self.logged()
        if verify:
            self.meso("audit", "verify", name="verify").ok()
            told = self.export()
            assert [(shot.key, shot.dose_hi_nl) for shot in told] == [(shot.key, shot.dose_hi_nl) for shot in logged]
            logged = told
        truth = [one for gun in guns for one in gun.truth()]
        assert_log_equals_truth(logged, truth, power_cut=power_cut)
        if planned is not None:
            assert len(logged) == planned, f"{len(logged)} given, {planned} planned"
        return logged

    def close(self) -> None:
        """End every process, also those that the product started, and remove the directory."""
        for process in reversed(self._started):
            process.kill()
        for pid in marked_processes(self._mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.path, ignore_errors=True)

    def children_left(self) -> list[int]:
        """Processes of this test that still run though nobody who started them does."""
        own = {process.pid for process in self._started if process.running}
        return [pid for pid in marked_processes(self._mark) if pid not in own]

    def wait_shots(self, gun: SimulatedGun, count: int, *, within_s: float = 20.0) -> None:
        """Wait until the gun has physically made this many strokes in all."""
        wait_for(lambda: gun.shots() >= count, f"{count} shots at the gun, {gun.shots()} made", within_s=within_s)
