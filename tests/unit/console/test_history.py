"""The history: its pages, its filters, a record with its proof; and nothing while the gun is armed."""

import copy
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meso_device.console.history import History, day_us
from meso_device.console.lines import Pane, Tone, cells, plain
from meso_device.console.presenters.history import filter_rows, page_rows, record_rows, scrolled
from meso_device.console.state import Known
from meso_device.screen_messages import Message, ToHost, ToScreen, encode

AT_US = 1_795_356_000_000_000
NO_FILTERS = {"alias": None, "lot": None, "since_us": None, "until_us": None, "every_kind": False}
OF_GUN = "record 9 (shot) is the account of gun and host, which nobody amends; write a note"
LEAF = "0123456789abcdef" * 4


def shot(seq, **more):
    return {
        "seq": seq, "shot_seq": seq // 2, "at_us": AT_US + seq * 10**6, "area": "forehead", "area_code": 102,
        "depth_um": 1_480, "planned_depth_um": 1_500, "dose_lo_nl": 19_700, "dose_hi_nl": 19_700, "phase": "DONE",
        "reason": "NONE", "lot": "V-77", "session8": "5e5e5e5e", "alias8": "a1a1a1a1", "simulated": True,
    } | more  # fmt: skip


PROOF = {"size": 18_362, "root": "fedcba9876543210" * 4, "path": ["ab" * 32, "cd" * 32], "problem": ""}


class Log:
    """Shots of a log, answered for as the host answers."""

    def __init__(self, seqs):
        self.seqs = sorted(seqs, reverse=True)

    def page(self, question):
        below = question["cursor"] if question["cursor"] is not None else 10**9
        found = [seq for seq in self.seqs if seq < below]
        kept = found[: question["limit"]]
        return {"rows": [shot(seq) for seq in kept], "next": kept[-1] if len(found) > len(kept) else None, "head": 0}


def record(seq, **fields):
    body = {"seq": seq, "kind": "shot", "leaf": LEAF, "proof": PROOF, "amendments": [], "over": True}
    body |= {"amend": {"why": OF_GUN, "fields": [], "by_two": True}, "reaction": {"why": "", "session": "5e" * 16}}
    body["fields"] = json.dumps({"area": "forehead", "sn": seq, "simulated": True, "clock": {"boot": 7}} | fields)
    return body


def pane(width=78, height=18):
    return Pane(width=width, height=height)


def known(ready):
    kept = Known()
    kept.take(ready, 0)
    return kept


# --- the way through the pages ------------------------------------------------------------------


@given(st.sets(st.integers(0, 5_000), min_size=1, max_size=900), st.integers(1, 60))
def test_paging_down_and_up_again_passes_every_shot_once_each_way(seqs, step):
    log, history = Log(seqs), History()
    history.newest()
    history.take(log.page(history.question()))
    for steps, order in ((step, log.seqs), (-step, log.seqs[::-1])):
        pages = [[row["seq"] for row in history.rows]]
        for _ in range(2_000):
            before = history.chosen["seq"]
            history.move(steps)
            if history.wanted:
                history.take(log.page(history.question()))
                pages.append([row["seq"] for row in history.rows])
            elif history.chosen["seq"] == before:
                break
        passed = [seq for page in pages for seq in (page if steps > 0 else page[::-1])]
        assert passed == order
        assert history.chosen["seq"] == order[-1]


def test_a_page_is_asked_for_with_its_filters_and_begins_anew_when_they_change():
    history, log = History(), Log(range(1_000))
    history.take(log.page(history.question()))
    history.move(1_000)
    history.move(1)
    assert history.question()["cursor"] == 800
    history.take(log.page(history.question()))
    assert not history.is_newest
    history.keep(area="forehead", deviations=True)
    history.keep(session="5e5e")
    assert history.question() == {
        "cursor": None, "limit": 200, "session": "5e5e", "area": "forehead", "deviations": True, **NO_FILTERS,
    }  # fmt: skip


