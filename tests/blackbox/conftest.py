"""Black box: real processes, pseudo-terminals, signals and kills. Nothing here imports the product."""

import fcntl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
for module in ("bench", "checks", "gun", "processes", "records"):
    pytest.register_assert_rewrite(f"support.{module}")

from support.bench import Bench, plain_environment  # noqa: E402  # after its place is known
from support.clinic import found  # noqa: E402
from support.extent import LONG  # noqa: E402
from support.warm import Warm  # noqa: E402


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A place for one scenario; everything that it starts ends with it."""
    place = Bench()
    yield place
    place.close()


@pytest.fixture(scope="session")
def founding(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A directory with a clinic that is founded once, for all processes of these tests."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    with (shared / "clinic.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "clinic").exists():
            found(shared / "clinic")
    return shared / "clinic"


@pytest.fixture(scope="session")
def standing_ready() -> Iterator[Warm]:
    """A process with the product loaded, for all tests that want it."""
    one = Warm(plain_environment())
    yield one
    one.close()


@pytest.fixture
def warm(bench: Bench, standing_ready: Warm) -> None:
    """Begin each process of this test with the product loaded; in the long form each is started anew."""
    bench.warm = None if LONG else standing_ready
