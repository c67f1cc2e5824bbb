import os

import pytest

from meso_device.collector.database import Role, connect, migrate
from tests.postgres import Cluster, find_programs


@pytest.fixture(scope="session")
def cluster():
    """A real PostgreSQL for all tests of this worker."""
    if find_programs() is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is not installed, and here it must be")
        pytest.skip("POSTGRESQL IS NOT INSTALLED: the collector is not tested")
    own = Cluster()
    own.new_database("clinic")
    yield own
    own.close()


@pytest.fixture
def database(cluster):
    """How the owner reaches a database without tables."""
    # One database for all, emptied: making another copies a thousand files.
    cluster.run("clinic", "DROP SCHEMA IF EXISTS meso CASCADE")
    return cluster.conninfo("clinic")


@pytest.fixture
def owner(database):
    with connect(database, Role.OWNER) as db:
        migrate(db)
        yield db


@pytest.fixture
def db(owner, database):
    """A connection with the rights of the intake alone."""
    with connect(database, Role.INTAKE) as db:
        yield db
