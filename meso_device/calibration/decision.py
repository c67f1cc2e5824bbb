"""Verdicts in integers, by a decision rule that is stated beside the result (ILAC-G8:09/2019)."""

from enum import StrEnum

from protocols.errors import UsageError


class Verdict(StrEnum):
    """What a figure means; with `PASS` alone, or a signed `CONDITIONAL_PASS`, a gun treats."""

    PASS = "pass"  # noqa: S105  # a verdict, no secret
    CONDITIONAL_PASS = "conditional_pass"  # noqa: S105  # likewise
    CONDITIONAL_FAIL = "conditional_fail"
    FAIL = "fail"


class Rule(StrEnum):
    """How the uncertainty is taken into account."""

    SIMPLE = "simple"
    GUARDED = "guarded"
    FOUR = "four"

    @property
    def wording(self) -> str:
        """The rule as a certificate states it; T is the limit, U the expanded uncertainty."""
        return {
            Rule.SIMPLE: "pass within T; the uncertainty is not taken into account",
            Rule.GUARDED: "pass within T - U, else fail",
            Rule.FOUR: "pass within T - U, conditional pass within T, conditional fail within T + U, else fail",
        }[self]


def judge(error: int, *, limit: int, expanded: int, rule: Rule = Rule.FOUR) -> Verdict:
    """Return the verdict on an error; all three in one unit.

    Args:
        error: Of the result, signed.
        limit: T, the largest error that is allowed, at least 1.
        expanded: U, at least 0 and rounded up.
        rule: How the two are put together.

    Raises:
        UsageError: U is not below T, so that nothing can be told apart.
    """
    if limit < 1 or expanded < 0:
        raise ValueError(f"limit {limit} and uncertainty {expanded} are no such thing")
    if expanded >= limit:
        raise UsageError(
            f"RESOLUTION_TOO_COARSE: the uncertainty {expanded} is not below the limit {limit}, so nothing can be "
            "judged; take more readings, or a finer reference"
        )
    size = abs(error)
    if rule is Rule.SIMPLE:
        return Verdict.PASS if size <= limit else Verdict.FAIL
    if size <= limit - expanded:
        return Verdict.PASS
    if rule is Rule.GUARDED:
        return Verdict.FAIL
    if size <= limit:
        return Verdict.CONDITIONAL_PASS
    return Verdict.CONDITIONAL_FAIL if size <= limit + expanded else Verdict.FAIL
