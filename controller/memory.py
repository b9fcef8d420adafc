"""What the machine knows beside its state, and how each fact changes it. Immutable and pure.

Named tuples, since a visit makes a score of them and theirs is the cheapest renewal.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from controller.events import (
    DeadlinePassed,
    Dropped,
    Event,
    Failed,
    JournalBack,
    JournalLost,
    OperatorResume,
    OperatorStop,
    Outcome,
    RelayBack,
    RelayLost,
    Released,
    SensorBack,
    SensorLost,
    StockChanged,
)


class Slot(NamedTuple):
    """One column of drinks as the core sees it."""

    name: str
    channel: int
    pulse_ms: int
    remaining: int = 0
    fault: str = ""
    """Why it can't be trusted, for the operator; empty if it can."""

    @property
    def healthy(self) -> bool:
        return not self.fault

    def one_less(self) -> "Slot":
        """The same, without the drink that is given now."""
        name, channel, pulse_ms, remaining, fault = self
        return Slot(name, channel, pulse_ms, remaining - 1, fault)


class Phase(Enum):
    """How far the running dispense has come."""

    ASKED = "asked"
    ON = "on"
    ENDING = "ending"
    FALLING = "falling"


class Run(NamedTuple):
    """The running dispense, and whose it is."""

    dispense_id: int
    slot: int
    code: int = 0
    visit: str = ""
    retry_of: int = 0
    """The dispense from which nothing fell, if this is the second try; else 0."""
    phase: Phase = Phase.ASKED
    released: Outcome | None = None
    dropped: bool = False

    def come_to(self, phase: Phase) -> "Run":
        """The same, further on. Written out: ``_replace`` takes twice as long."""
        dispense_id, slot, code, visit, retry_of, _, released, dropped = self
        return Run(dispense_id, slot, code, visit, retry_of, phase, released, dropped)


class Memory(NamedTuple):
    """All that the machine knows beside its state."""

    slots: tuple[Slot, ...]
    next_dispense_id: int
    code: int = 0
    deadline_ms: int | None = None
    run: Run | None = None
    unknown: int = 0
    starting: bool = True
    """The relay has not yet been told OFF since this machine was made."""
    relay_fault: str = ""
    journal_fault: str = ""
    sensor_fault: str = ""
    stop: str = ""

    def until(self, deadline_ms: int | None, run: Run | None) -> "Memory":
        """The same with these two. Written out: ``_replace`` takes twice as long."""
        slots, next_id, code, _, _, unknown, starting, relay, journal, sensor, stop = self
        return Memory(
            slots, next_id, code, deadline_ms, run, unknown, starting, relay, journal, sensor, stop
        )


def verdict(run: Run, event: Event) -> tuple[Outcome, bool]:
    """How ``run`` ended by ``event``, and whether the drink is still in its slot."""
    match event:
        case Failed() if event.drink_kept or not run.dropped:
            return event.outcome, event.drink_kept
        case Dropped():
            return Outcome.DROPPED, False
    if run.dropped:
        return Outcome.DROPPED, False
    match event:
        case Released():
            return event.outcome, False
        case DeadlinePassed() if run.phase is Phase.FALLING:
            return Outcome.FAILED, False
    # Cut short: what the relay has already done is known, and nothing more.
    return run.released or Outcome.UNKNOWN, False


def with_slot(slots: tuple[Slot, ...], index: int, slot: Slot) -> tuple[Slot, ...]:
    return (*slots[:index], slot, *slots[index + 1 :])


def learned(memory: Memory, event: Event) -> Memory:
    """``memory`` with the facts that ``event`` brings, whether or not its row is taken."""
    learn = _LEARN.get(type(event))
    return memory if learn is None else learn(memory, event)


def _learn_failed(memory: Memory, event: Failed) -> Memory:
    run = memory.run
    if run is None or run.dispense_id != event.dispense_id:
        return memory
    slot = memory.slots[run.slot]
    slot = slot._replace(
        remaining=slot.remaining + event.drink_kept,
        fault=event.slot_fault or slot.fault,
    )
    return memory._replace(
        slots=with_slot(memory.slots, run.slot, slot),
        unknown=memory.unknown + (verdict(run, event)[0] is Outcome.UNKNOWN),
        relay_fault=event.relay_lost or memory.relay_fault,
        journal_fault=event.journal_lost or memory.journal_fault,
        sensor_fault=event.sensor_lost or memory.sensor_fault,
    )


def _learn_deadline(memory: Memory, event: DeadlinePassed) -> Memory:
    run = memory.run
    if run is None or run.dropped:
        return memory
    if run.phase is Phase.FALLING:
        # A healthy sensor saw nothing: this slot is jammed or empty, whatever the books say.
        slot = memory.slots[run.slot]._replace(fault="no drink was seen to fall")
        return memory._replace(slots=with_slot(memory.slots, run.slot, slot))
    if run.phase is Phase.ENDING:
        return memory._replace(unknown=memory.unknown + 1)
    return memory


def _learn_stock(memory: Memory, event: StockChanged) -> Memory:
    slots = tuple(
        slot._replace(
            remaining=remaining,
            # Whoever fills a slot has seen it.
            fault="" if remaining > slot.remaining or index in event.loaded else slot.fault,
        )
        for index, (slot, remaining) in enumerate(zip(memory.slots, event.remaining, strict=True))
    )
    return memory._replace(slots=slots, unknown=event.unknown)


def _cut_short(memory: Memory, event: Event) -> Memory:
    """Count the dispense that a fault interrupts, if nobody can tell how it ended."""
    if memory.run is None or verdict(memory.run, event)[0] is not Outcome.UNKNOWN:
        return memory
    return memory._replace(unknown=memory.unknown + 1)


def _learn_resumed(memory: Memory, event: OperatorResume) -> Memory:
    return memory._replace(stop="", slots=tuple(slot._replace(fault="") for slot in memory.slots))


_LEARN: dict[type[Event], Callable[[Memory, Any], Memory]] = {
    Failed: _learn_failed,
    DeadlinePassed: _learn_deadline,
    StockChanged: _learn_stock,
    RelayLost: lambda memory, lost: _cut_short(memory, lost)._replace(relay_fault=lost.detail),
    RelayBack: lambda memory, _: memory._replace(relay_fault="", starting=False),
    JournalLost: lambda memory, lost: _cut_short(memory, lost)._replace(journal_fault=lost.detail),
    JournalBack: lambda memory, _: memory._replace(journal_fault=""),
    SensorLost: lambda memory, lost: _cut_short(memory, lost)._replace(sensor_fault=lost.detail),
    SensorBack: lambda memory, _: memory._replace(sensor_fault=""),
    OperatorStop: lambda memory, stop: _cut_short(memory, stop)._replace(stop=stop.detail),
    OperatorResume: _learn_resumed,
}
"""Which events are facts, and what each changes."""
