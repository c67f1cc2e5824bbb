"""The kit for pytest: options, and the fixtures `gun_bench` and `gun_hands`. `test_rules.py` has one test a rule.

pytest loads this in every run of an environment that has the product, so it imports nothing until it is used.
"""

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from meso_device.conformance.bench import Bench
    from meso_device.conformance.line import Hands

SIMULATED: Final = "simulated"
_BAUD: Final = 115_200
_KEY_FILE: Final = "--gun-link-key-file"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the kit."""
    group = parser.getgroup("gun", "rules of the wire protocol against a gun")
    group.addoption("--gun", metavar="PORT", help=f"port of the gun on the bench, or '{SIMULATED}'")
    group.addoption("--gun-baud", metavar="BAUD", type=int, default=_BAUD, help="baud rate of the port (%(default)s)")
    group.addoption(
        _KEY_FILE,
        metavar="FILE",
        help="file of mode 0600 with the gun's link key, as on its card, where it holds one",
    )
    group.addoption(
        "--yes-guard-is-on",
        action="store_true",
        help="your word that the gun is away from people with its needle guard on; without it no credit is given",
    )


@pytest.fixture(scope="session")
def gun_hands() -> "Hands | None":
    """Return whoever presses and touches; none here. Override it in your conftest.py with your test fixture."""
    return None


@pytest.fixture(scope="session")
def gun_bench(request: pytest.FixtureRequest, gun_hands: "Hands | None") -> Iterator["Bench"]:
    """Give the gun of ``--gun``; tests that need it are skipped without one. It is left SAFE and without credit."""
    from meso_device.conformance.bench import Bench  # noqa: PLC0415  # see above
    from meso_device.conformance.key_file import read_key_file  # noqa: PLC0415  # see above
    from meso_device.conformance.port_line import PortLine  # noqa: PLC0415  # see above
    from meso_device.conformance.simulated import simulated_gun  # noqa: PLC0415  # see above
    from protocols.errors import MesoError  # noqa: PLC0415  # see above

    named = request.config.getoption("--gun")
    if not named:
        pytest.skip("no gun named: --gun PORT")
    host_id = secrets.token_bytes(16)
    key_file = request.config.getoption(_KEY_FILE)
    try:
        link_key = read_key_file(_KEY_FILE, key_file) if key_file else None
    except MesoError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    if named == SIMULATED:
        line, hands = simulated_gun(link_key=link_key)
        yield Bench(line, host_id=host_id, hands=hands, guarded=True, link_key_of=lambda _: link_key)
        return
    try:
        port = PortLine(named, request.config.getoption("--gun-baud"), waits=gun_hands is not None)
    except MesoError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    try:
        bench = Bench(
            port,
            host_id=host_id,
            hands=gun_hands,
            guarded=request.config.getoption("--yes-guard-is-on"),
            link_key_of=lambda _: link_key,
        )
        yield bench
        bench.leave()
    finally:
        port.close()
