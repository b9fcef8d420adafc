"""Figure: the rules alone, in whole visits per second, against a bare ``transitions.Machine``.

The bare machine has the rows of the same table and the same options; its
guards answer as the visit needs it, and its effects do nothing.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import transitions

from bench.report import Row
from bench.rounds import alternate
from controller.events import (
    Confirmed,
    DeadlinePassed,
    Event,
    Outcome,
    PulseStarted,
    RelayBack,
    Released,
    Scanned,
    WarningShown,
)
from controller.machine import Machine, Rules
from controller.memory import Slot
from controller.table import TABLE, State

LEAST_RATIO = 0.5
ROUNDS = 25
VISITS = 250

DWELL_MS = 2_000
PULSE_MS = 700
VISIT_MS = 10_000

PATH = (
    State.IDLE,
    State.SCANNED,
    State.WARNED,
    State.DISPENSING,
    State.DISPENSING,
    State.DISPENSING,
    State.IDLE,
)
"""Where each event of a visit finds the machine, and where the last one leaves it."""

At = tuple[Event, int]


def measure(folder: Path) -> list[Row]:
    pairs = alternate(ROUNDS, _Rules().visits_per_s, Bare().visits_per_s, warm_up=3)
    return [
        Row(
            figure="The rules alone, visits per second",
            ours=f"{pairs.our_median:,.0f}/s",
            baseline="bare `transitions.Machine`",
            bare=f"{pairs.bare_median:,.0f}/s",
            ratio=pairs.ratio,
            target=f"at least {LEAST_RATIO}",
            met=pairs.ratio >= LEAST_RATIO,
            how="`Machine.handle` over whole visits (scanned, warning shown, confirmed, pulse"
            " started, deadline, released), in one thread, without journal or hardware. The"
            " baseline fires the same triggers at a machine with the same table and options, whose"
            f" guards are constants and whose effects are empty. {ROUNDS} rounds of {VISITS} visits"
            " in turn, medians.",
        )
    ]


def _visit(code: int, dispense_id: int, now_ms: int) -> Iterator[At]:
    """What happens in one visit, and when."""
    yield Scanned(code), now_ms
    yield WarningShown(code), now_ms + 50
    yield Confirmed(code, now_ms, "mark"), now_ms + DWELL_MS
    yield PulseStarted(dispense_id), now_ms + DWELL_MS
    yield DeadlinePassed(), now_ms + DWELL_MS + PULSE_MS
    yield Released(dispense_id, Outcome.COMMANDED), now_ms + DWELL_MS + PULSE_MS


def _rate(handle: Callable[[Event, int], object], visits: list[At]) -> float:
    """Visits per second; the events are made before the clock starts."""
    began_s = time.perf_counter()
    for event, now_ms in visits:
        handle(event, now_ms)
    return VISITS / (time.perf_counter() - began_s)


def _assert_path(states: list[State]) -> None:
    assert tuple(states) == PATH, f"the visit went another way: {states}"


class _Rules:
    """Quench's machine, a visit after the other."""

    def __init__(self) -> None:
        slots = tuple(Slot(name, 1, PULSE_MS, remaining=10**6) for name in ("water", "tea"))
        rules = Rules(
            dwell_ms=DWELL_MS,
            scan_timeout_ms=20_000,
            confirm_timeout_ms=60_000,
            drop_timeout_ms=5_000,
        )
        self._machine = Machine(slots, rules)
        self._machine.handle(RelayBack(), 0)
        self._now_ms = 0
        states = [self._machine.state]
        for event, now_ms in self._events(1):
            self._machine.handle(event, now_ms)
            states.append(self._machine.state)
        _assert_path(states)

    def visits_per_s(self) -> float:
        rate = _rate(self._machine.handle, self._events(VISITS))
        assert self._machine.memory.next_dispense_id == self._next_id, "each visit is a drink"
        return rate

    def _events(self, visits: int) -> list[At]:
        memory = self._machine.memory
        self._next_id = memory.next_dispense_id + visits
        events: list[At] = []
        for number in range(visits):
            self._now_ms += VISIT_MS
            events += _visit(memory.code + number, memory.next_dispense_id + number, self._now_ms)
        return events


class _BareModel:
    """A model for the table: guards are constants, effects are empty."""

    state: State

    def trigger(self, name: str, event: Event) -> bool:
        raise NotImplementedError("transitions puts its own in place")


def _constant(answer: bool | None) -> Callable[[object, Event], bool | None]:
    def method(self: object, event: Event) -> bool | None:
        return answer

    return method


class Bare:
    """The bare machine, a visit after the other."""

    def __init__(self) -> None:
        methods: dict[str, Any] = {"learn": _constant(None)}
        for row in TABLE:
            methods |= {name: _constant(name != "drop_awaited") for name in row.guards}
            methods |= {name: _constant(None) for name in row.effects}
        self._model = type("Model", (_BareModel,), methods)()
        transitions.Machine(
            self._model,
            states=State,
            initial=State.IDLE,
            auto_transitions=False,
            model_override=True,
            prepare_event="learn",
            transitions=[
                {
                    "trigger": row.trigger,
                    "source": list(row.sources),
                    "dest": row.dest,
                    "conditions": list(row.guards),
                    "after": list(row.effects),
                }
                for row in TABLE
            ],
        )
        states = [self._model.state]
        for event, now_ms in _visit(1, 1, 0):
            self._fire(event, now_ms)
            states.append(self._model.state)
        _assert_path(states)

    def visits_per_s(self) -> float:
        visits = [at for number in range(VISITS) for at in _visit(number, number, 0)]
        rate = _rate(self._fire, visits)
        assert self._model.state is State.IDLE, "each visit ends"
        return rate

    def four_s(self) -> float:
        """The seconds that the four triggers of a shortest visit take, from scan to drink."""
        visits = [
            event
            for number in range(VISITS)
            for event in (
                Scanned(number),
                WarningShown(number),
                Confirmed(number, 0, "mark"),
                Released(number, Outcome.COMMANDED),
            )
        ]
        trigger = self._model.trigger
        began_s = time.perf_counter()
        for event in visits:
            trigger(event.trigger, event)
        took_s = time.perf_counter() - began_s
        assert self._model.state is State.IDLE, "each visit ends"
        return took_s / VISITS

    def _fire(self, event: Event, now_ms: int) -> None:
        self._model.trigger(event.trigger, event)
