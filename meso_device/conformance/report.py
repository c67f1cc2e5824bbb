"""What the kit prints: a line a rule as it is known, the rules that no cable shows, one sum; or one JSON document."""

from collections import Counter
from collections.abc import Iterable
from textwrap import wrap
from typing import Final

from meso_device.accounting.identity import firmware_of
from meso_device.conformance.spec import spec_rules
from meso_device.conformance.verdicts import Finding, Verdict
from protocols.wire.codes import GunFlag
from protocols.wire.messages import HelloReply

_WIDTH: Final = 118
_INDENT: Final = " " * 17
_MARKS: Final = {Verdict.PASSED: "passed ", Verdict.FAILED: "FAILED ", Verdict.NOT_RUN: "not run"}
_UNTRIED: Final = {
    Verdict.NOT_OFFERED: "not offered by this gun:",
    Verdict.NOT_TESTABLE: "not testable from the cable:",
}


def gun_line(hello: HelloReply) -> str:
    """Return which gun it is, in a line; a simulated one is marked."""
    mark = ", SIMULATED" if hello.flags & GunFlag.SIMULATED else ""
    link = ", link authenticated" if hello.flags & GunFlag.AUTHENTICATED else ""
    return f"{hello.model} {hello.serial}, firmware {firmware_of(hello)}, gun {hello.gun_uid.hex()}{mark}{link}"


def finding_lines(finding: Finding) -> list[str]:
    """Return a rule that was tried or could be, in lines; of one that failed also the text of SPEC.md."""
    head = f"{_MARKS[finding.verdict]}  {finding.number}   "
    if finding.verdict is Verdict.FAILED:
        text = [*_wrapped(f"rule: {spec_rules()[finding.number]}"), *_wrapped(f"tried: {finding.tries}")]
        return [*_wrapped(f"seen: {finding.seen}", head), *text]
    if finding.verdict is Verdict.PASSED:
        return _wrapped(finding.tries + (f" ({finding.seen})" if finding.seen else ""), head)
    return _wrapped(finding.seen, head)


def untested_lines(findings: Iterable[Finding]) -> list[str]:
    """Return the rules that this gun has no part for, and those that no cable shows, by reason."""
    reasons: dict[Verdict, dict[str, list[str]]] = {verdict: {} for verdict in _UNTRIED}
    for finding in findings:
        if finding.verdict in _UNTRIED:
            reasons[finding.verdict].setdefault(finding.seen, []).append(finding.number)
    lines = []
    for verdict, by_reason in reasons.items():
        if by_reason:
            lines += ["", _UNTRIED[verdict]]
        for reason, numbers in by_reason.items():
            lines += wrap(f"{reason}: {' '.join(numbers)}", _WIDTH, initial_indent="  ", subsequent_indent="    ")
    return lines


def is_told_at_once(finding: Finding) -> bool:
    """Whether a rule has its own lines; the others are told by reason at the end."""
    return finding.verdict not in _UNTRIED


def sum_line(findings: Iterable[Finding]) -> str:
    """Return the counts in one line."""
    counts = Counter(finding.verdict for finding in findings)
    said = ", ".join(
        f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict] or verdict is Verdict.FAILED
    )
    return f"{sum(counts.values())} rules: {said}"


def document(hello: HelloReply, findings: Iterable[Finding]) -> dict[str, object]:
    """Return the report for programs."""
    found = list(findings)
    counts = Counter(finding.verdict for finding in found)
    return {
        "gun": {
            "model": hello.model,
            "serial": hello.serial,
            "gun_uid": hello.gun_uid.hex(),
            "firmware": firmware_of(hello),
            "simulated": bool(hello.flags & GunFlag.SIMULATED),
            "authenticated": bool(hello.flags & GunFlag.AUTHENTICATED),
        },
        "counts": {verdict.value: counts[verdict] for verdict in Verdict},
        "rules": [
            {
                "rule": one.number,
                "verdict": one.verdict.value,
                "seen": one.seen,
                "tries": one.tries,
                "text": spec_rules()[one.number],
            }
            for one in found
        ],
    }


def _wrapped(text: str, head: str = _INDENT) -> list[str]:
    return wrap(text, _WIDTH, initial_indent=head, subsequent_indent=_INDENT)
