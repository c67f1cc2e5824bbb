"""What a run leaves in the log can be read back as it was, and is one record a step however often it is told."""

import msgspec
import pytest

from meso_device.audit import canonical
from meso_device.calibration.record import KINDS, key_of, read_record
from tests.unit.calibration.runs import dose_run, entries

RUN = "5c" * 16


def test_every_record_comes_back_from_the_log_as_it_went_in():
    records = dose_run(RUN)
    made = entries(records)
    assert {entry.kind for entry in made} == KINDS
    for record, entry in zip(records, made, strict=True):
        canonical.check_fields(dict(entry.payload))
        body = canonical.decode(canonical.encode({**entry.payload, "seq": 4, "ts_us": 5}))
        assert read_record(entry.kind, body) == record


def test_keys_tell_every_step_apart_and_repeat_for_the_same():
    keys = [key_of(record) for record in dose_run(RUN)]
    assert len(set(keys)) == len(keys)
    assert keys == [key_of(record) for record in dose_run(RUN)]
    assert all(len(key) <= 200 for key in keys)


@pytest.mark.parametrize("damage", [{"value": "12"}, {"value": 1.5}, {"stage": "later"}, {"no": None}])
def test_a_body_of_another_shape_is_not_guessed_at(damage):
    reading = next(entry for entry in entries(dose_run(RUN)) if entry.kind == "calibration.reading")
    with pytest.raises(msgspec.ValidationError):
        read_record(reading.kind, {**reading.payload, **damage})
