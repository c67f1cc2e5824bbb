"""What a screen is told first."""

from msgspec.structs import replace

from meso_device.host.console_settings import ConsoleSettings
from meso_device.host.console_welcome import welcome
from protocols.treatment.library import load_library


def test_a_treatment_whose_bytes_were_approved_here_says_so_whatever_the_file_calls_itself():
    plan = load_library("practice").plan()
    plans = {"ours": plan, "theirs": replace(plan, digest="00" * 32)}
    told = welcome(
        plans=plans, approved={plan.digest}, simulated=True, enrolled=True, settings=ConsoleSettings(), before={}
    )
    assert [one["status"] for one in told["treatments"]] == ["approved", "example, unapproved"]
