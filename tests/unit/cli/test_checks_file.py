"""The checks file: what is told is read as told, what is wrong is named, and nothing is guessed."""

import random
import re
import stat
from contextlib import suppress

import pytest

from meso_device.cli import asking, checks_file
from meso_device.cli.checks_file import NOTHING, SAMPLE, asked_checks, checks_of, write_checks
from meso_device.session.checklist import ITEMS, Effect, effect_of
from protocols.errors import UsageError
from protocols.treatment.needles import heads, needles


def read(text):
    return checks_of(text.encode())


@pytest.mark.hazard("HZ-57")
def test_the_sample_is_a_file_in_which_nothing_is_missing_and_nothing_forbids_treatment():
    sample = read(SAMPLE)
    assert sample.missing == ()
    assert {effect_of(one.item, one.answer) for one in sample.answers} == {Effect.PASSES}
    assert sample.aftercare is True


@pytest.mark.hazard("HZ-57")
@pytest.mark.invariant("I-64")
def test_what_the_file_does_not_say_is_missing_and_never_filled_in():
    assert NOTHING.missing == (*ITEMS, "needle", "head")
    assert read("") == NOTHING
    for item in ITEMS:
        lines = [line for line in SAMPLE.splitlines() if not line.startswith(f"{item} = ")]
        assert read("\n".join(lines)).missing == (item,)
    for part in ("needle", "head"):
        assert read(SAMPLE.replace(f"[{part}]", f"[{part}_]", 1).split(f"[{part}_]")[0]).missing[-1] == "head"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('identity = "yes"', 'identity = "perhaps"', ("identity", "perhaps", "yes, no")),
        ('identity = "yes"', "identity = true", ("identity", "True")),
        ('pregnancy = "no"', 'pregnant = "no"', ("pregnant", "pregnancy")),
        ('allergy = "none"', "allergy = []", ("allergy",)),
        ('allergy = "none"', 'allergy = "listed"', ("allergy", "a list of ingredients")),
        ('infection_in_area = "none"', 'infection_in_area = ["nowhere"]', ("infection_in_area", "nowhere")),
        ('aftercare = "yes"', 'aftercare = "later"', ("aftercare", "'yes' or 'no'")),
        ('aftercare = "yes"', "aftercare = yes", ("file:1:",)),
        ('type = "30g_4mm"', 'type = "30g_5mm"', ("needle type", "30g_5mm", "30g_4mm")),
        ('serial = "N-0001"', 'serial = ""', ("needle serial",)),
        ('serial = "N-0001"', 'serial = "\u0410-1"', ("needle serial",)),
        ('serial = "N-0001"', "serial = 1", ("serial", "quotation marks")),
        ("[head]", "[heads]", ("heads", "head")),
        ("[answers]", '[notes]\nallergy = "x"\n\n[answer]', ("answer",)),
        ("[answers]", "answers = 3\n[notes]", ("answers", "[answers]")),
        ("[needle]", '[consent]\nform = "C-1"\n\n[needle]', ("consent version",)),
        ("[needle]", '[consent]\nform = "C-1"\nversion = "2"\nby = "x"\n[needle]', ("by", "form, version")),
    ],
)
def test_a_wrong_word_is_refused_with_what_is_allowed(old, new, words):
    assert old in SAMPLE
    with pytest.raises(UsageError) as refused:
        read(SAMPLE.replace(old, new, 1))
    assert re.match(r"the checks file:[1-9][0-9]*:[1-9][0-9]*: ", str(refused.value))
    for word in words:
        assert word in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_wrong_is_told_with_its_line_and_column_in_the_file_that_was_named():
    lines = SAMPLE.splitlines()
    at = lines.index('pregnancy = "no"') + 1
    for new, column in (('pregnancy = "maybe"', 13), ('pregnancy = "no"\npregnancy = "no"', 1), ("pregnansy = 3", 13)):
        with pytest.raises(UsageError, match=rf"^a/checks.toml:{at + new.count(chr(10))}:{column}: [^\n]*$"):
            checks_of(SAMPLE.replace('pregnancy = "no"', new).encode(), "a/checks.toml")
    with pytest.raises(UsageError, match="nested too deep"):
        read("x = " + "[" * 20_000)


