import pytest

from protocols.errors import UsageError
from simulator.physics import SYRINGES, Cartridge, Head, Needle


@pytest.mark.parametrize("wrong", [{"content_nl": -1}, {"content_nl": 5_000_001}, {"viscosity_upa_s": 0}])
def test_cartridge_that_cannot_be_is_refused(wrong):
    with pytest.raises(UsageError, match="refused"):
        Cartridge(**wrong)


def test_head_that_cannot_be_is_refused():
    with pytest.raises(UsageError, match="1, 5 or 9"):
        Head(pins=4)
    with pytest.raises(UsageError, match="not in the table"):
        Head(needle=Needle(needle_type_id=9, name="9G", bore_m=1e-3))


def test_every_syringe_has_its_own_row_and_agrees_with_its_size():
    assert len({syringe.geometry_id for syringe in SYRINGES}) == len(SYRINGES)
    for syringe in SYRINGES:
        travel_mm = syringe.size_nl / syringe.pl_per_um
        assert 25 < travel_mm < 65