def test_a_jump_shows_that_record_first_or_the_one_before_it():
    history, log = History(), Log(range(0, 1_000, 2))
    history.take(log.page(history.question()))
    for seq, first in ((500, 500), (501, 500)):
        history.jump(seq)
        history.take(log.page(history.question()))
        assert history.chosen["seq"] == first
    history.move(-1)
    history.take(log.page(history.question()))
    assert history.is_newest


def test_reading_a_page_again_keeps_the_row_chosen():
    history, log = History(), Log(range(100))
    history.take(log.page(history.question()))
    history.move(7)
    history.again()
    history.take(Log(range(103)).page(history.question()))
    assert history.chosen["seq"] == 92


def test_a_refusal_leaves_the_page_at_hand():
    history, log = History(), Log(range(1_000))
    history.take(log.page(history.question()))
    history.move(1_000)
    history.move(1)
    history.refused("disarm first")
    assert (history.wanted, history.chosen["seq"], history.problem) == (False, 800, "disarm first")


# --- rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [66, 78])
def test_a_row_fits_and_a_deviation_stands_out(ready, width):
    history = History()
    odd = shot(1_000_001, phase="INTERRUPTED", dose_lo_nl=9_995, dose_hi_nl=19_706)
    history.take({"rows": [odd, shot(9)], "next": None, "head": 1})
    _, first, second = page_rows(known(ready), history, pane(width))
    for text in ("#1000001", "F2", "1.48", "0.009995-0.019706", "INTERRUPTED", "SIM"):
        assert text in plain(first)
    assert max(cells(first), cells(second)) <= width
    assert Tone.WARN in {span.tone for span in first}
    assert Tone.WARN not in {span.tone for span in second}


@given(st.integers(0, 200), st.integers(2, 40), st.lists(st.integers(-50, 50), max_size=5))
def test_the_row_chosen_is_always_seen(count, height, moves):
    history, log = History(), Log(range(count))
    history.take(log.page(history.question()))
    for steps in moves:
        history.move(steps)
    kept = Known()
    kept.snapshot = {"can": {"page": ""}}
    rows = page_rows(kept, history, pane(height=height))
    assert len(rows) <= height
    assert sum(plain(row).startswith(">") for row in rows) == (1 if count else 0)


def test_nothing_found_is_not_the_end_of_the_log(ready):
    history = History()
    for older, text in ((500, "PgDn looks further back"), (None, "No shot like that.")):
        history.take({"rows": [], "next": older, "head": 1})
        assert text in plain(page_rows(known(ready), history, pane())[1])
    history.take({"rows": [], "next": 500, "head": 1})
    history.move(10)
    assert history.question()["cursor"] == 500


def test_the_filters_say_what_they_leave_out():
    history = History()
    first, second = filter_rows(Known(), history, pane(), None)
    assert "[A] area all  [P] patient all  [S] session all  [L] lot all" in plain(first)
    assert "[F] from -  [T] to -  [D] show all  [K] kind shots" in plain(second)
    history.keep(area="forehead", session="5e5e5e5e5e", alias="a1", lot="V-77", since="2026-11-20", deviations=True)
    first, second = filter_rows(Known(), history, pane(), None)
    assert "[A] area F2  [P] patient P-a1  [S] session S-5e5e5e  [L] lot V-77" in plain(first)
    assert "[F] from 2026-11-20  [T] to -  [D] show deviations" in plain(second)
    with pytest.raises(ValueError, match="no filter"):
        history.keep(rows="all")


def test_days_are_asked_for_as_the_clock_on_the_wall_has_them():
    history = History(offset_s=3_600)
    history.keep(since="2026-11-22", until="2026-11-22")
    asked = history.question()
    assert asked["until_us"] - asked["since_us"] == 24 * 3_600 * 10**6
    assert asked["since_us"] == 1_795_302_000 * 10**6  # 23:00 UTC of the day before
    for wrong in ("2026-13-01", "22.11.2026", "x"):
        with pytest.raises(ValueError):
            day_us(wrong, 0)


