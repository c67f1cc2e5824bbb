"""Black box: real processes, pseudo-terminals, signals and kills. Nothing here imports the product."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
for module in ("bench", "checks", "gun", "processes", "records"):
    pytest.register_assert_rewrite(f"support.{module}")

from support.bench import Bench  # noqa: E402  # after its place is known


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A place for one scenario; everything that it starts ends with it."""
    place = Bench()
    yield place
    place.close()
