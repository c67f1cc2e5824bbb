"""The patient's screen at the keys: who, what, the checklist, and names only when asked for."""

import copy

import pytest

from meso_device.screen_messages import ToHost


@pytest.mark.hazard("HZ-16")
@pytest.mark.hazard("HZ-41")
@pytest.mark.invariant("I-63")
def test_a_patient_is_found_under_an_alias_and_the_name_goes_after_ten_seconds(play, signed_in, prepared):
    async def script(stage):
        await stage.press("p", "f", *"K-17", "enter")
        asked = await stage.asked(ToHost.PATIENT_FIND)
        assert asked.body == {"query": "K-17"}
        stage.host.answer(asked, patients=[{"alias": "a1" * 16, "enrolled_us": 1}], more=0)
        await stage.shows("P-a1a1a1", "name hidden")
        await stage.press("i")
        shown = await stage.asked(ToHost.PATIENT_SHOW)
        person = {"alias": "a1" * 16, "name": "Anna Muster", "born": "1980-02-03", "chart": "K-17"}
        stage.host.answer(shown, patients=[person])
        await stage.shows("Anna Muster")
        assert "Anna" not in "\n".join(stage.rows()[:2])
        stage.clock.ms += 10_000
        await stage.until(lambda: "Anna" not in stage.text())
        await stage.press("enter", "down", "enter")
        prepare = await stage.asked(ToHost.PREPARE)
        assert prepare.body == {"alias": "a1" * 16, "treatment": "hydration"}
        stage.host.answer(prepare, session="5e" * 16)
        stage.host.show({**prepared, "mono_us": signed_in["mono_us"] + 1})
        await stage.shows("> [x] identity")
        stage.host.show({**signed_in, "mono_us": signed_in["mono_us"] + 2})
        await stage.shows("Who is treated?")
        assert "P-a1a1a1" not in stage.text()

    play(script, signed_in)


@pytest.mark.hazard("HZ-57")
@pytest.mark.hazard("HZ-34")
@pytest.mark.hazard("HZ-17")
def test_each_question_is_answered_by_a_key_or_in_words(play, prepared):
    async def script(stage):
        await stage.press("p", "y")
        first = await stage.asked(ToHost.CHECK)
        assert first.body == {"item": "identity", "answer": "yes", "note": ""}
        stage.host.answer(first)
        await stage.shows("> [!] allergies")
        await stage.press("y")  # a list is written, never ticked
        await stage.shows("Is there a known allergy?")
        await stage.press(*"latex", "enter")
        listed = await stage.asked(ToHost.CHECK)
        assert listed.body == {"item": "allergy", "answer": "latex", "note": ""}
        stage.host.answer(listed, "refused", "checklist item allergy: no")
        await stage.shows("checklist item allergy: no")
        await stage.press("escape", *["down"] * 3, "enter", *"N-9", "enter")
        fitted = await stage.asked(ToHost.FIT)
        assert fitted.body == {"part": "needle", "serial": "N-9", "type": "30g_4mm"}
        stage.host.answer(fitted)
        await stage.until(lambda: "or lot and number" not in stage.text())
        await stage.press("down", "down", "enter", *"5 mL", "tab", *"0.8 mL", "enter")
        load = await stage.asked(ToHost.LOAD)
        assert load.body == {
            "product": "HYA-2", "lot": "7781", "syringe": "bd_5ml", "volume": "5 mL", "left": "0.8 mL", "reason": "",
        }  # fmt: skip
        stage.host.answer(load)
        await stage.until(lambda: "left in the old" not in stage.text())
        await stage.press("b")
        await stage.asked(ToHost.BEGIN)

    play(script, prepared)


@pytest.mark.hazard("HZ-35")
@pytest.mark.hazard("HZ-52")
def test_an_area_of_high_risk_asks_for_a_second_person_as_well(play, ready):
    body = copy.deepcopy(ready)
    body["overridable"], body["can"]["override"] = ["sensitive_area.eyelid_left"], ""

    async def script(stage):
        await stage.press("o")
        await stage.shows("high risk", "eyelid_left", "second person", "their PIN")
        await stage.press(*"asked", "enter", *"482915", "enter", *"dora", "enter", *"284617", "enter")
        asked = await stage.asked(ToHost.OVERRIDE)
        assert asked.body == {
            "code": "sensitive_area.eyelid_left", "reason": "asked", "pin": "482915",
            "login2": "dora", "pin2": "284617",
        }  # fmt: skip
        assert "284617" not in stage.text()

    play(script, body)


@pytest.mark.hazard("HZ-35")
def test_a_soft_rule_is_gone_over_with_a_reason_and_a_pin_that_nobody_reads(play, ready):
    body = copy.deepcopy(ready)
    body["overridable"], body["can"]["override"] = ["pregnancy"], ""

    async def script(stage):
        await stage.press("o")
        await stage.shows("Go over this rule", "pregnancy")
        await stage.press(*"discussed", "enter", *"482915", "enter")
        asked = await stage.asked(ToHost.OVERRIDE)
        assert asked.body == {"code": "pregnancy", "reason": "discussed", "pin": "482915", "login2": "", "pin2": ""}
        assert "482915" not in stage.text()
        stage.host.answer(asked)
        await stage.shows("recorded and signed")

    play(script, body)
