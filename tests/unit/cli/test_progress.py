import pytest
from msgspec.structs import replace

from meso_device.accounting.entries import AreaGiven
from meso_device.cli.progress import DRAW_US, Progress, picture
from meso_device.session.contract import Instant, LinkState, Notice, NoticeKind, Phase, View
from protocols.treatment.library import library, load_library

PLAN = load_library("practice").plan()
FIRST = PLAN.areas[0]


class Printer:
    """Keeps what would be printed."""

    def __init__(self):
        self.lines, self.pictures = [], []

    def line(self, text):
        self.lines.append(text)

    def picture(self, lines):
        self.pictures.append(lines)


def view(shots=0, **fields):
    given = (AreaGiven(area_code=FIRST.area_code, shots=shots, dose_lo_nl=0, dose_hi_nl=shots * 10_000, interrupted=0),)
    empty = dict.fromkeys(View.__struct_fields__, 0)
    texts = {
        "session": "5e",
        "gun_uid": "aa",
        "serial": "SIM",
        "area_id": "",
        "write_failed": "",
        "log_state": "SYNCED",
    }
    rest = {"link": LinkState.UP, "phase": Phase.READY, "simulated": True, "findings": (), "stop_unheard": False}
    return View(**{**empty, **texts, **rest, "given": given, "shots_given": shots, **fields})


@pytest.mark.parametrize("name", library())
def test_the_picture_fits_into_eighty_columns_for_every_treatment_and_phase(name):
    plan = load_library(name).plan()
    code = plan.areas[0].area_code
    given = (AreaGiven(area_code=code, shots=99, dose_lo_nl=0, dose_hi_nl=99 * 200_000, interrupted=0),)
    for phase in Phase:
        shown = picture(plan, view(phase=phase, area_id=plan.areas[0].area, given=given, held_shots=25))
        assert max(len(line) for line in shown) < 80, shown


def test_the_picture_says_what_is_armed_done_and_unknown():
    shown = "\n".join(picture(PLAN, view(3, phase=Phase.ARMED, area_id=FIRST.area, held_shots=17)))
    assert "ARMED, 17 left" in shown
    assert "3/20" in shown
    assert "in step" in shown
    shown = "\n".join(picture(PLAN, view(20, log_state="UNKNOWN", held_shots=2, head_seq=21, committed_seq=20)))
    assert "done" in shown
    assert "UNKNOWN: up to 2 injections" in shown
    assert "1 to copy" in shown


@pytest.mark.hazard("HZ-26")
def test_no_picture_calls_anything_failed():
    for phase in Phase:
        assert "fail" not in "\n".join(picture(PLAN, view(phase=phase, log_state="UNKNOWN"))).lower()


def test_a_terminal_is_drawn_ten_times_a_second_at_most_and_at_the_end():
    printer = Printer()
    progress = Progress(PLAN, printer, live=True)
    for step in range(100):
        progress.seen(view(step % 20), Instant(DRAW_US + step * DRAW_US // 10, 0))
    assert 9 <= len(printer.pictures) <= 11
    progress.seen(view(20, phase=Phase.CLOSED), Instant(DRAW_US * 11 + 1, 0))
    assert "20/20" in "".join(printer.pictures[-1])
    assert printer.lines == []


def test_elsewhere_lines_tell_what_is_armed_and_every_fifth_injection():
    printer = Printer()
    progress = Progress(PLAN, printer, live=False)
    progress.seen(view(0, phase=Phase.ARMED, area_id=FIRST.area, held_shots=20), Instant(0, 0))
    for shots in range(1, 21):
        progress.seen(view(shots, phase=Phase.ARMED, area_id=FIRST.area), Instant(shots, 0))
    assert printer.pictures == []
    assert "credit granted for 20" in printer.lines[0]
    assert [line.split()[1] for line in printer.lines[1:]] == ["5", "10", "15", "20"]


def test_what_the_host_says_is_printed_with_how_bad_it_is():
    printer = Printer()
    progress = Progress(PLAN, printer, live=True)
    for kind in NoticeKind:
        progress.notice(Notice(kind, "text"))
    assert [line.strip() for line in printer.lines] == ["text", "! text", "? text", "! text"]


def test_an_area_with_two_passes_is_full_when_both_are_given():
    plan = replace(PLAN, areas=(replace(FIRST, passes=2),))
    assert "20/40" in "\n".join(picture(plan, view(20)))
