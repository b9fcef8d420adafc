"""The core as a value: what it is and knows, and what an event makes of it.

The machine under exploration is the real one, handed one mind at a time.
"""

from typing import NamedTuple

from controller.commands import Command, Refuse
from controller.events import DeadlinePassed, Event
from controller.machine import Machine, Reason
from controller.memory import Memory, Run, Slot
from controller.table import State
from sim.explore.alphabet import Alphabet

NOW_MS = 1_000
"""Every situation is told as of this moment: only what lies between two moments matters."""
CODE = 2
"""The number of the current scan code, always; the one before it is CODE - 1."""
NEXT_ID = 4
"""The number of the next dispense, always; those before it count down from there."""


class Mind:
    """All that the core is. Those of one :class:`Core` that are the same are one object."""

    __slots__ = ("due", "memory", "retold", "state", "thoughts")

    def __init__(self, state: State, memory: Memory) -> None:
        self.state = state
        self.memory = memory
        deadline_ms = memory.deadline_ms
        self.due = deadline_ms is not None and deadline_ms <= NOW_MS
        """Whether a deadline has passed."""
        self.thoughts: dict[Event, Thought] = {}
        """What became of it by each event that it was asked about."""
        self.retold: dict[tuple[int, int], Mind] = {}

    def same(self, other: "Mind") -> bool:
        """Whether there is no difference, though they may be two objects."""
        return self.state is other.state and self.memory == other.memory

    @property
    def door_is_open(self) -> bool:
        """Whether visitors are let in; when it opens again it does so with another code."""
        return self.state not in (State.DISPENSING, State.OUT_OF_SERVICE)


class Thought(NamedTuple):
    """What an event made of a mind."""

    mind: Mind
    commands: tuple[Command, ...] = ()
    reason: Reason | None = None
    """Why it is out of service, if it is."""

    @property
    def refused(self) -> bool:
        return len(self.commands) == 1 and isinstance(self.commands[0], Refuse)


def deadline_first(mind: Mind, event: Event) -> bool:
    """Whether ``event`` finds a deadline that is applied before it, or is one itself."""
    return mind.due and (isinstance(event, DeadlinePassed) or not event.outruns_deadline)


class Core:
    """The real machine, asked the same only once."""

    def __init__(self, alphabet: Alphabet) -> None:
        self.dwell_ms = alphabet.rules.dwell_ms
        self._alphabet = alphabet
        self._machine = alphabet.born((0,) * len(alphabet.slots), 0, NEXT_ID)
        self._births: dict[tuple[tuple[int, ...], int], Mind] = {}
        self._minds: dict[tuple[State, Memory], Mind] = {}

    @property
    def minds(self) -> list[Mind]:
        """Every one that there was."""
        return list(self._minds.values())

    def forget(self) -> None:
        """Let go of every mind: they hold one another."""
        for mind in self.minds:
            mind.thoughts.clear()
            mind.retold.clear()

    def born(self, remaining: tuple[int, ...], unknown: int) -> Mind:
        """That of a controller which has just started on such a journal."""
        if (remaining, unknown) not in self._births:
            machine = self._alphabet.born(remaining, unknown, NEXT_ID)
            self._births[remaining, unknown] = self.retold(_mind_of(machine), 0, 0)
        return self._births[remaining, unknown]

    def hear(self, mind: Mind, event: Event) -> Thought:
        """Let ``mind`` handle ``event`` now."""
        known = mind.thoughts.get(event)
        if known is None:
            known = mind.thoughts[event] = self._hear(mind, event)
        return known

    def _hear(self, mind: Mind, event: Event) -> Thought:
        machine = self._machine
        machine.state, machine.memory = mind.state, mind.memory
        commands = machine.handle(event, NOW_MS)
        reason = machine.reason() if machine.state is State.OUT_OF_SERVICE else None
        return Thought(_mind_of(machine), commands, None if reason is None else reason[0])

    def retold(self, mind: Mind, passed_ms: int, forgiven: int) -> Mind:
        """``mind`` as of NOW_MS, ``passed_ms`` later, with the usual numbers.

        ``forgiven`` dispenses of unknown outcome, which the journal knows as well, don't count.
        """
        known = mind.retold.get((passed_ms, forgiven))
        if known is None:
            memory = _retold(mind.memory, passed_ms, forgiven)
            known = self._minds.get((mind.state, memory))
            if known is None:
                known = self._minds[mind.state, memory] = Mind(mind.state, memory)
            mind.retold[passed_ms, forgiven] = known
        return known


def _mind_of(machine: Machine) -> Mind:
    return Mind(machine.state, machine.memory)


def _retold(memory: Memory, passed_ms: int, forgiven: int) -> Memory:
    newer = memory.next_dispense_id - NEXT_ID
    due_ms, run = memory.deadline_ms, memory.run
    if run is not None:
        run = Run(
            dispense_id=run.dispense_id - newer,
            slot=run.slot,
            code=run.code - memory.code + CODE,
            visit="page",
            retry_of=run.retry_of and run.retry_of - newer,
            phase=run.phase,
            released=run.released,
            dropped=run.dropped,
        )
    return Memory(
        slots=tuple(
            [
                Slot(slot.name, slot.channel, slot.pulse_ms, slot.remaining, slot.fault and "fault")
                for slot in memory.slots
            ]
        ),
        next_dispense_id=NEXT_ID,
        code=CODE,
        deadline_ms=None if due_ms is None else due_ms - passed_ms,
        run=run,
        unknown=memory.unknown - forgiven,
        starting=memory.starting,
        relay_fault=memory.relay_fault,
        journal_fault=memory.journal_fault,
        sensor_fault=memory.sensor_fault,
        stop=memory.stop,
    )
