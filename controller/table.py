"""The transition table: the rules of the machine, as data.

Theory of operation
-------------------
One scan code is current at a time. Whoever fetches its page starts a session
(``scanned``); when a phone proves that it rendered the warning the session is
``warned``; a tap on a page whose dwell has passed makes it ``dispensing``. The
session ends with the dispense or with a deadline, and the next code is minted:
a code serves one session, a session serves at most one drink.

``out_of_service`` is one state with many reasons. A reason is a fact in the
machine's memory (relay lost, journal lost, stopped, nothing left to give), and
the machine leaves the state only when no reason is left, so that two faults at
once need no rows of their own. The machine is born there: the relay has not
yet been told OFF.

Rows of one trigger are tried from top to bottom; the first whose guards all
hold is taken. The facts that an event brings are taken in before the guards
are asked. ``dest=None`` stays where it is. A pair of state and trigger without
a row, or whose guards refuse, changes nothing.

Guards and effects are names of methods of ``controller.machine.Machine``.
"""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """Where the machine is."""

    IDLE = "idle"
    SCANNED = "scanned"
    WARNED = "warned"
    DISPENSING = "dispensing"
    OUT_OF_SERVICE = "out_of_service"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; ``sources`` share it."""

    trigger: str
    sources: tuple[State, ...]
    dest: State | None
    guards: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()


_IDLE = (State.IDLE,)
_SCANNED = (State.SCANNED,)
_WARNED = (State.WARNED,)
_SESSION = (State.SCANNED, State.WARNED)
_SERVING = (State.IDLE, State.SCANNED, State.WARNED)
_DISPENSING = (State.DISPENSING,)
_OUT = (State.OUT_OF_SERVICE,)


def _dispense_ends(trigger: str, *guards: str) -> tuple[Row, ...]:
    """The dispense is settled: back to service, or out of it if nothing is left to give."""
    return (
        Row(trigger, _DISPENSING, State.IDLE, (*guards, "can_serve"), ("settle", "new_code")),
        Row(trigger, _DISPENSING, State.OUT_OF_SERVICE, guards, ("all_off", "settle")),
    )


def _fault(trigger: str) -> tuple[Row, ...]:
    """Whatever runs is given up with all relays off."""
    return (
        Row(trigger, _SERVING, State.OUT_OF_SERVICE, (), ("all_off",)),
        Row(trigger, _DISPENSING, State.OUT_OF_SERVICE, (), ("all_off", "settle")),
        Row(trigger, _OUT, None),
    )


def _mended(trigger: str) -> tuple[Row, ...]:
    """One reason less; the last one to go opens the machine."""
    return (
        Row(trigger, _OUT, State.IDLE, ("can_serve",), ("new_code",)),
        Row(trigger, _OUT, None),
    )


TABLE: tuple[Row, ...] = (
    Row("scanned", _IDLE, State.SCANNED, ("code_is_current",), ("await_shown",)),
    Row("warning_shown", _SCANNED, State.WARNED, ("code_is_current",), ("await_confirmed",)),
    Row(
        "confirmed",
        _WARNED,
        State.DISPENSING,
        ("code_is_current", "dwell_passed"),
        ("begin_dispense",),
    ),
    Row("deadline", _SESSION, State.IDLE, ("overdue",), ("new_code",)),
    Row("pulse_started", _DISPENSING, None, ("same_dispense", "pulse_unfinished"), ("time_pulse",)),
    Row("deadline", _DISPENSING, None, ("overdue", "pulse_unfinished"), ("end_pulse",)),
    Row(
        "deadline",
        _DISPENSING,
        None,
        ("overdue", "no_drink_fell", "another_may_try", "can_serve"),
        ("settle_try", "begin_another_try"),
    ),
    Row("released", _DISPENSING, None, ("same_dispense", "drop_awaited"), ("await_drop",)),
    *_dispense_ends("released", "same_dispense"),
    Row("dropped", _DISPENSING, None, ("same_dispense", "relay_not_released"), ("note_drop",)),
    *_dispense_ends("dropped", "same_dispense"),
    *_dispense_ends("failed", "same_dispense"),
    *_dispense_ends("deadline", "overdue"),
    *_fault("relay_lost"),
    *_fault("journal_lost"),
    *_fault("sensor_lost"),
    *_fault("operator_stop"),
    *_mended("relay_back"),
    *_mended("journal_back"),
    *_mended("sensor_back"),
    *_mended("operator_resume"),
    Row("stock_changed", _SERVING, None, ("can_serve",)),
    Row("stock_changed", _SERVING, State.OUT_OF_SERVICE, (), ("all_off",)),
    Row("stock_changed", _DISPENSING, None),
    *_mended("stock_changed"),
)


def _sources(trigger: str) -> tuple[State, ...]:
    rows = [row for row in TABLE if row.trigger == trigger]
    return tuple(state for state in State if any(state in row.sources for row in rows))


SOURCES = {row.trigger: _sources(row.trigger) for row in TABLE}
"""The states in which each trigger has a row."""


def ways() -> dict[tuple[State, State], list[str]]:
    """The arrows of the state diagram, from one state to another, with the events that go each."""
    found: dict[tuple[State, State], list[str]] = {}
    for row in TABLE:
        for source in row.sources:
            if row.dest is not None and row.dest is not source:
                events = found.setdefault((source, row.dest), [])
                if row.trigger not in events:
                    events.append(row.trigger)
    return found
