"""What the real runner makes the real core do is what the explorer has seen it do.

The explorer answers the core's commands by a model of the runner. Here the runner itself does,
with its journal on disk, under a board, a sensor and people who do what they like; each step
must be one that was explored. So nothing can hide behind the model.
"""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from controller.commands import Settle
from controller.drops import Beam, DropWatch
from controller.events import (
    EVENTS,
    Confirmed,
    Dropped,
    Event,
    OperatorResume,
    OperatorStop,
    Outcome,
    Scanned,
    SensorBack,
    SensorLost,
    WarningShown,
)
from controller.journal import Journal
from controller.machine import Machine
from controller.runner import Runner
from controller.storage import RealDisk
from controller.table import State
from controller.visits import Visits
from drivers.hal import (
    Capabilities,
    NoAnswer,
    NotSent,
    PortLost,
    Refused,
    Relay,
    SensorError,
    StuckOff,
    WrongChannel,
)
from sim.explore.alphabet import RULES, Alphabet
from sim.explore.mind import NOW_MS, Core, Mind
from sim.explore.turn import LOST
from tests.explored import NO_SENSOR, SECOND_SLOT, explored

STEPS = 10_000
FAULTS = (Refused, StuckOff, WrongChannel, NotSent, PortLost, NoAnswer)


class Moody:
    """A board, or a sensor, that does as told more often than not."""

    capabilities = Capabilities(acknowledges=True)

    def __init__(self, random: Random, channels: range) -> None:
        self._random = random
        self.channels = channels

    def on(self, channel: int, pulse_ms: int) -> bool:
        self._fail(0.3, *FAULTS)
        return self._random.random() < 0.5

    def off(self, channel: int) -> bool:
        self._fail(0.1, PortLost, NoAnswer)
        return self._random.random() < 0.5

    def check(self) -> None:
        self._fail(0.02, PortLost)

    def broken(self) -> bool:
        self._fail(0.02, SensorError)
        return self._random.random() < 0.1

    def close(self) -> None:
        pass

    def _fail(self, chance: float, *errors: type[Exception]) -> None:
        if self._random.random() < chance:
            raise self._random.choice(errors)(LOST)


class Impatient(RealDisk):
    """No lock is waited for."""

    def connect(self, path: Path) -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, timeout=0)