def test_a_record_shows_its_proof_and_every_field():
    rows = [plain(row) for row in record_rows(record(18_241, note="x" * 90), "", pane(35, 30))]
    assert rows[0] == "#18241 shot"
    assert "".join(rows[3:5]).replace(" ", "") == LEAF
    assert "CHECKED: 2 steps lead from here to the signed root of 18362 records" in " ".join(rows)
    assert "".join(rows[-7:]).replace(" ", "") == "".join([*PROOF["path"], "root", PROOF["root"]])
    assert {"area forehead", "sn 18241", "clock.boot 7", "SIMULATED"} <= set(rows)
    assert max(map(len, rows)) <= 35
    assert "".join(rows).count("x") == 90
    unproven = record_rows(record(18_241) | {"proof": None}, "", pane(35, 30))
    assert "not under a checkpoint yet" in [plain(row) for row in unproven]
    broken = record_rows(record(18_241) | {"proof": PROOF | {"problem": "no root"}}, "", pane())
    assert "NOT PROVEN: no root; verify the whole log" in [plain(row) for row in broken]
    assert "CHECKED" not in "".join(map(plain, broken))


@pytest.mark.parametrize("width", [40, 78, 120])
def test_what_is_amended_stands_below_what_was_recorded(width):
    amended = {"seq": 77, "field": "answer", "new": "discussed", "reason": "typing_error", "at_us": 0}
    body = {**record(9, answer="no"), "kind": "checklist", "amendments": [amended]}
    rows = record_rows(body, "", pane(width))
    words = [plain(row) for row in rows]
    told = " ".join("\n".join(words).split())
    assert told.startswith("#9 checklist AMENDED")
    assert "answer no amended to discussed by #77, typing_error" in told
    assert all(len(row) <= width for row in words)


def test_a_record_that_was_cut_is_shown_as_it_came():
    body = record(18_241)
    body["fields"] = body["fields"][:20]
    assert '{"area": "forehead",' in " ".join(plain(row) for row in record_rows(body, "", pane()))


@given(st.integers(0, 60), st.integers(1, 30), st.integers(-100, 100))
def test_scrolling_stays_on_the_record(count, height, top):
    rows = record_rows(record(1, **{f"f{no}": no for no in range(count)}), "", pane())
    shown, top = scrolled(rows, pane(height=height), top)
    assert len(shown) == height
    assert 0 <= top <= max(0, len(rows) - height)
    assert shown[0] == rows[top]


# --- on the screen ------------------------------------------------------------------------------


def give(stage, message, page):
    stage.host.peer.send(encode(Message(ToScreen.PAGE, message.id, page)))


async def opened(stage, log):
    await stage.press("f7")
    asked = await stage.asked(ToHost.PAGE)
    assert asked.body == {
        "cursor": None,
        "limit": 200,
        "session": None,
        "area": None,
        "deviations": False,
        **NO_FILTERS,
    }
    give(stage, asked, log.page(asked.body))
    await stage.shows(f">#{log.seqs[0]}")


def test_pages_come_one_at_a_time_and_only_when_asked_for(play, ready):
    log = Log(range(18_000, 18_500))

    async def script(stage):
        await opened(stage, log)
        assert ToHost.RECORD not in stage.host.kinds()
        await stage.press("end", "pagedown", "pagedown", "pagedown")
        asked = await stage.asked(ToHost.PAGE)
        assert asked.body["cursor"] == 18_300
        assert ToHost.PAGE not in stage.host.kinds()
        give(stage, asked, log.page(asked.body))
        await stage.shows(">#18299", "older page")
        await stage.press("up")
        asked = await stage.asked(ToHost.PAGE)
        give(stage, asked, log.page(asked.body))
        await stage.shows(">#18300", "newest page")

    play(script, ready)


