"""Documents for people: the same bytes each time, their hash in the log, and no half of one on a failure."""

import hashlib
import json
import sqlite3
from contextlib import closing

import pytest
from support.bench import Bench
from support.checks import assert_one_clear_line
from support.printed import pages_of
from support.treatment import treatment_text, write_treatment

pytestmark = pytest.mark.usefixtures("warm")


@pytest.fixture(scope="module")
def recorded():
    """A data directory with one practice session of seven injections."""
    bench = Bench()
    gun = bench.gun(seed=12)
    plan = write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 4), ("cheek_left", 3))))
    bench.run_session(gun.link, plan).ok()
    gun.process.kill()
    yield bench
    bench.close()


def session_of(bench):
    return bench.meso("session", "list", "--json").ok().json()["sessions"][0]["id"]


def hashes_logged(bench):
    (path,) = (path for path in bench.home.glob("*.db") if path.name != "vault.db")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        bodies = [json.loads(body) for (body,) in db.execute("SELECT body FROM record WHERE kind = 'report.issued'")]
    return [file["sha256"] for body in bodies for file in body["files"]]


def test_a_report_is_the_same_bytes_again_and_its_hash_is_in_the_log_once(recorded):
    session = session_of(recorded)
    for form in ("pdf", "html"):
        outs = [recorded.path / f"{name}.{form}" for name in ("one", "two")]
        told = [recorded.meso("session", "report", session[:8], "--out", out, "--json").ok().json() for out in outs]
        contents = [out.read_bytes() for out in outs]
        assert contents[0] == contents[1]
        digest = hashlib.sha256(contents[0]).hexdigest()
        assert [one["sha256"] for one in told] == [digest, digest]
        assert hashes_logged(recorded).count(digest) == 1
    pages = pages_of(recorded.path / "one.pdf")
    assert "7 of 7 injections given" in "".join(pages)
    assert all("SIMULATED" in page for page in pages)
    recorded.meso("audit", "verify").ok()


def test_the_patients_page_has_the_clinics_own_aftercare(recorded):
    words = recorded.path / "aftercare.txt"
    words.write_text("Keep it dry until tomorrow.\n", encoding="utf-8")
    out = recorded.path / "page.pdf"
    recorded.meso("session", "report", session_of(recorded), "--out", out, "--patient", "--aftercare", words).ok()
    [page] = pages_of(out)
    assert "Keep it dry until tomorrow." in page


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--out", "report.doc"], [".pdf", ".html"]),
        (["--out", "nowhere/report.pdf"], ["cannot be written", "--out"]),
        (["--out", "report.pdf", "--aftercare", "aftercare.txt"], ["--patient"]),
        (["--out", "report.pdf", "--patient", "--aftercare", "missing.txt"], ["cannot be read"]),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line_and_nothing_is_recorded(recorded, words, names):
    before = hashes_logged(recorded)
    process = recorded.meso("session", "report", session_of(recorded), *words)
    process.wait()
    assert_one_clear_line(process, status=2, names=names)
    assert hashes_logged(recorded) == before
    assert not list(recorded.path.glob("*.part")) + list(recorded.path.glob("report.*"))
