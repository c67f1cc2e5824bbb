"""Connections to PostgreSQL: durable or refused, and with no more rights than their work needs."""

import contextlib
from collections.abc import Iterator
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from meso_device.collector import columns
from protocols.errors import MesoError, UsageError

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
CONNECT_S: Final = 10
STATEMENT_MS: Final = 60_000
_MIGRATING: Final = 0x6D65736F  # "meso": the number of the lock under which tables are made
_DURABLE: Final = ("fsync", "synchronous_commit", "full_page_writes")


class Role(StrEnum):
    """As whom the tables are used."""

    OWNER = "owner"
    INTAKE = "meso_intake"


@contextlib.contextmanager
def telling(what: str) -> Iterator[None]:
    """Turn what PostgreSQL says into one line.

    Raises:
        MesoError: anything went wrong there.
    """
    try:
        yield
    except psycopg.Error as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise MesoError(f"{what}: PostgreSQL says: {said}") from error


def connect(conninfo: str, role: Role) -> Connection:
    """Connect, and prove that what is committed is durable.

    Args:
        conninfo: As libpq reads it; what is missing is taken from its own variables and files.
        role: Whose rights the connection has.

    Raises:
        UsageError: it holds a password, is malformed, or the server would lose what it has acknowledged.
        psycopg.Error: PostgreSQL does not answer or refuses.
    """
    try:
        if conninfo_to_dict(conninfo).get("password") is not None:
            raise UsageError("a password must not stand in a command line: put it in ~/.pgpass or PGPASSFILE")
    except (psycopg.ProgrammingError, UnicodeEncodeError) as error:
        raise UsageError(f"--database {conninfo!r} cannot be read: {' '.join(str(error).split())}") from None
    connection = psycopg.connect(
        conninfo, autocommit=True, connect_timeout=CONNECT_S, application_name="meso collector"
    )
    try:
        columns.register(connection)
        connection.execute("SET synchronous_commit = on")
        connection.execute(sql.SQL("SET statement_timeout = {}").format(STATEMENT_MS))
        connection.execute(sql.SQL("SET idle_in_transaction_session_timeout = {}").format(STATEMENT_MS))
        for setting in _DURABLE:
            _expect_on(connection, setting)
        if role is Role.INTAKE:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role.value)))
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: Connection) -> int:
    """Bring the tables to what this program uses, and return how many steps that took; 0 if they were.

    Raises:
        UsageError: the tables are of a newer program.
        psycopg.Error: PostgreSQL refused.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATING,))
        connection.execute("CREATE SCHEMA IF NOT EXISTS meso")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS meso.migration (name text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"
        )
        missing = _missing_steps(connection)
        for name, text in missing:
            connection.execute(text.encode())  # bytes: the files are the program's own and take no values
            connection.execute("INSERT INTO meso.migration (name) VALUES (%s)", (name,))
    return len(missing)


def check_tables(connection: Connection) -> None:
    """Refuse with UsageError a database whose tables are not those that this program uses, or that has none."""
    begun = connection.execute("SELECT to_regclass('meso.migration') IS NOT NULL").fetchone()
    if begun != (True,) or _missing_steps(connection):
        raise UsageError("this database has no collector's tables, or old ones: meso collector serve makes them")


def _missing_steps(connection: Connection) -> list[tuple[str, str]]:
    steps = sorted(
        (file.name, file.read_text("utf-8"))
        for file in (files(__package__) / "migrations").iterdir()
        if file.name.endswith(".sql")
    )
    done = {name for (name,) in connection.execute("SELECT name FROM meso.migration")}
    newer = sorted(done - {name for name, _ in steps})
    if newer:
        raise UsageError(f"the tables were made by a newer program ({newer[-1]}); update meso-device")
    return [step for step in steps if step[0] not in done]


def _expect_on(connection: Connection, setting: str) -> None:
    value = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone()
    if value != ("on",):
        raise UsageError(f"this PostgreSQL may lose what it has acknowledged: set {setting} = on")