def test_filters_and_jumps_are_part_of_the_question(play, ready):
    log = Log(range(18_000, 18_500))

    async def script(stage):
        await opened(stage, log)
        for press, wanted in (
            (("d",), {"deviations": True}),
            (("s",), {"session": ready["session"]["id"]}),
            (("a", "f", "8", "l", "enter"), {"area": "cheek_left"}),
            (("j", "1", "8", "1", "x", "0", "0", "enter"), {"cursor": 18_101}),
            (("a", "enter"), {"area": None}),
            (("p", *"x0ac1", "enter"), {"alias": "0ac1"}),
            (("l", *"V-7", "enter"), {"lot": "V-7"}),
            (("f", *"2026-11-22", "enter"), {"since_us": day_us("2026-11-22", -time.timezone)}),
            (("t", *"2026-11-22", "enter"), {"until_us": day_us("2026-11-23", -time.timezone)}),
        ):
            await stage.press(*press)
            asked = await stage.asked(ToHost.PAGE)
            assert wanted.items() <= asked.body.items()
            give(stage, asked, log.page(asked.body))
            await stage.until(lambda: " page" in stage.rows()[-3])
        await stage.press("a", "z", "z", "enter")
        await stage.shows("no zone ZZ")
        await stage.press("f", *"2026-22-11", "enter")
        await stage.shows("2026-22-11 is no day")

    play(script, ready)


def test_enter_shows_the_record_with_its_proof(play, ready):
    log = Log(range(18_000, 18_500))

    async def script(stage):
        await opened(stage, log)
        await stage.press("down", "enter")
        asked = await stage.asked(ToHost.RECORD)
        assert asked.body == {"seq": 18_498}
        stage.host.answer(asked, **record(18_498, **{f"field_{no}": no for no in range(40)}))
        await stage.shows("#18498 shot", "01234567 89abcdef", "signed root of 18362 records")
        await stage.press("c")
        await stage.shows("record #18498 given to the terminal's clipboard")
        assert f"leaf {LEAF}" in stage.app.clipboard
        assert f"path {PROOF['path'][1]}" in stage.app.clipboard
        assert '"field_3"' in stage.app.clipboard
        await stage.press("end")
        await stage.shows("field_39 39", "path to the root")
        await stage.press("escape")
        await stage.shows(">#18498")

    play(script, ready)


def test_a_wide_terminal_shows_the_record_beside_the_page(play, ready):
    log = Log(range(18_000, 18_500))

    async def script(stage):
        await opened(stage, log)
        asked = await stage.asked(ToHost.RECORD)
        await stage.press("down", "down")
        assert ToHost.RECORD not in stage.host.kinds()  # one thing at a time
        stage.host.answer(asked, **record(18_499))
        asked = await stage.asked(ToHost.RECORD)
        assert asked.body == {"seq": 18_497}
        stage.host.answer(asked, **record(18_497))
        await stage.shows("#18497 shot", "01234567 89abcdef", ">#18497")
        await stage.press("down")
        stage.host.answer(await stage.asked(ToHost.RECORD), "refused", "disarm first")
        await stage.shows("disarm first")

    play(script, ready, (120, 40))


def test_armed_there_is_no_history_and_it_comes_by_itself_afterwards(play, ready, armed):
    body = copy.deepcopy(armed)
    body["can"]["page"] = "disarm first"

    async def script(stage):
        await stage.press("f7")
        assert (await stage.asked(ToHost.DISARM)).body == {"cause": "screen"}
        await stage.shows("The history is not read now: disarm first")
        assert ToHost.PAGE not in stage.host.kinds()
        await stage.show(ready)
        await stage.asked(ToHost.PAGE)

    play(script, body)


def test_the_hosts_refusal_is_said(play, ready):
    async def script(stage):
        await stage.press("f7")
        stage.host.answer(await stage.asked(ToHost.PAGE), "refused", "the log cannot be read: disk I/O error")
        await stage.shows("The history is not read now: the log cannot be read: disk I/O error")
        await stage.press("home")
        await stage.asked(ToHost.PAGE)

    play(script, ready)


