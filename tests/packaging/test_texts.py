"""What is published speaks of the product alone, in its own words."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Split, so that this file does not find itself.
MACHINE_PATHS = re.compile("/" + r"(?:work|root|tmp/brief|home/\w+)/")
REGISTRIES = re.compile(
    r"(?:pypi\.org|files\.python" + r"hosted\.org|registry\.npm" + r"js\.org|proxy\.golang\.org|crates\.io)"
)
PROSE = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs", "protocols/wire/SPEC.md")


def tracked(*paths):
    listed = subprocess.run(
        ["git", "ls-files", "-z", *paths], cwd=ROOT, capture_output=True, text=True, check=False, timeout=20
    )
    if listed.returncode:
        pytest.skip("NOT A GIT CHECKOUT: tracked files are not known")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def lines_with(pattern, paths):
    for path in paths:
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if pattern.search(line):
                yield f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"


def test_no_path_of_one_machine_is_in_a_tracked_file():
    assert list(lines_with(MACHINE_PATHS, tracked())) == []


def test_no_package_registry_is_named_in_a_tracked_file():
    assert list(lines_with(REGISTRIES, tracked())) == []


def test_prose_says_wire_protocol_or_treatment_protocol():
    alone = re.compile(r"(?<!wire )(?<!treatment )(?<!`)\bprotocols?\b(?![/.`:_])", re.IGNORECASE)
    wrapped = re.compile(r"\b(?:wire|treatment)\s+protocols?\b", re.IGNORECASE)
    found = []
    for path in tracked(*PROSE):
        if path.suffix == ".md":
            text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL)
            text = wrapped.sub(lambda m: " " * len(m[0]), text)
            found += [
                f"{path.relative_to(ROOT)}: {m[0]} in {text[max(0, m.start() - 40) : m.end() + 20]!r}"
                for m in alone.finditer(text)
            ]
    assert found == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/glossary.md"])
def test_every_link_of_the_texts_leads_somewhere(name):
    text = (ROOT / name).read_text()
    missing = [
        to for to in re.findall(r"\]\((?!https?:)([^)#]+)", text) if not (ROOT / name).parent.joinpath(to).exists()
    ]
    assert missing == []


def test_the_readme_says_what_the_program_is_not():
    text = " ".join((ROOT / "README.md").read_text().split())
    for said in (
        "not a medical device",
        "No real gun was tested",
        "True depth in skin is not measured",
        "does not replace the gun's own stop",
        "Treatment data are examples",
        "never the amount of a drug",
    ):
        assert said in text


def test_every_decision_is_short_and_has_its_four_parts():
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text()
        assert len(text.splitlines()) <= 60
        for part in ("Context", "Decision", "Consequences", "What would change our mind"):
            assert f"\n## {part}\n" in text
