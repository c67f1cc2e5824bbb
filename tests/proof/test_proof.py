"""The runner of `make proof`: what a command tells is what the table says, and a claim that fails is never hidden."""

import json

import pytest

from tests import claims
from tests.proof import page, runner
from tests.proof.rows import CORES, ROWS, Row


def tells(*, ok):
    told = "'it holds', {'seeds': 20_000, 'worst_ms': 1.25}"
    return f"from tests.claims import tell; raise SystemExit(tell({told}, ok={ok}))"


def script(key, code, **more):
    return Row(key, ("-c", code), ("-c", code), **more)


@pytest.fixture(autouse=True)
def out(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "OUT", tmp_path / "out")


def run(*rows):
    return runner.run(rows, short=False, told=lambda _: None)


def test_a_claim_carries_its_figures_into_the_table():
    (result,) = run(script("a", f"print('chatter'); {tells(ok=True)}"))
    assert result.ok
    assert "| it holds | yes | seeds 20,000, worst ms 1.2, cpu s " in page.table([result])


@pytest.mark.parametrize(
    "code",
    [
        tells(ok=False),
        "raise SystemExit(3)",
        "print('{}')",
        "print('all is well')",
        "print('all is well'); raise SystemExit(1)",
        "from tests.claims import tell; tell('it holds', {}, ok=True); raise SystemExit(1)",
        "raise RuntimeError('boom')",
    ],
)
def test_a_command_that_fails_in_any_way_does_not_hold(code):
    good = script("good", tells(ok=True))
    bad, fine = run(script("bad", code), good)
    assert fine.ok
    assert not bad.ok
    text = page.text([bad, fine], page.about(), 1)
    assert text.startswith("1 of 2")
    assert "**NO**" in text


def test_a_command_that_hangs_is_ended_and_the_others_run(monkeypatch):
    monkeypatch.setattr(runner, "ROW_S", 15)
    hung, fine = run(script("hung", "import time; time.sleep(100)"), script("fine", tells(ok=True)))
    assert (hung.ok, fine.ok) == (False, True)


def test_no_more_runs_at_once_than_there_are_cores_and_what_measures_time_runs_alone(tmp_path):
    code = f"""
import time
with open({str(tmp_path / "log")!r}, 'a') as log:
    log.write('+{{0}}\\n'); log.flush(); time.sleep(0.3); log.write('-{{0}}\\n')
"""
    rows = [
        script("both", code.format("both"), cores=CORES),
        script("one", code.format("one")),
        script("two", code.format("two")),
        script("light", code.format("light"), cores=0),
        script("alone", code.format("alone"), alone=True),
    ]
    assert [result.key for result in run(*rows)] == [row.key for row in rows]
    active: set[str] = set()
    cores = {row.key: row.cores for row in rows}
    for line in (tmp_path / "log").read_text().splitlines():
        (active.add if line[0] == "+" else active.discard)(line[1:])
        assert sum(cores[key] for key in active) <= CORES
        assert "alone" not in active or active == {"alone"}
    assert not active


def test_page_and_readme_get_the_table_and_nothing_else_of_the_readme_changes(tmp_path, monkeypatch):
    readme, proof = tmp_path / "README.md", tmp_path / "proof.md"
    readme.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    monkeypatch.setattr(page, "README", readme)
    monkeypatch.setattr(page, "PAGE", proof)
    for body in ("first\n", "second\n"):
        page.write(body)
        assert readme.read_text() == f"before\n{page.BEGIN}\n{body}{page.END}\nafter\n"
    assert proof.read_text().endswith("\n\nsecond\n")


def test_every_figure_is_kept_for_machines():
    results = run(script("a", tells(ok=True)))
    runner.keep(results, {"commit": "abc"}, 1.0)
    kept = json.loads((runner.OUT / "proof.json").read_text())
    assert kept["commit"] == "abc"
    assert kept["rows"][0]["figures"]["seeds"] == 20_000


def test_a_run_that_was_ended_goes_on_with_what_the_same_sources_have_not_shown_yet(tmp_path):
    count = f"open({str(tmp_path / 'log')!r}, 'a').write('x')"
    rows = [script("good", f"{count}; {tells(ok=True)}"), script("bad", f"{count}; {tells(ok=False)}")]
    about = {"commit": "abc", "clean": "yes"}
    runner.keep(run(*rows), about, 60.0)
    kept, spent_s = runner.earlier(rows, about, short=False)
    assert (list(kept), spent_s) == (["good"], 60.0)
    results = runner.run(rows, short=False, told=lambda _: None, kept=kept)
    assert [result.key for result in results] == ["good", "bad"]
    assert (tmp_path / "log").read_text() == "xxx"


@pytest.mark.parametrize(
    ("about", "code"),
    [({"commit": "other", "clean": "yes"}, ""), ({"commit": "abc", "clean": ""}, ""), (None, "; pass")],
)
def test_other_sources_or_another_command_start_anew(about, code):
    same = {"commit": "abc", "clean": "yes"}
    runner.keep(run(script("a", tells(ok=True))), same, 60.0)
    assert runner.earlier([script("a", tells(ok=True) + code)], about or same, short=False) == ({}, 0.0)


def test_the_rows_have_names_of_their_own_and_the_long_form_asks_for_what_is_claimed():
    assert len({row.key for row in ROWS}) == len(ROWS)
    asked = " ".join(" ".join(row.command) for row in ROWS)
    for promise in (
        "--seeds 20000",
        "images --count 20000",
        "kills --count 500",
        "--inputs 10000000",
        "tests.soak real",
    ):
        assert promise in asked


def test_the_last_line_alone_is_the_claim(capsys):
    assert claims.tell("c", {"n": 1}, ok=False) == 1
    assert claims.heard(f"noise\n{capsys.readouterr().out}")["ok"] is False
    with pytest.raises(ValueError, match="tells no claim"):
        claims.heard("[1]\n")
