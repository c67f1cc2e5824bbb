import json
import tomllib

import jsonschema
import pytest

from protocols.treatment.library import library, library_bytes
from protocols.treatment.schema import treatment_schema


@pytest.fixture(scope="module")
def validator():
    schema = treatment_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", library())
def test_every_library_file_is_valid(validator, name):
    assert list(validator.iter_errors(tomllib.loads(library_bytes(name).decode()))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('depth = "1.5 mm"', "depth = 1.5"),
        ('depth = "1.5 mm"', 'depth = "1,5 mm"'),
        ('depth = "1.5 mm"', 'depth = "1.5 mL"'),
        ('depth = "1.5 mm"', 'depth = "1.5"'),
        ('depth = "1.5 mm"', 'dpeth = "1.5 mm"'),
        ('rate = "9 /s"', 'rate = "9 Hz"'),
        ('mode = "continuous"', 'mode = "nappage"'),
        ("points = 10", "points = 0"),
        ("points = 10", "points = 10.5"),
        ('"cheek_left"', '"eye_zone"'),
        ('"bd_5ml"', '"plain_2_5ml"'),
        ('"general"', '"generic"'),
        ('"example, unapproved"', '"approved"'),
        ('version = "1.0"', "version = 1.0"),
        ("[limits]", "[limit]"),
    ],
)
def test_what_the_loader_refuses_in_shape_an_editor_underlines(validator, edit, old, new):
    assert list(validator.iter_errors(tomllib.loads(edit((old, new)))))


def test_the_schema_is_plain_json_and_the_same_each_time():
    assert json.dumps(treatment_schema()) == json.dumps(treatment_schema())
    assert json.loads(json.dumps(treatment_schema())) == treatment_schema()
