import pytest

from protocols.treatment.library import library_bytes
from protocols.treatment.loader import parse_treatment
from protocols.treatment.problems import Problem, TreatmentFileError


@pytest.fixture(scope="session")
def practice():
    """The text of the practice treatment, to be broken one way at a time."""
    return library_bytes("practice").decode()


@pytest.fixture(scope="session")
def edit(practice):
    """Replace one piece of the practice treatment that occurs in it."""

    def edit(*changes):
        text = practice
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        return text

    return edit


@pytest.fixture(scope="session")
def problems(edit):
    """Break the practice treatment and return what is said of it."""

    def problems(*changes, limits=None) -> tuple[Problem, ...]:
        data = edit(*changes).encode()
        with pytest.raises(TreatmentFileError) as refused:
            parse_treatment(data, "face.toml", **({} if limits is None else {"limits": limits}))
        return refused.value.problems

    return problems


@pytest.fixture(scope="session")
def the_problem(problems):
    """Break the practice treatment and return the one thing that is said of it, as line, column and words."""

    def the_problem(*changes, limits=None):
        (problem,) = problems(*changes, limits=limits)
        return problem.line, problem.column, problem.what

    return the_problem
