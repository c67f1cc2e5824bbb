import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from meso_device.audit import canonical

KEYS = st.text("abcxyz019_", min_size=1, max_size=12)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SCALARS = st.one_of(st.integers(-canonical.INTEGER_MAX, canonical.INTEGER_MAX), TEXT, st.booleans())
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=8)


@given(OBJECTS)
@settings(max_examples=150)
def test_bytes_are_those_of_the_reference_encoder(fields):
    canonical.check_fields(fields)
    assert canonical.encode(fields) == rfc8785.dumps(fields)


@given(OBJECTS)
def test_what_was_encoded_reads_back(fields):
    assert canonical.parse(canonical.encode(fields)) == fields


def test_every_single_character_is_escaped_as_the_reference_encoder_does():
    for code in [*range(0x300), 0x2028, 0x2029, 0xFEFF, 0xFFFF, 0x10000, 0x10FFFF]:
        assert canonical.encode({"a": chr(code)}) == rfc8785.dumps({"a": chr(code)})


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        None,
        2**53,
        -(2**53),
        b"x",
        (1,),
        {"A": 1},
        {"a-b": 1},
        {"": 1},
        {1: 1},
        [[None]],
        {"a": {"b": 0.5}},
    ],
)
def test_what_a_record_cannot_hold_is_refused(value):
    with pytest.raises(ValueError):
        canonical.check_fields({"field": value})


def test_the_refusal_names_the_field():
    with pytest.raises(ValueError, match=r"gun\.depth_um is of type float"):
        canonical.check_fields({"gun": {"depth_um": 1.5}})


def test_lone_surrogates_and_long_bodies_are_refused():
    with pytest.raises(ValueError):
        canonical.encode({"a": "\ud800"})
    with pytest.raises(ValueError, match="at most 16384"):
        canonical.encode({"a": "x" * canonical.BODY_BYTES_MAX})


def test_deep_nesting_is_refused_without_exhausting_the_stack():
    with pytest.raises(ValueError):
        canonical.parse(b'{"a":' + b"[" * 8_000 + b"]" * 8_000 + b"}")


NOT_CANONICAL = [
    b'{"a":1,"a":1}',
    b'{"b":1,"a":1}',
    b'{"a": 1}',
    b'{"a":1}\n',
    b'{"a":1.0}',
    b'{"a":1e2}',
    b'{"a":-0}',
    b'{"a":01}',
    b'{"a":null}',
    b'{"a":NaN}',
    b'{"a":9007199254740992}',
    b'{"a":"\\u0041"}',
    b'{"a":"\\/"}',
    b'{"a":"\xff"}',
    b'{"a":"\\ud800"}',
    b'{"A":1}',
    b"[1]",
    b"1",
    b"",
    b"\xef\xbb\xbf{}",
    b'{"a":1}{}',
    b'{"a":[1.5]}',
    b'{"a":{"b":null}}',
]


@pytest.mark.parametrize("body", NOT_CANONICAL)
def test_other_than_canonical_bytes_are_refused(body):
    with pytest.raises(ValueError):
        canonical.parse(body)


@pytest.mark.parametrize("body", NOT_CANONICAL)
def test_the_fast_reader_takes_nothing_that_the_strict_one_refuses(body):
    for sample in ({"a": 1}, {"a": "x"}, {"a": True}, {"a": {"b": 1}}, {"a": 1, "b": 1}):
        assert canonical.ShapeReader(sample).read(body) is None


@given(OBJECTS, OBJECTS)
@settings(max_examples=100)
def test_the_fast_reader_agrees_with_the_strict_one(sample, other):
    if not canonical.ShapeReader.fits(sample):
        return
    reader = canonical.ShapeReader(sample)
    read = reader.read(canonical.encode(sample))
    assert all(getattr(read, key) == value for key, value in sample.items() if not isinstance(value, dict))
    different = reader.read(canonical.encode(other))
    if different is not None:
        assert sorted(sample) == sorted(other)


def test_integers_are_bounded_in_the_fast_reader_too():
    reader = canonical.ShapeReader({"a": 1})
    assert reader.read(b'{"a":9007199254740991}').a == canonical.INTEGER_MAX
    assert reader.read(b'{"a":-9007199254740992}') is None


@pytest.mark.parametrize("body", NOT_CANONICAL)
def test_many_at_once_are_read_as_strictly_as_one(body):
    for sample in ({"a": 1}, {"a": "x"}, {"a": True}, {"a": {"b": 1}}, {"a": 1, "b": 1}):
        with pytest.raises(ValueError):
            canonical.ShapeReader(sample).read_all((canonical.encode(sample), body, canonical.encode(sample)))


@pytest.mark.parametrize(
    "bodies",
    [
        (b'{"a":"1"}\n{"a":"2"}', b'{"a":"3"}'),
        (b'{"a":"1"}\n{"a":"2"}', b""),
        (b'{"a":"1', b'2"}'),
        (b'{"a":"1"}\n', b'{"a":"2"}'),
        (b'{"a":"1"}', b'\n{"a":"2"}'),
    ],
)
def test_bodies_read_at_once_keep_their_bounds(bodies):
    reader = canonical.ShapeReader({"a": "x"})
    assert [fields.a for fields in reader.read_all((b'{"a":"1"}', b'{"a":"2"}'))] == ["1", "2"]
    with pytest.raises(ValueError):
        reader.read_all(bodies)
