import pytest

from protocols.errors import UsageError
from simulator.physics import NEEDLES, SYRINGES, Cartridge, Head, Needle


@pytest.mark.parametrize("wrong", [{"content_nl": -1}, {"content_nl": 5_000_001}, {"viscosity_upa_s": 0}])
def test_cartridge_that_cannot_be_is_refused(wrong):
    with pytest.raises(UsageError, match="refused"):
        Cartridge(**wrong)


def test_head_that_cannot_be_is_refused():
    with pytest.raises(UsageError, match="1, 5 or 9"):
        Head(pins=4)
    with pytest.raises(UsageError, match="not in the table"):
        Head(needle=Needle(needle_type_id=9, name="9G", bore_m=1e-3, length_m=4e-3))


def test_every_syringe_has_its_own_row_and_agrees_with_its_size():
    assert len({syringe.geometry_id for syringe in SYRINGES}) == len(SYRINGES)
    for syringe in SYRINGES:
        travel_mm = syringe.size_nl / syringe.pl_per_um
        assert 25 < travel_mm < 65


def test_numbers_on_the_wire_are_those_that_treatment_files_use():
    from protocols.treatment.needles import needles
    from protocols.treatment.syringes import syringes

    assert {(each.needle_type_id, round(each.bore_m * 1e6), round(each.length_m * 1e6)) for each in NEEDLES} == {
        (each.type_id, each.inner_diameter_um, each.length_um) for each in needles().values()
    }
    assert {(each.geometry_id, each.size_nl, each.pl_per_um) for each in SYRINGES} == {
        (each.geometry_id, each.size_nl, each.pl_per_um) for each in syringes().values() if each.pl_per_um
    }