def test_every_kind_of_record_can_be_looked_at(play, ready):
    row = {"seq": 9, "kind": "login", "at_us": AT_US, "op": "0c" * 8, "role": "clinician", "session8": "",
           "alias8": "", "simulated": False}  # fmt: skip

    async def script(stage):
        await opened(stage, Log(range(3)))
        await stage.press("k")
        asked = await stage.asked(ToHost.PAGE)
        assert asked.body["every_kind"]
        give(stage, asked, {"rows": [row], "next": None, "head": 9})
        await stage.shows(">#9", "login", "0c0c0c0c", "every one")

    play(script, ready)


@pytest.mark.parametrize(
    ("verify", "words"),
    [
        ({"state": "running", "done": 300, "of": 1_000, "text": "", "at_us": 0}, "verifying: 30 %"),
        ({"state": "running", "done": 0, "of": 0, "text": "", "at_us": 0}, "verifying: 0 %"),
        ({"state": "held", "done": 1_000, "of": 1_000, "text": "", "at_us": AT_US}, "VERIFIED, 1000 records"),
        ({"state": "broken", "done": 7, "of": 7, "text": "record 7: chain", "at_us": AT_US}, "DOES NOT HOLD: record 7"),
    ],
)
def test_a_verification_is_asked_for_and_its_end_is_shown(play, ready, verify, words):
    async def script(stage):
        await opened(stage, Log(range(3)))
        await stage.press("v")
        stage.host.answer(await stage.asked(ToHost.VERIFY))
        await stage.show(ready | {"verify": verify})
        await stage.shows(words)

    play(script, ready)


# --- what is said afterwards --------------------------------------------------------------------

ANSWER = {"why": "", "fields": [{"field": "answer", "now": "no", "takes": ["no", "yes"]}], "by_two": False}
EVENT = {
    "why": "",
    "fields": [
        {"field": "severity", "now": "mild", "takes": ["mild", "severe"]},
        {"field": "onset_day", "now": "3", "takes": []},
    ],
    "by_two": True,
}


async def opened_record(stage, log, **more):
    """Open the newest record of a log in the room of the page."""
    await opened(stage, log)
    await stage.press("enter")
    stage.host.answer(await stage.asked(ToHost.RECORD), **{**record(log.seqs[0], answer="no"), **more})
    await stage.shows(f"#{log.seqs[0]} ", "[C] copy")


async def answered_pages(stage, log):
    """Answer the pages that are asked for again when a dialog is left."""
    asked = await stage.asked(ToHost.PAGE)
    give(stage, asked, log.page(asked.body))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_an_answer_is_amended_in_its_record_and_both_stand_there_afterwards(play, ready, size):
    log = Log(range(60))
    amended = {"seq": 77, "field": "answer", "new": "yes", "reason": "misheard", "at_us": 0}

    async def script(stage):
        await opened_record(stage, log, kind="checklist", amend=ANSWER)
        await stage.shows("[E] amend", "[R] late reaction")
        await stage.press("e")
        await stage.shows("Amend answer of record #59", "It says no.", "It takes: no, yes.")
        assert "second person" not in stage.text()
        await stage.press(*"yes", "enter", *"misheard", "enter", *"482615", "enter")
        asked = await stage.asked(ToHost.AMEND)
        assert asked.body == {
            "seq": 59, "field": "answer", "new": "yes", "reason": "misheard", "pin": "482615", "login2": "", "pin2": "",
        }  # fmt: skip
        stage.host.answer(asked, "refused", "name or PIN not accepted")
        await stage.shows("name or PIN not accepted")
        await stage.press(*"739154", "enter")  # what is no secret is still there
        stage.host.answer(await stage.asked(ToHost.AMEND))
        await answered_pages(stage, log)
        body = {**record(59, answer="no"), "kind": "checklist", "amend": ANSWER, "amendments": [amended]}
        stage.host.answer(await stage.asked(ToHost.RECORD), **body)
        await stage.shows("AMENDED", "amended to yes by", "Amended and signed; both stand in the record.")

    play(script, ready, size)


