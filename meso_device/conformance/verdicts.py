"""Run checks and say of every rule of SPEC.md what became of it."""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

import meso_device.conformance.rules  # noqa: F401  # fills the table of checks
from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import CHECKED, Broken, NotRun, Rule
from meso_device.conformance.spec import spec_rules
from meso_device.conformance.untestable import WHY_NOT
from protocols.errors import UsageError


class Verdict(StrEnum):
    """What became of a rule."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"
    NOT_OFFERED = "not offered by this gun"
    NOT_TESTABLE = "not testable from the cable"


class Finding(Struct, frozen=True):
    """A rule and what was found.

    Attributes:
        number: As in SPEC.md.
        verdict: What became of it.
        tries: What the check does; empty where there is none.
        seen: What was seen when it failed; why it was not run or cannot be tested; what a passed check left out.
    """

    number: str
    verdict: Verdict
    tries: str
    seen: str


def chosen_numbers(names: Iterable[str]) -> list[str]:
    """Return the numbers of the rules named, all of SPEC.md if none is, in its order.

    Raises:
        UsageError: SPEC.md has no such rule.
    """
    wanted = {name.strip().upper() for name in names}
    unknown = sorted(wanted - spec_rules().keys())
    if unknown:
        raise UsageError(f"no rule {unknown[0][:20]!r} in SPEC.md; rules are W-001 to {max(spec_rules())}")
    return [number for number in spec_rules() if not wanted or number in wanted]


def judge(
    bench: Bench, numbers: Iterable[str], *, quick: bool = False, begins: Callable[[Rule], None] = lambda _: None
) -> Iterator[Finding]:
    """Run the checks of these rules one after the other and give a finding for each rule as it is known.

    Args:
        bench: The gun.
        numbers: Rules of SPEC.md.
        quick: Whether checks longer than five seconds are left out.
        begins: Told of each check before it is run.

    Raises:
        LinkLost: the cable is gone.
        MesoError: the gun holds records that no host has taken over.
    """
    for number in numbers:
        rule = CHECKED.get(number)
        if rule is None:
            yield Finding(number, Verdict.NOT_TESTABLE, "", WHY_NOT[number])
        elif quick and rule.slow:
            yield Finding(number, Verdict.NOT_RUN, rule.tries, "takes longer than five seconds")
        elif rule.hands and bench.hands is None:
            yield Finding(number, Verdict.NOT_RUN, rule.tries, "needs hands at the gun")
        else:
            begins(rule)
            yield _run(bench, rule)


def _run(bench: Bench, rule: Rule) -> Finding:
    try:
        bench.settle()
    except Broken as broken:
        return Finding(rule.number, Verdict.NOT_RUN, rule.tries, f"the gun could not be brought to SAFE: {broken}")
    except NotRun as why:
        return Finding(rule.number, Verdict.NOT_RUN, rule.tries, str(why))
    if rule.keyed and not bench.link_key:
        return Finding(rule.number, Verdict.NOT_OFFERED, rule.tries, "this gun holds no link key")
    try:
        left_out = rule.check(bench)
    except Broken as broken:
        return Finding(rule.number, Verdict.FAILED, rule.tries, str(broken))
    except NotRun as why:
        return Finding(rule.number, Verdict.NOT_RUN, rule.tries, str(why))
    return Finding(rule.number, Verdict.PASSED, rule.tries, left_out or "")
