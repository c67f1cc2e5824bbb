"""What a refusal must look like to the person who reads it."""

from support.processes import Process

_LINES_MAX = 3


def assert_one_clear_line(
    process: Process, *, status: int, names: tuple[str, ...] = (), text: str | None = None
) -> str:
    """Require the exit status, a short plain message, and no traceback anywhere; return the message.

    Args:
        process: Ended already.
        status: The exit status that it must have.
        names: What the message must speak of, in any case.
        text: Where the message is; standard error if not given.
    """
    err = (process.err if text is None else text).strip()
    told = process.describe()
    assert process.status == status, told
    assert "Traceback" not in process.err + process.out, told
    assert not set("╭│") & set(err), f"a box, not a line: {told}"
    assert err, f"nothing said: {told}"
    assert len(err.splitlines()) <= _LINES_MAX, f"more than a few lines: {told}"
    missing = [name for name in names if name.lower() not in err.lower()]
    assert not missing, f"does not speak of {missing}: {told}"
    return err
