"""`python -m tests.world.with_bug NAME FILE`: run a file of tests, or one test, with this bug in the product.

A process of its own, so that the bug is in before any test is read, and one that loads little: it is started for many
bugs, and loading costs more than the tests.
"""

import sys

import pytest

from tests.world.bugs import plant

_PLUGINS_LEFT_OUT = ("cacheprovider", "xdist", "randomly", "hypothesispytest")


def main(name: str, file: str) -> int:
    """Return the status of pytest, which stops at the first failure."""
    left_out = [word for plugin in _PLUGINS_LEFT_OUT for word in ("-p", f"no:{plugin}")]
    with plant(name):
        # Nothing is rewritten: the product is here already, and the first failure is enough.
        return int(pytest.main([*left_out, "--assert=plain", "-q", "--no-header", "--tb=no", "--maxfail=1", file]))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
