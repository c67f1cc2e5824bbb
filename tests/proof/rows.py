"""The claims that `make proof` stands up for, each with the command that reproduces it."""

from dataclasses import dataclass

CORES = 2


@dataclass(frozen=True)
class Row:
    """One claim.

    Attributes:
        key: Short name, also of its output file.
        command: Arguments of Python for the long form.
        short: The same for the form that takes seconds; empty where there is none.
        cores: How many it keeps busy; 0 for one that mostly waits.
        alone: Whether nothing else may run beside it, because it measures time.
    """

    key: str
    command: tuple[str, ...]
    short: tuple[str, ...]
    cores: int = 1
    alone: bool = False


def module(name: str, *rest: str) -> tuple[str, ...]:
    return ("-m", name, *rest)


BLACKBOX = ("tests/blackbox", "real processes, cables, signals and disks, by code that imports nothing of ours")

# Those that keep both cores busy first, then those of one core, the longest first: no core waits for long.
ROWS = (
    Row("soak-real", module("tests.soak", "real"), module("tests.soak", "real", "--short"), cores=0),
    Row("soak-days", module("tests.soak", "days"), module("tests.soak", "days", "--short"), cores=2),
    Row(
        "world",
        module("tests.world", "run", "--seeds", "20000", "--shots", "12", "--whole-every", "50", "--jobs", "2"),
        module("tests.world", "run", "--seeds", "40", "--jobs", "2"),
        cores=2,
    ),
    Row(
        "coverage",
        module("tests.world", "coverage", "--seeds", "2000", "--jobs", "2"),
        module("tests.world", "coverage", "--seeds", "300", "--jobs", "2"),
        cores=2,
    ),
    Row(
        "planted",
        module("tests.world", "planted"),
        module("tests.world", "planted", "release_early", "no_dedupe"),
        cores=2,
    ),
    Row(
        "black-box",
        module("tests.suite", *BLACKBOX),
        module("tests.suite", *BLACKBOX, "-k", "test_commands or test_support"),
        cores=2,
    ),
    Row("fuzz", module("tests.fuzz", "--inputs", "10000000"), module("tests.fuzz", "--inputs", "100000"), cores=2),
    Row(
        "images",
        module("tests.storage", "images", "--count", "20000"),
        module("tests.storage", "images", "--count", "200"),
    ),
    Row("rules-out", module("tests.rules_out"), ()),
    Row("explorer", module("tests.world.explore"), module("tests.world.explore", "--shots", "2", "--faults", "1")),
    Row("fingerprints", module("tests.fingerprints"), module("tests.fingerprints", "--seeds", "2")),
    Row("kills", module("tests.storage", "kills", "--count", "500"), module("tests.storage", "kills", "--count", "5")),
    Row("disk-errors", module("tests.storage", "errors"), ()),
    Row("safety-case", module("tests.safety_case", "--check"), module("tests.safety_case", "--check")),
    Row("same-faults", module("bench.faults"), module("bench.faults"), alone=True),
    Row("bench", module("bench"), module("bench", "peers"), alone=True),
)