class Walk:
    """One machine, and all that happens to it."""

    def __init__(self, alphabet: Alphabet, core: Core, folder: Path, random: Random) -> None:
        self._alphabet = alphabet
        self._core = core
        self._random = random
        self._path = folder / "quench.db"
        self._locker: sqlite3.Connection | None = None
        self._now_ms = 0
        self._late = False
        self._served_ms: list[int] = []
        self.went: Counter[object] = Counter()
        self._boot()

    def _boot(self) -> None:
        """As ``controller.assembly`` does."""
        alphabet = self._alphabet
        self._journal = journal = Journal(self._path, storage=Impatient())
        journal.recover()
        for name, holds in zip(alphabet.slots, alphabet.holds, strict=True):
            journal.ensure_slot(name, holds)
        books = {book.name: book for book in journal.books()}
        self._machine = alphabet.born(
            tuple(books[name].remaining for name in alphabet.slots),
            journal.unreconciled(),
            journal.last_dispense_id() + 1,
        )
        moody = Moody(self._random, alphabet.channels)
        senses = alphabet.rules.senses_drop
        self._runner = Runner(
            self._machine,
            journal,
            self._open_relay,
            capacities=alphabet.holds,
            new_token=lambda: str(self._random.random()),
            visits=Visits(),
            beam=Beam(DropWatch(debounce_ms=0), (lambda relay: moody) if senses else None),
        )

    def _open_relay(self) -> Relay:
        if self._random.random() < 0.3:
            raise NotSent(LOST)
        return Moody(self._random, self._alphabet.channels)

    def go(self, steps: int) -> None:
        for _ in range(steps):
            self._go()

    def _go(self) -> None:
        """What the runner has to do, or what somebody else does."""
        if self._random.random() < 0.005:
            self.went["killed"] += 1
            self._unlock()
            self._journal.close()
            self._boot()
        elif self._random.random() < 0.3:
            self._wait()
        else:
            self._runner.beam.watch.look(self._now_ms)
            event = self._runner.due(self._now_ms)
            if event is not None:
                self._step(event)
            else:
                self._random.choices([self._visit, self._operate, self._lock], [8, 1, 1])[0]()

    def _wait(self) -> None:
        """A moment, and not two while the loop has something to do; or long, if nobody minds."""
        waits = self._runner.wake_ms() <= self._now_ms
        if not (waits and self._late):
            minds = waits or self._machine.deadline_ms() is not None
            self._now_ms += 1 if minds else self._random.choice([1, 1_000])
            self._late = waits

    def _visit(self) -> None:
        """Mostly the next thing that a visitor does, on one of the pages of late."""
        code = self._machine.memory.code
        self._served_ms = [*self._served_ms[-3:], self._now_ms]
        served_ms = self._random.choice(self._served_ms)
        visit = [Scanned(code), WarningShown(code), Confirmed(code, served_ms, "page")]
        states = [State.IDLE, State.SCANNED, State.WARNED]
        meant = [5 if state is self._machine.state else 1 for state in states]
        self._step(self._random.choices(visit, meant)[0])

    def _operate(self) -> None:
        stops = self._random.random() < 0.2
        if self._machine.memory.stop:
            self._step(OperatorResume())
        elif stops:
            self._step(OperatorStop("stop"))
        elif self._locker is None:
            self._keep_books()

    def _keep_books(self) -> None:
        with closing(Journal(self._path, storage=Impatient())) as journal:
            entries = journal.entries(99)
            slot = self._random.randrange(len(self._alphabet.slots))
            name, most = self._alphabet.slots[slot], self._alphabet.holds[slot]
            most -= sum(entry.slot == name and entry.outcome is None for entry in entries)
            unknown = [e.id for e in entries if e.outcome is Outcome.UNKNOWN and e.found is None]
            if unknown and self._random.random() < 0.5:
                found = self._random.choice(["dispensed", "failed"])
                journal.reconcile(self._random.choice(unknown), found)
            else:
                journal.load(name, self._random.choice([most, most, 0]))

    def _lock(self) -> None:
        """Another program holds the journal for a while."""
        if self._locker is None:
            if self._random.random() < 0.1:
                self._locker = Impatient().connect(self._path)
                self._locker.execute("BEGIN IMMEDIATE")
        elif self._random.random() < 0.5:
            self._unlock()

    def _unlock(self) -> None:
        if self._locker is not None:
            self._locker.close()
            self._locker = None

    def _step(self, event: Event) -> None:
        """The runner's step, which must be one of the explorer's."""
        before = self._mind()
        assert before.thoughts, f"never explored: {before.state} {before.memory}"
        self._late = False
        gist = _gist(event, self._now_ms)
        commands = self._runner.step(event, self._now_ms)
        after = self._mind()
        asked = [type(command) for command in commands]
        known = [
            thought
            for asks, thought in before.thoughts.items()
            if _gist(asks, NOW_MS) == gist and [type(each) for each in thought.commands] == asked
        ]
        assert any(after in thought.mind.retold.values() for thought in known) or (
            after is before and any(thought.refused for thought in known)
        ), f"{event} in {before.state} {before.memory} led to {after.state} {after.memory}"
        self.went[type(event)] += 1
        self.went[after.state] += 1
        self.went.update(each.outcome for each in commands if isinstance(each, Settle))

    def _mind(self) -> Mind:
        """The core's, as the explorer tells it."""
        memory = self._machine.memory
        memory = memory._replace(
            relay_fault=memory.relay_fault and LOST,
            journal_fault=memory.journal_fault and LOST,
            sensor_fault=memory.sensor_fault and LOST,
        )
        forgiven = max(0, min(memory.unknown, self._journal.unreconciled()) - 1)
        mind = Mind(self._machine.state, memory)
        return self._core.retold(mind, self._now_ms - NOW_MS, forgiven)

    def close(self) -> None:
        self._unlock()
        self._journal.close()


def _gist(event: Event, now_ms: int) -> tuple[object, ...]:
    """What of it does not depend on how codes, dispenses and moments are counted."""
    told = [getattr(event, name, None) for name in ("outcome", "drink_kept")]
    dwelt = isinstance(event, Confirmed) and now_ms - event.served_ms >= RULES.dwell_ms
    return (type(event), dwelt, *told)


FOR_ALL = {*EVENTS} - {Dropped, SensorLost, SensorBack}


@pytest.mark.parametrize(
    ("alphabet", "events", "outcomes"),
    [
        (NO_SENSOR, FOR_ALL, {*Outcome} - {Outcome.DROPPED}),
        (SECOND_SLOT, {*EVENTS}, {*Outcome}),
    ],
)
def test_the_real_runner_does_nothing_that_was_not_explored(
    alphabet: Alphabet, events: set[type[Event]], outcomes: set[Outcome], tmp_path: Path
) -> None:
    with closing(Walk(alphabet, explored(alphabet)[0].core, tmp_path, Random(4))) as walk:
        walk.go(STEPS)
    assert {*State, *events, *outcomes, "killed"} == set(walk.went)


def test_a_core_that_does_something_else_is_told(tmp_path: Path) -> None:
    class NoDwell(Machine):
        def dwell_passed(self, event: Confirmed) -> bool:
            return True

    core, other = explored(NO_SENSOR)[0].core, replace(NO_SENSOR, machine=NoDwell)

    with (
        closing(Walk(other, core, tmp_path, Random(4))) as walk,
        pytest.raises(AssertionError, match=r"Confirmed.* led to State\.DISPENSING"),
    ):
        walk.go(STEPS)
