import stat

import pytest

from meso_device.people.pins import PEPPER_NAME, Cost, Hasher, check_new_pin, make_pepper, read_pepper
from protocols.errors import MesoError, UsageError
from tests.unit.people.clinic import CHEAP

OP, OTHER = "0a" * 16, "0b" * 16


@pytest.mark.parametrize("pin", ["918273", "000001", "112358", "99999999999 8".replace(" ", ""), "271828182845"])
def test_a_pin_of_six_to_twelve_digits_is_taken(pin):
    check_new_pin(pin)


@pytest.mark.hazard("HZ-35")
@pytest.mark.parametrize(
    "pin",
    [
        "",
        "12345",
        "1234567890123",
        "91827a",
        " 918273",
        "918273\n",
        "-18273",
        "٩١٨٢٧٣",
        "91827\uff13",
        "9182.3",
        "0x1827",
    ],
)
def test_anything_else_than_six_to_twelve_digits_is_refused_and_not_repeated(pin):
    with pytest.raises(UsageError, match="6 to 12 digits") as refused:
        check_new_pin(pin)
    assert not pin.strip() or pin not in str(refused.value)


@pytest.mark.hazard("HZ-35")
@pytest.mark.parametrize(
    "pin",
    [
        *(digit * length for digit in "0179" for length in (6, 12)),
        *("123456", "234567890", "890123", "654321", "321098", "135791", "864208"),
        *("121212", "123123", "1231231", "918918", "91829182"),
    ],
)
def test_what_is_guessed_first_is_refused(pin):
    with pytest.raises(UsageError, match="equal steps"):
        check_new_pin(pin)


def test_the_cost_that_is_shipped_is_argon2id_with_64_mib_and_fits_its_pin_alone():
    hasher = Hasher(bytes(32))
    kept = hasher.hash(OP, "918273")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert hasher.fits(kept, OP, "918273")
    assert not hasher.fits(kept, OP, "918274")


@pytest.mark.hazard("HZ-35")
def test_a_hash_fits_neither_another_person_nor_another_pepper():
    hasher = Hasher(bytes(32), cost=CHEAP)
    kept = hasher.hash(OP, "918273")
    assert hasher.fits(kept, OP, "918273")
    assert not hasher.fits(kept, OTHER, "918273")
    assert not Hasher(bytes(31) + b"\1", cost=CHEAP).fits(kept, OP, "918273")


def test_the_same_pin_is_kept_in_another_form_each_time_and_never_as_itself():
    hasher = Hasher(bytes(32), cost=CHEAP)
    kept = {hasher.hash(OP, "918273") for _ in range(8)}
    assert len(kept) == 8
    assert not any("918273" in one for one in kept)


def test_nobody_fits_nothing_and_a_damaged_hash_says_what_to_do():
    hasher = Hasher(bytes(32), cost=CHEAP)
    assert not hasher.fits("", OP, "")
    with pytest.raises(MesoError, match="sets a new one"):
        hasher.fits("$argon2id$nonsense", OP, "918273")


def test_costs_of_before_still_fit_after_the_cost_was_raised():
    kept = Hasher(bytes(32), cost=CHEAP).hash(OP, "918273")
    assert Hasher(bytes(32), cost=Cost(passes=2, memory_kib=16, lanes=1)).fits(kept, OP, "918273")


def test_the_pepper_is_made_once_for_its_owner_alone(tmp_path):
    pepper = make_pepper(tmp_path)
    assert len(pepper) == 32
    assert make_pepper(tmp_path) == pepper == read_pepper(tmp_path)
    assert stat.S_IMODE((tmp_path / PEPPER_NAME).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [PEPPER_NAME]


@pytest.mark.parametrize("text", ["", "zz", "00" * 31, "00" * 33, "ü" * 64])
def test_a_damaged_pepper_is_refused(tmp_path, text):
    path = tmp_path / PEPPER_NAME
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(UsageError, match="damaged"):
        read_pepper(tmp_path)


def test_a_pepper_that_others_can_read_or_that_is_gone_is_refused(tmp_path):
    with pytest.raises(UsageError, match="missing"):
        read_pepper(tmp_path)
    make_pepper(tmp_path)
    (tmp_path / PEPPER_NAME).chmod(0o640)
    with pytest.raises(UsageError, match="chmod 600"):
        read_pepper(tmp_path)
