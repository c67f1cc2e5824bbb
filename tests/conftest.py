"""At the end of a full run each hazard and invariant of the safety case must have a test that passed in it.

A run of a part of the tests is not judged. Works over the workers of xdist: marks travel with the reports.
"""

import gc
import signal
import tomllib

import pytest

MARKS = ("hazard", "invariant")
GARBAGE_AFTER = 20_000
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
GIVEN_S = 180  # to each test, by pyproject.toml


class Ledger:
    """Which rows were proven in this run."""

    def __init__(self, config):
        self.config = config
        self.proven = set()
        self.lines = []

    def rows(self):
        with (self.config.rootpath / "docs" / "safety-case" / "hazards.toml").open("rb") as file:
            table = tomllib.load(file)
        return [*table["hazard"], *table["invariant"]]

    def is_full_run(self):
        """Whether all tests were to run, and nothing was left out by choice."""
        option = self.config.option
        root = self.config.rootpath
        asked = {(root / str(argument)).resolve() for argument in self.config.args}
        left_out = (option.keyword, option.markexpr, option.deselect, option.ignore, option.ignore_glob)
        return (
            bool(asked & {root.resolve(), (root / "tests").resolve()})
            and not any(left_out)
            and not option.collectonly
            and not getattr(option, "lf", False)
        )

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed and not hasattr(report, "wasxfail"):
            self.proven |= {row for name, row in report.user_properties if name in MARKS}

    def pytest_sessionfinish(self, session, exitstatus):
        stopped = session.shouldfail or session.shouldstop
        if stopped or not self.is_full_run() or exitstatus not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            return
        rows = self.rows()
        waived = [row for row in rows if "waiver" in row]
        unproven = [row for row in rows if "waiver" not in row and row["id"] not in self.proven]
        self.lines = [f"WAIVED {row['id']} until {row['waiver']}" for row in waived]
        self.lines += [f"UNPROVEN {row['id']}: no test that names it passed" for row in unproven]
        self.lines.append(f"{len(rows) - len(unproven) - len(waived)} of {len(rows)} rows proven, {len(waived)} waived")
        if unproven:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        if self.lines:
            terminalreporter.section("safety case")
            for line in self.lines:
                terminalreporter.line(line)


def pytest_configure(config):
    if config.pluginmanager.hasplugin("hypothesispytest"):  # loading it takes a second, so only where it is used
        from hypothesis import HealthCheck, settings

        settings.register_profile(
            "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
        )
        settings.load_profile("steady")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Ledger(config), "safety-case")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items):
    """Begin with what is given more time than others: begun last, it would run on alone when the rest is done."""
    done = yield
    items.sort(key=lambda item: -max([GIVEN_S, *(mark.args[0] for mark in item.iter_markers("timeout"))]))
    return done


def pytest_itemcollected(item):
    for mark in item.iter_markers():
        if mark.name in MARKS:
            item.user_properties.append((mark.name, *mark.args))


def pytest_collection_finish(session):
    """Leave what was read out of each later search for garbage: it stays to the end, and is most of what there is."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)


@pytest.fixture(autouse=True)
def signals_stay_as_they_are():
    """Hold each test to what a test beside it in this process stands on."""
    before = [signal.getsignal(number) for number in ENDING]
    yield
    assert [signal.getsignal(number) for number in ENDING] == before
