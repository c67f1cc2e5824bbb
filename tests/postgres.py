"""A PostgreSQL of one's own: real, durable, on a Unix socket in a temporary directory, gone afterwards."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

OWNER = "meso"
START_S = 60.0


def find_programs() -> Path | None:
    """Return where `initdb` and `postgres` are: newest version first, then the search path."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    for place in [*versions, *([Path(on_path).parent] if on_path else [])]:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    return None


def _user() -> dict[str, str]:
    """It refuses to run as root: then as the user of its package, or nobody."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    return {"user": "postgres" if "postgres" in names else "nobody"}


class Cluster:
    """One PostgreSQL, from `__init__` until `close`."""

    def __init__(self) -> None:
        programs = find_programs()
        if programs is None:
            raise FileNotFoundError("PostgreSQL is not installed")
        self._postgres = programs / "postgres"
        self._server: subprocess.Popen[bytes] | None = None
        # Not pytest's own directory: another user must get into it.
        self.directory = Path(tempfile.mkdtemp(prefix="meso-pg-"))
        self._user = _user()
        if self._user:
            shutil.chown(self.directory, **self._user)
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            subprocess.run(
                [programs / "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                 "--locale=C", "--no-sync"],
                cwd="/", check=True, capture_output=True, timeout=START_S, **self._user,
            )  # fmt: skip
            self.start()
            # The rights that a clinic's IT gives: its own databases and roles, and no more.
            self.run("postgres", f"CREATE ROLE {OWNER} LOGIN CREATEROLE")
            undo.pop_all()

    @property
    def pid(self) -> int:
        """Process that all others of it are below."""
        assert self._server is not None
        return self._server.pid

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._spawn()
        assert self._server is not None
        end_s = time.monotonic() + START_S
        while time.monotonic() < end_s:
            if self._server.poll() is not None:  # what was killed is not gone yet
                self._spawn()
            with contextlib.suppress(Exception):
                self.run("postgres", "SELECT 1")
                return
            time.sleep(0.02)
        raise AssertionError("PostgreSQL does not start")

    def _spawn(self) -> None:
        self._server = subprocess.Popen(
            [self._postgres, "-D", self._data, "-k", self.directory, "-c", "listen_addresses=",
             "-c", "shared_buffers=32MB", "-c", "max_connections=20", "-c", "autovacuum=off",
             "-c", "recovery_init_sync_method=syncfs"],
            cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, **self._user,
        )  # fmt: skip

    def kill(self) -> None:
        """Kill it; its own children, each in a session of its own, end when they notice."""
        assert self._server is not None
        self._server.send_signal(signal.SIGKILL)
        self._server.wait()

    def set(self, setting: str, value: str) -> None:
        """Change a setting for all connections made from now on."""
        import psycopg

        self.run("postgres", f"ALTER SYSTEM SET {setting} = {value}")
        self.run("postgres", "SELECT pg_reload_conf()")
        end_s = time.monotonic() + START_S
        while time.monotonic() < end_s:
            with psycopg.connect(self.conninfo("postgres", "postgres")) as db:
                if db.execute("SELECT current_setting(%s)", (setting,)).fetchone() == (value,):
                    return
        raise AssertionError(f"{setting} does not become {value}")

    def close(self) -> None:
        """End it and remove its files."""
        if self._server is not None and self._server.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, database: str, statement: str) -> None:
        """Run one statement with all rights."""
        import psycopg

        with psycopg.connect(self.conninfo(database, "postgres"), autocommit=True) as db:
            db.execute(statement.encode())

    def conninfo(self, database: str, user: str = OWNER) -> str:
        """Return how to reach a database of it."""
        return f"host={self.directory} dbname={database} user={user}"

    def new_database(self, name: str) -> str:
        """Make a database and return how its owner reaches it."""
        self.run("postgres", f"CREATE DATABASE {name} OWNER {OWNER}")
        return self.conninfo(name)
