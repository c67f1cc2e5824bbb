"""The checklist: what is asked, what may be answered, and what is recorded."""

import pytest

from meso_device.session.checklist import (
    AREA_IDS,
    ITEMS,
    Answer,
    Effect,
    checklist_entries,
    effect_of,
    missing,
    read_answers,
)
from protocols.errors import UsageError

ALL_CLEAR = {item: next(iter(entry.answers)) for item, entry in ITEMS.items()}


def entries(*answers):
    return checklist_entries(answers, session="5e", alias="a1", op="op-1", role="clinician", utc_us=7)


@pytest.mark.hazard("HZ-57")
@pytest.mark.invariant("I-64")
@pytest.mark.parametrize("item", ITEMS)
def test_an_item_is_missing_until_it_has_an_answer_that_the_table_knows(item):
    assert missing(ALL_CLEAR) == ()
    without = {name: answer for name, answer in ALL_CLEAR.items() if name != item}
    assert missing(without) == (item,)
    for nonsense in ("", "Yes", "maybe", AREA_IDS, "none,none"):
        assert missing(ALL_CLEAR | {item: nonsense}) == (item,)


def test_nothing_answered_is_everything_missing_in_the_order_of_the_table():
    assert missing({}) == tuple(ITEMS)


@pytest.mark.hazard("HZ-57")
@pytest.mark.parametrize("item", ITEMS)
def test_every_question_has_an_answer_that_passes_and_one_that_does_not(item):
    effects = list(ITEMS[item].answers.values())
    assert effects[0] is Effect.PASSES
    assert len(effects) == 2
    assert effects[1] is not Effect.PASSES
    assert ITEMS[item].question.endswith("?")
    assert ITEMS[item].hazard
    assert ITEMS[item].source


@pytest.mark.parametrize(
    ("item", "answer", "effect"),
    [
        ("identity", "no", Effect.BLOCKS),
        ("consent", "yes", Effect.PASSES),
        ("anticoagulants", "yes", Effect.NOTE),
        ("pregnancy", "yes", Effect.SOFT),
        ("allergy", "listed", Effect.INGREDIENTS),
        ("infection_in_area", "forehead,knee_left", Effect.AREAS),
        ("infection_in_area", "forehead, knee_left", None),
        ("infection_in_area", "forehead,", None),
        ("pregnancy", "none", None),
        ("consent", "forehead", None),
    ],
)
def test_an_answer_does_what_the_table_says(item, answer, effect):
    assert effect_of(item, answer) is effect


def test_answers_of_a_file_are_read_in_the_order_of_the_table():
    given = {
        "allergy": [" Lidocaine "],
        "infection_in_area": ["knee_left", "forehead", "knee_left"],
        "identity": "yes",
        "anticoagulants": "yes",
    }
    assert read_answers(given, {"anticoagulants": "ab" * 32}) == (
        Answer(item="identity", answer="yes"),
        Answer(item="infection_in_area", answer="forehead,knee_left"),
        Answer(item="anticoagulants", answer="yes", note_hash="ab" * 32),
        Answer(item="allergy", answer="listed", ingredients=("Lidocaine",)),
    )


@pytest.mark.hazard("HZ-57")
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mood": "yes"}, "items are identity"),
        ({"consent": "sure"}, "allowed are yes, no"),
        ({"consent": True}, "allowed are yes, no"),
        ({"consent": ["yes"]}, "allowed are yes, no"),
        ({"consent": None}, "allowed are yes, no"),
        ({"consent": ["forehead"]}, "allowed are yes, no"),
        ({"allergy": "listed"}, "a list of ingredients"),
        ({"allergy": []}, "a list of ingredients"),
        ({"allergy": [3]}, "a list of ingredients"),
        ({"allergy": [" "]}, "1 to 80 letters"),
        ({"allergy": ["x" * 81]}, "1 to 80 letters"),
        ({"allergy": ["x"] * 51}, "at most 50"),
        ({"infection_in_area": ["forehead,knee_left"]}, AREA_IDS),
        ({"infection_in_area": ["elsewhere"]}, AREA_IDS),
        ({"infection_in_area": "elsewhere"}, AREA_IDS),
        ({"infection_in_area": []}, AREA_IDS),
    ],
)
def test_what_the_table_does_not_know_is_refused_and_never_taken_for_an_answer(given, words):
    with pytest.raises(UsageError, match=words):
        read_answers(given, {})


def test_as_many_and_as_long_ingredients_as_are_allowed_are_read():
    (answer,) = read_answers({"allergy": ["x" * 80] * 50}, {})
    assert answer.ingredients == ("x" * 80,) * 50


@pytest.mark.parametrize("notes", [{"mood": "ab"}, {"consent": "ab"}])
def test_a_note_needs_an_item_with_an_answer(notes):
    with pytest.raises(UsageError):
        read_answers({"identity": "yes"}, notes)


@pytest.mark.invariant("I-64")
def test_each_answer_is_one_entry_of_the_patients_session():
    answers = read_answers({**ALL_CLEAR, "allergy": ["Lidocaine"]}, {})
    made = entries(*answers)
    assert [entry.payload["item"] for entry in made] == list(ITEMS)
    assert len({entry.key for entry in made}) == len(ITEMS)
    by_item = {entry.payload["item"]: entry for entry in made}
    assert by_item["allergy"].payload == {
        "item": "allergy", "answer": "listed", "note_hash": "", "ingredients": ["Lidocaine"],
    }  # fmt: skip
    assert by_item["consent"].payload == {"item": "consent", "answer": "yes", "note_hash": ""}
    assert by_item["consent"].key == "checklist/5e/consent/7"
    assert {(entry.kind, entry.session, entry.alias, entry.op, entry.role) for entry in made} == {
        ("checklist", "5e", "a1", "op-1", "clinician")
    }
    assert missing({str(item): str(entry.payload["answer"]) for item, entry in by_item.items()}) == ()


@pytest.mark.parametrize("answer", [Answer(item="consent", answer="sure"), Answer(item="mood", answer="yes")])
def test_no_entry_is_made_of_an_answer_that_the_table_does_not_know(answer):
    with pytest.raises(UsageError, match="refused"):
        entries(answer)
