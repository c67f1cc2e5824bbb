"""Every rule of the clinic taken out of the product, and the test that notices: `python -m tests.rules_out`."""

import os
import sys

from tests import suite

CLAIM = "each rule of the clinic, taken out of the real program, is noticed by the black-box test of its hazard"

if __name__ == "__main__":
    os.environ["MESO_RULES_OUT"] = "all"
    sys.argv[1:] = ["tests/blackbox/test_rules_out.py", CLAIM, "--jobs", "0"]
    raise SystemExit(suite.main())
