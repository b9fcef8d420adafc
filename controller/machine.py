"""The pure core: an event and the time go in, commands come out.

Nothing here reads a clock, touches hardware or keeps anything on disk. The
whole of what the machine knows is one immutable :class:`Memory`, so that a
step either happens or leaves no mark, and an explorer can count the states.
"""

import logging
from dataclasses import dataclass
from enum import Enum

import transitions

from controller.commands import (
    AllOff,
    Command,
    Dispense,
    EndPulse,
    NewCode,
    Refusal,
    Refuse,
    Settle,
)
from controller.events import (
    Confirmed,
    DeadlinePassed,
    Dropped,
    Event,
    Failed,
    Released,
    Scanned,
    WarningShown,
)
from controller.memory import Memory, Phase, Run, Slot, learned, verdict, with_slot
from controller.table import SOURCES, TABLE, State

# It warns of each convenience method that Machine does not declare: none is wanted.
logging.getLogger("transitions").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers that the rules turn on, in milliseconds."""

    dwell_ms: int
    scan_timeout_ms: int
    confirm_timeout_ms: int
    drop_timeout_ms: int
    stop_on_unknown: bool = False
    """Whether a dispense of unknown outcome stops the machine until a person reconciles it."""
    senses_drop: bool = False
    """Whether a drop sensor has the last word on a dispense."""
    tries_another_slot: bool = False
    """Whether another slot is tried, once, when the sensor saw no drink fall."""


class Reason(Enum):
    """Why the machine is out of service, the most telling first."""

    STOPPED = "stopped"
    STARTING = "starting"
    RELAY_LOST = "relay_lost"
    JOURNAL_LOST = "journal_lost"
    SENSOR_LOST = "sensor_lost"
    UNKNOWN_OUTCOME = "unknown_outcome"
    SOLD_OUT = "sold_out"
    NO_SLOT_TO_TRUST = "no_slot_to_trust"


class Machine:
    """The state machine of one drinks machine.

    :meth:`handle` is the only way in. It is not thread-safe: one loop owns it.
    """

    state: State

    def __init__(
        self,
        slots: tuple[Slot, ...],
        rules: Rules,
        *,
        unknown: int = 0,
        next_dispense_id: int = 1,
    ) -> None:
        self.rules = rules
        self.memory = Memory(slots=slots, next_dispense_id=next_dispense_id, unknown=unknown)
        self._now_ms = 0
        self._outbox: list[Command] = []
        self._triggers = transitions.Machine(
            self,
            states=State,
            initial=State.OUT_OF_SERVICE,
            auto_transitions=False,
            model_override=True,
            prepare_event=self.learn,
            transitions=[
                {
                    "trigger": row.trigger,
                    "source": list(row.sources),
                    "dest": row.dest,
                    # The methods themselves: by name, each would be looked up at every step.
                    "conditions": [getattr(self, name) for name in row.guards],
                    "after": [getattr(self, name) for name in row.effects],
                }
                for row in TABLE
            ],
        ).events

    # -- the way in ----------------------------------------------------------

    def handle(self, event: Event, now_ms: int) -> tuple[Command, ...]:
        """Apply ``event`` at ``now_ms``; return what is to be done, in order.

        A deadline that has passed is applied first, so that the order in which
        an event and the timer reach the loop decides nothing; but what is known of
        the running dispense is never overruled by a deadline that waited for it, and a
        stop waits for none. A refused event returns exactly one :class:`Refuse` of its
        own and changes nothing.

        Raises ValueError, with nothing changed, if ``now_ms`` runs backwards.
        """
        if now_ms < self._now_ms:
            raise ValueError(f"the clock ran back from {self._now_ms} to {now_ms} ms")
        state, memory, then_ms = self.state, self.memory, self._now_ms
        self._now_ms = now_ms
        try:
            due_ms = memory.deadline_ms
            if due_ms is None or now_ms < due_ms or event.outruns_deadline:
                return self._apply(event)
            return self._apply(DeadlinePassed()) + self._apply(event)
        except BaseException:
            # transitions leaves a half-done step as it is; nothing half done may stay.
            self.state, self.memory, self._now_ms = state, memory, then_ms
            raise

    def deadline_ms(self) -> int | None:
        """When :meth:`handle` wants a DeadlinePassed, or None for never."""
        return self.memory.deadline_ms

    def _apply(self, event: Event) -> tuple[Command, ...]:
        if self.state not in SOURCES[event.trigger]:
            # Asked here, since transitions would raise: a crowd's every late tap, a traceback.
            return (Refuse(Refusal.NOT_NOW),)
        memory = self.memory
        self._outbox = []
        if self._triggers[event.trigger].trigger(self, event):
            return tuple(self._outbox)
        self.memory = memory
        return (Refuse(self._why_refused(event)),)

    def _why_refused(self, event: Event) -> Refusal:
        match event:
            case Confirmed() if event.code == self.memory.code:
                return Refusal.TOO_EARLY
            case Scanned() | WarningShown() | Confirmed():
                return Refusal.STALE_CODE
            case DeadlinePassed():
                return Refusal.NOT_NOW
        return Refusal.OTHER_DISPENSE

    # -- what others may ask -------------------------------------------------

    def reason(self) -> tuple[Reason, str] | None:
        """Why nobody can be served, with the operator's detail; None if somebody can."""
        memory = self.memory
        if memory.stop:
            return Reason.STOPPED, memory.stop
        if memory.relay_fault:
            return Reason.RELAY_LOST, memory.relay_fault
        if memory.journal_fault:
            return Reason.JOURNAL_LOST, memory.journal_fault
        if memory.starting:
            return Reason.STARTING, ""
        if memory.sensor_fault:
            return Reason.SENSOR_LOST, memory.sensor_fault
        if memory.unknown and self.rules.stop_on_unknown:
            return Reason.UNKNOWN_OUTCOME, f"{memory.unknown} dispenses wait to be reconciled"
        if self.serving_slot() is not None:
            return None
        if not any(slot.remaining for slot in memory.slots):
            return Reason.SOLD_OUT, ""
        faults = (f"{slot.name}: {slot.fault}" for slot in memory.slots if slot.fault)
        return Reason.NO_SLOT_TO_TRUST, "; ".join(faults)

    def serving_slot(self) -> int | None:
        """The slot that serves next: the fullest healthy one, the first of equals."""
        best: int | None = None
        most = 0
        for index, slot in enumerate(self.memory.slots):
            if slot.remaining > most and not slot.fault:
                best, most = index, slot.remaining
        return best

    # -- facts: taken in before the guards are asked ---------------------------

    def learn(self, event: Event) -> None:
        """Take in what ``event`` says of the world, whatever follows from it."""
        self.memory = learned(self.memory, event)

    # -- guards ----------------------------------------------------------------

    def overdue(self, event: Event) -> bool:
        deadline_ms = self.memory.deadline_ms
        return deadline_ms is not None and self._now_ms >= deadline_ms

    def code_is_current(self, event: Scanned | WarningShown | Confirmed) -> bool:
        return event.code == self.memory.code

    def dwell_passed(self, event: Confirmed) -> bool:
        return self._now_ms - event.served_ms >= self.rules.dwell_ms

    def same_dispense(self, event: Released | Dropped | Failed) -> bool:
        run = self.memory.run
        return run is not None and event.dispense_id == run.dispense_id

    def pulse_unfinished(self, event: Event) -> bool:
        run = self.memory.run
        return run is not None and run.phase in (Phase.ASKED, Phase.ON)

    def relay_not_released(self, event: Event) -> bool:
        run = self.memory.run
        return run is not None and run.phase is not Phase.FALLING

    def drop_awaited(self, event: Released) -> bool:
        run = self.memory.run
        return self.rules.senses_drop and run is not None and not run.dropped

    def no_drink_fell(self, event: DeadlinePassed) -> bool:
        run = self.memory.run
        return run is not None and run.phase is Phase.FALLING and not run.dropped

    def another_may_try(self, event: DeadlinePassed) -> bool:
        run = self.memory.run
        return self.rules.tries_another_slot and run is not None and not run.retry_of

    def can_serve(self, event: Event) -> bool:
        return self.reason() is None

    # -- effects: they only append to the outbox and renew the memory ----------

    def await_shown(self, event: Event) -> None:
        self._due_in(self.rules.scan_timeout_ms)

    def await_confirmed(self, event: Event) -> None:
        self._due_in(self.rules.confirm_timeout_ms)

    def begin_dispense(self, event: Confirmed) -> None:
        self._begin(event.code, event.visit)

    def begin_another_try(self, event: DeadlinePassed) -> None:
        run = self._run()
        self._begin(run.code, run.visit, run.dispense_id)

    def _begin(self, code: int, visit: str, retry_of: int = 0) -> None:
        memory = self.memory
        index = self.serving_slot()
        assert index is not None, "a session runs only while a slot can serve"
        slot = memory.slots[index]
        dispense_id = memory.next_dispense_id
        self.memory = memory._replace(
            slots=with_slot(memory.slots, index, slot.one_less()),
            next_dispense_id=dispense_id + 1,
            run=Run(dispense_id, index, code, visit, retry_of),
            # OFF is scheduled before ON is asked for.
            deadline_ms=self._now_ms + slot.pulse_ms,
        )
        self._outbox.append(
            Dispense(
                dispense_id, code, visit, slot.name, slot.channel, slot.pulse_ms, retry_of=retry_of
            )
        )

    def time_pulse(self, event: Event) -> None:
        run = self._run()
        self._renew_run(run.come_to(Phase.ON), self.memory.slots[run.slot].pulse_ms)

    def end_pulse(self, event: Event) -> None:
        run = self._run()
        self._renew_run(run.come_to(Phase.ENDING), self.rules.drop_timeout_ms)
        self._outbox.append(EndPulse(run.dispense_id, self.memory.slots[run.slot].channel))

    def await_drop(self, event: Released) -> None:
        run = self._run()._replace(phase=Phase.FALLING, released=event.outcome)
        self._renew_run(run, self.rules.drop_timeout_ms)

    def note_drop(self, event: Event) -> None:
        self.memory = self.memory._replace(run=self._run()._replace(dropped=True))

    def settle_try(self, event: DeadlinePassed) -> None:
        run = self._run()
        self._outbox.append(Settle(run.dispense_id, *verdict(run, event)))

    def settle(self, event: Event) -> None:
        run = self._run()
        outcome, drink_kept = verdict(run, event)
        self.memory = self.memory.until(None, None)
        self._outbox.append(Settle(run.dispense_id, outcome, drink_kept))

    def new_code(self, event: Event) -> None:
        self.memory = self.memory._replace(code=self.memory.code + 1, deadline_ms=None)
        self._outbox.append(NewCode(self.memory.code))

    def all_off(self, event: Event) -> None:
        self.memory = self.memory.until(None, self.memory.run)
        self._outbox.append(AllOff())

    def _due_in(self, span_ms: int) -> None:
        self.memory = self.memory.until(self._now_ms + span_ms, self.memory.run)

    def _run(self) -> Run:
        run = self.memory.run
        assert run is not None, "the dispensing state has a running dispense"
        return run

    def _renew_run(self, run: Run, span_ms: int) -> None:
        self.memory = self.memory.until(self._now_ms + span_ms, run)