@pytest.mark.hazard("HZ-57")
def test_a_form_that_was_signed_without_consent_is_a_contradiction():
    signed = SAMPLE.replace("[needle]", '[consent]\nform = "C-12"\nversion = "3"\n\n[needle]')
    assert read(signed).consent == ("C-12", "3")
    with pytest.raises(UsageError, match="consent is not answered 'yes'"):
        read(signed.replace('consent = "yes"', 'consent = "no"'))


def test_a_note_belongs_to_an_answer():
    noted = SAMPLE.replace("[needle]", '[notes]\nanticoagulants = "agreed"\n\n[needle]')
    assert read(noted).notes == {"anticoagulants": "agreed"}
    with pytest.raises(UsageError, match="a note without an answer"):
        read(noted.replace('anticoagulants = "none"', "", 1))


def test_no_bytes_do_worse_than_a_refusal():
    chance = random.Random(11)
    whole = SAMPLE.encode()
    for _ in range(3_000):
        content = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(content))
            content[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        with suppress(UsageError):
            checks_of(bytes(content))


def test_what_is_asked_on_the_terminal_reads_back_as_it_was_said(monkeypatch):
    for seed in range(30):
        chance = random.Random(seed)
        said = {
            "infection": chance.choice(["none", "forehead", "forehead, cheek_left"]),
            "anticoagulants": chance.choice(["none", "yes"]),
            "allergy": chance.choice(["none", "water", 'wa"ter, vitamin C']),
            "agreed": 'as told, "twice" \\ \u00e9',
            "kind": chance.choice(list(needles())),
            "head": chance.choice(list(heads())),
        }

        def answer(question, otherwise, said=said):
            assert otherwise
            for word, text in (
                ("infection", said["infection"]), ("anticoagulants", said["anticoagulants"]),
                ("allergy", said["allergy"]), ("agreed", said["agreed"]), ("Serial of the new needle", "N 1"),
                ("Serial of the new head", "H/1"), ("Type of the needle", said["kind"]),
                ("Type of the head", said["head"]), ("[no / yes]", "no"),
            ):  # fmt: skip
                if word in question:
                    return text
            return "yes"

        monkeypatch.setattr(checks_file, "ask", answer)
        monkeypatch.setattr(asking, "ask", answer)
        told = read(asked_checks())
        assert told.missing == ()
        answers = {one.item: one for one in told.answers}
        assert answers["infection_in_area"].answer == ",".join(sorted(said["infection"].split(", ")))
        assert answers["anticoagulants"].answer == said["anticoagulants"]
        assert told.notes == ({"anticoagulants": said["agreed"]} if said["anticoagulants"] == "yes" else {})
        assert answers["allergy"].ingredients == (
            () if said["allergy"] == "none" else tuple(said["allergy"].split(", "))
        )
        parts = {part.part: part for part in told.fitted}
        assert (parts["needle"].serial, parts["needle"].type_id) == ("N 1", needles()[said["kind"]].type_id)
        assert (parts["head"].serial, parts["head"].type_id) == ("H/1", heads()[said["head"]].type_id)


def test_what_is_no_answer_is_asked_again_at_once(monkeypatch):
    wrong = {"infection": "perhaps", "allergy": "yes, latex", "implant": "perhaps", "Type of the needle": "29g"}
    wrong |= {"Serial of the new head": "", "aftercare": "later"}
    asked = []

    def answer(question, _):
        asked.append(question)
        for word, text in wrong.items():
            if word in question and asked.count(question) == 1:
                return text
        for word, text in (("infection", "none"), ("anticoag", "none"), ("allergy", "none"), ("Serial", "N-1")):
            if word in question:
                return text
        for kinds in (needles(), heads()):
            if " / ".join(kinds) in question:
                return next(iter(kinds))
        return "no" if "[no / yes]" in question else "yes"

    monkeypatch.setattr(asking, "ask", answer)
    monkeypatch.setattr(asking, "tell", lambda *_: None)
    assert read(asked_checks()).missing == ()
    again = {question for question in asked if asked.count(question) == 2}
    assert [word for word in wrong if not any(word in question for question in again)] == []


def test_a_checks_file_is_for_its_owner_and_never_written_over(tmp_path):
    path = tmp_path / "checks.toml"
    write_checks(path, SAMPLE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(UsageError, match="cannot be written"):
        write_checks(path, "other")
    assert path.read_text() == SAMPLE
