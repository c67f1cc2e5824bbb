import random

import pytest

from meso_device.collector.code import OneTimeCode, certificate_pin
from protocols.errors import UsageError


def test_a_code_is_read_as_people_type_it():
    rng = random.Random(1)
    for _ in range(50):
        code = OneTimeCode(rng.randbytes(10), certificate_pin(rng.randbytes(300)))
        assert OneTimeCode.parse(str(code)) == code
        assert OneTimeCode.parse(f"  {str(code).lower().replace('-', ' ')}\n") == code


@pytest.mark.parametrize("text", ["", "ABCDEF", "A" * 41, "A" * 43, "1" * 42, "ä" * 42, "A" * 41 + "="])
def test_what_is_no_code_is_refused_and_never_quoted(text):
    with pytest.raises(UsageError) as caught:
        OneTimeCode.parse(text)
    assert not text or text not in str(caught.value)
