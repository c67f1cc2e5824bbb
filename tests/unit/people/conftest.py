import random

import pytest

from tests.unit.people.clinic import People


@pytest.fixture
def seeded():
    return random.Random(16).randbytes


@pytest.fixture
def people(tmp_path, seeded):
    opened = People(tmp_path, seeded)
    yield opened
    opened.office.close()
