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


def test_each_letter_of_a_code_counts_the_last_one_with_its_spare_bits_too():
    code = OneTimeCode(bytes(range(10)), certificate_pin(b"certificate"))
    text = str(code)
    for at, letter in enumerate(text):
        for other in set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") - {letter} if letter != "-" else ():
            try:
                assert OneTimeCode.parse(text[:at] + other + text[at + 1 :]) != code
            except UsageError:
                assert at == len(text) - 1
