"""Every pair of state and event: named in the table, or refused loudly."""

import itertools

import pytest

from protocols.errors import InvariantError
from protocols.wire.codes import State
from protocols.wire.states import GRANT, GUN, GrantEvent, GrantPhase, GunEvent, diagram, next_state

TABLES = [(GUN, State, GunEvent), (GRANT, GrantPhase, GrantEvent)]
PAIRS = [(table, s, e) for table, states, events in TABLES for s, e in itertools.product(states, events)]


@pytest.mark.parametrize(("table", "state", "event"), PAIRS, ids=lambda v: getattr(v, "name", "table"))
def test_a_pair_leads_to_the_named_state_or_is_refused_by_name(table, state, event):
    if event in table[state]:
        assert next_state(table, state, event) is table[state][event]
    else:
        with pytest.raises(InvariantError, match=f"{event.name} cannot happen in {state.name}"):
            next_state(table, state, event)


@pytest.mark.parametrize(("table", "states", "events"), TABLES, ids=["gun", "grant"])
def test_every_state_has_a_row_and_every_state_and_event_is_used(table, states, events):
    assert set(table) == set(states)
    assert {event for row in table.values() for event in row} == set(events)
    first = next(iter(table))
    reached, frontier = {first}, [first]
    while frontier:
        for after in set(table[frontier.pop()].values()) - reached:
            reached.add(after)
            frontier.append(after)
    assert reached == set(states)


@pytest.mark.hazard("HZ-12")
def test_stop_latches_from_every_state():
    assert {row[GunEvent.STOP] for row in GUN.values()} == {State.ESTOPPED}


@pytest.mark.hazard("HZ-13")
def test_only_the_reset_steps_and_a_reboot_leave_the_stop_latch_and_neither_arms():
    out = {event: after for event, after in GUN[State.ESTOPPED].items() if after is not State.ESTOPPED}
    assert out == {GunEvent.LATCH_RESET: State.SAFE, GunEvent.RESET: State.BOOT}


@pytest.mark.hazard("HZ-11")
def test_arming_needs_a_grant_or_credit_left_after_a_stroke():
    ways = {(state, event) for state, row in GUN.items() for event, after in row.items() if after is State.ARMED}
    assert ways == {
        (State.SAFE, GunEvent.GRANT_ACCEPTED),
        (State.ARMED, GunEvent.GRANT_ACCEPTED),
        (State.MOVING, GunEvent.ENDED_ARMED),
    }


@pytest.mark.hazard("HZ-26")
def test_an_unknown_grant_ends_only_by_proof_or_write_off():
    out = {event for event, after in GRANT[GrantPhase.UNKNOWN].items() if after is not GrantPhase.UNKNOWN}
    assert out == {GrantEvent.PROVEN_LIVE, GrantEvent.PROVEN_OVER, GrantEvent.WRITE_OFF}


def test_the_diagram_draws_every_pair_once_and_marks_the_ends():
    for table, _, _ in TABLES:
        drawn = [
            (line.split(" --> ")[0].strip(), event)
            for line in diagram(table).splitlines()
            if ": " in line
            for event in line.split(": ")[1].split(", ")
        ]
        assert sorted(drawn) == sorted((s.name, e.name) for s, row in table.items() for e in row)
    assert "    CLOSED --> [*]" in diagram(GRANT)
