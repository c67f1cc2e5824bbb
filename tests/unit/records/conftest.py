import random

import pytest

from meso_device.audit.store import Store
from tests.unit.audit.clinic import Clinic, stamp


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def seeded():
    return random.Random(20).randbytes


@pytest.fixture
def store(seeded):
    opened = Store.in_memory(software="0.1.0", stamp=stamp(), randomness=seeded)
    yield opened
    opened.close(stamp())