def test_of_several_fields_one_is_chosen_and_what_others_recorded_asks_for_a_second_person(play, ready):
    log = Log(range(60))

    async def script(stage):
        await opened_record(stage, log, kind="adverse_event", amend=EVENT)
        await stage.press("e")
        await stage.shows("Amend record #59", "1  severity: mild", "2  onset_day: 3")
        await stage.press("down", "enter")
        await stage.shows("Amend onset_day of record #59", "It says 3.", "a second person signs too", "second person")
        assert "It takes" not in stage.text()
        await stage.press("4", "enter", *"told", "enter", "1", "enter", *"dora", "enter", "2", "enter")
        assert (await stage.asked(ToHost.AMEND)).body == {
            "seq": 59, "field": "onset_day", "new": "4", "reason": "told", "pin": "1", "login2": "dora", "pin2": "2",
        }  # fmt: skip

    play(script, ready)


def test_a_late_reaction_is_told_from_any_record_of_its_session_and_shown_at_once(play, ready):
    log = Log(range(60))

    async def script(stage):
        await opened_record(stage, log)
        await stage.shows("[R] late reaction")
        await stage.press("r")
        await stage.shows("A reaction after session S-5e5e5e", "12  other")
        await stage.press("2", "enter")
        await stage.shows("Scratch marks after session S-5e5e5e", "life_threatening", "patient")
        await stage.press(*"mild", "enter", "3", "tab", "tab", *"f2", "enter")
        asked = await stage.asked(ToHost.REACTION)
        assert asked.body == {
            "seq": 59, "code": "scratch_marks", "severity": "mild", "onset_day": "3", "reporter": "patient",
            "areas": "f2", "shots": "", "text": "",
        }  # fmt: skip
        stage.host.answer(asked, event="e1" * 16, session="5e" * 16)
        await stage.until(lambda: any(m.body.get("session") for m in pages_asked(stage)))
        asked = await stage.asked(ToHost.PAGE)
        assert (asked.body["session"], asked.body["every_kind"]) == ("5e" * 16, True)
        await stage.shows("this is what stands in the log of that session")

    def pages_asked(stage):
        stage.host.listen()
        for message in [one for one in stage.host.heard if one.kind == ToHost.PAGE and not one.body["session"]]:
            stage.host.heard.remove(message)
            give(stage, message, log.page(message.body))
        return [one for one in stage.host.heard if one.kind == ToHost.PAGE]

    play(script, ready)


def test_a_key_stands_there_only_where_the_host_would_take_it_and_else_it_says_why(play, ready):
    log = Log(range(60))
    nobody = copy.deepcopy(ready)
    nobody["can"]["afterwards"] = "sign in first: F9, then S"

    async def script(stage):
        await opened(stage, log)
        await stage.press("e")
        await stage.shows("open the record with Enter first")
        await stage.press("enter")
        stage.host.answer(await stage.asked(ToHost.RECORD), **record(59))
        await stage.shows("[C] copy", "[R] late reaction")
        assert "[E] amend" not in stage.text()
        await stage.press("e")
        await stage.shows("which nobody amends; write a", " note ")
        await stage.show(nobody)
        await stage.press("r")
        await stage.shows("sign in first: F9, then S")
        await stage.press("x")
        await stage.shows("[C] copy")
        assert "[R]" not in stage.text()
        assert not {ToHost.AMEND, ToHost.REACTION} & set(stage.host.kinds())

    play(script, ready)


def test_the_record_is_read_again_by_whoever_signed_in_meanwhile(play, ready):
    log = Log(range(60))

    async def script(stage):
        await opened_record(stage, log, amend=ANSWER)
        await stage.press("f9", "f7")
        await answered_pages(stage, log)
        stage.host.answer(await stage.asked(ToHost.RECORD), **record(59))
        await stage.until(lambda: "[E] amend" not in stage.text() and "[C] copy" in stage.text())

    play(script, ready)
