"""The bill of materials is of what is installed, and holds by the schema of CycloneDX."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sbom():
    words = ["environment", "--pyproject", ROOT / "pyproject.toml", "--output-reproducible", "--no-validate"]
    made = subprocess.run(
        [Path(sys.executable).parent / "cyclonedx-py", *words, sys.executable],
        capture_output=True, check=True, timeout=100, text=True,
    )  # fmt: skip
    return json.loads(made.stdout)


def problem(document):
    """What the schema has against a document; the library takes a fifth of a second over each component."""
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))


def test_it_names_every_dependency_with_its_version_and_holds_by_the_schema(sbom):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert sbom["metadata"]["component"]["name"] == project["name"]
    found = {one["name"].lower().replace("_", "-"): one for one in sbom["components"]}
    wanted = [re.split(r"[<>=]", line)[0].lower() for line in project["dependencies"]]
    for name in wanted:
        assert found[name]["purl"] == f"pkg:pypi/{name}@{found[name]['version']}"
    [own] = [one["dependsOn"] for one in sbom["dependencies"] if one["ref"] == "root-component"]
    assert {found[name]["bom-ref"] for name in wanted} <= {*own}
    few = sbom | {"components": [found[name] for name in wanted[:6]], "dependencies": []}
    assert problem(few) is None
    few["components"][0].pop("name")
    assert problem(few) is not None
