"""One test a rule of SPEC.md, for ``pytest --pyargs meso_device.conformance --gun PORT``."""

import pytest

from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import CHECKED
from meso_device.conformance.spec import spec_rules
from meso_device.conformance.verdicts import Verdict, judge


@pytest.mark.parametrize("number", sorted(CHECKED))
def test_rule(gun_bench: Bench, number: str) -> None:
    """Try one rule; fails with what was seen, is skipped where it cannot be tried here."""
    [finding] = judge(gun_bench, [number])
    if finding.verdict is Verdict.FAILED:
        text = f"{number} seen: {finding.seen}\nrule: {spec_rules()[number]}\ntried: {finding.tries}"
        pytest.fail(text, pytrace=False)
    if finding.verdict in {Verdict.NOT_RUN, Verdict.NOT_OFFERED}:
        pytest.skip(finding.seen)
