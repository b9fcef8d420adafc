"""The only loop: stamp the time once, decide, make durable, act.

The runner owns the machine, the journal and the relay. What the relay or the
journal answers comes back as the next event, with a time of its own; so do the
machine's deadline and the runner's own rounds (look after the relay, look
after the journal). Nothing here reads a clock: :func:`serve` does, and in a
simulation the world does.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence

from controller.commands import (
    AllOff,
    Command,
    Dispense,
    EndPulse,
    NewCode,
    Refuse,
    Settle,
)
from controller.drops import BLOCKED, Beam
from controller.errors import JournalError, NoDrinkLeft
from controller.events import (
    DeadlinePassed,
    Event,
    Failed,
    JournalBack,
    JournalLost,
    OperatorStop,
    Outcome,
    PulseStarted,
    RelayBack,
    RelayLost,
    Released,
    SensorBack,
    SensorLost,
    StockChanged,
)
from controller.inbox import Inbox, Letter
from controller.journal import Journal
from controller.machine import Machine
from controller.memory import Phase, Slot
from controller.rounds import Round
from controller.status import Feed, SlotStatus, Status
from controller.table import State
from controller.visits import Visits
from controller.watchdog import Watchdog
from drivers.hal import (
    Clock,
    NotSent,
    Refused,
    Relay,
    RelayError,
    StuckOff,
    WrongChannel,
    all_off,
)

log = logging.getLogger("quench")

Listener = Callable[[int, Event, tuple[Command, ...]], None]


class Runner:
    """One machine at work. One thread calls it; nothing in it blocks longer than a driver may."""

    def __init__(
        self,
        machine: Machine,
        journal: Journal,
        open_relay: Callable[[], Relay],
        *,
        capacities: Sequence[int],
        new_token: Callable[[], str],
        visits: Visits,
        beam: Beam,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self.machine = machine
        self.watchdog = Watchdog()
        self.visits = visits
        self.beam = beam
        self._journal = journal
        self._loads = journal.loads()
        self._open_relay = open_relay
        self._capacities = tuple(capacities)
        self._new_token = new_token
        self._listeners = tuple(listeners)
        self._token = ""
        self._outcomes: Counter[Outcome] = Counter()
        self._told_outcomes: tuple[tuple[Outcome, int], ...] = ()
        self._last_outcome: Outcome | None = None
        self._relay: Relay | None = None
        self._on_confirmed = False
        self._relay_round = Round()
        self._journal_round = Round()
        self._sensor_round = Round()
        self._blocked_before = False
        self._told_slots: tuple[Slot, ...] = ()
        self._slots: tuple[SlotStatus, ...] = ()
        self._unsettled: list[Settle] = []
        self._results: deque[Event] = deque()
        self.feed = Feed(self._status())

    # -- the loop's two questions ------------------------------------------------

    def due(self, now_ms: int) -> Event | None:
        """The runner's own next event at ``now_ms``, or None if it is others' turn.

        May look after the relay or the journal, which can block as a driver may.
        """
        if self._results:
            return self._results.popleft()
        if self.beam.watch.news is not None and (seen := self.beam.watch.take()) is not None:
            return seen
        deadline_ms = self.machine.memory.deadline_ms
        if deadline_ms is not None and now_ms >= deadline_ms:
            return self._deadline_passed()
        if now_ms < self._rounds_due_ms():
            return None
        return (
            (self._relay_round.is_due(now_ms) and self._look_after_relay(now_ms))
            or (self._journal_round.is_due(now_ms) and self._look_after_journal(now_ms))
            or (self._sensor_round.is_due(now_ms) and self._look_after_sensor(now_ms))
            or None
        )

    def _deadline_passed(self) -> Event:
        """That no drink was seen to fall says nothing if nobody looked."""
        run, gap_ms = self.machine.memory.run, self.beam.watch.gap_ms
        if gap_ms and run is not None and run.phase is Phase.FALLING:
            told = f"nobody looked at the beam for {gap_ms} ms; is this computer overloaded?"
            return SensorLost(told)
        return DeadlinePassed()

    @property
    def unfinished(self) -> bool:
        """Whether what a step asked for has been answered, and the answer waits to be applied."""
        return bool(self._results)

    def wake_ms(self) -> int:
        """When :meth:`due` will next have something to do."""
        if self._results or self.beam.watch.news is not None:
            return 0
        due_ms, deadline_ms = self._rounds_due_ms(), self.machine.memory.deadline_ms
        return due_ms if deadline_ms is None or due_ms < deadline_ms else deadline_ms

    def _rounds_due_ms(self) -> int:
        return min(self._relay_round.due_ms, self._journal_round.due_ms, self._sensor_round.due_ms)

    def step(self, event: Event, now_ms: int) -> tuple[Command, ...]:
        """Decide on ``event`` at ``now_ms`` and carry out what follows."""
        commands = self.machine.handle(event, now_ms)
        for command in commands:
            self._carry_out(command, now_ms)
        if not self._results:  # What follows at once belongs to the same moment.
            self.feed.publish(self._status())
        if commands:
            self._tell_phone(commands)
        for listener in self._listeners:
            listener(now_ms, event, commands)
        return commands

    def stop(self, now_ms: int) -> None:
        """Leave the hardware safe: all off, port closed."""
        self.step(OperatorStop("the controller is stopping"), now_ms)
        self._close_relay()

    def abandon(self) -> None:
        """The same without asking the machine, which may be what is broken."""
        try:
            if self._relay is not None:
                all_off(self._relay)
        finally:
            self._close_relay()

    # -- acting ---------------------------------------------------------------------

    def _carry_out(self, command: Command, now_ms: int) -> None:
        match command:
            case Dispense():
                self._dispense(command, now_ms)
            case EndPulse():
                self._end_pulse(command, now_ms)
            case Settle():
                self._settle(command, now_ms)
            case NewCode(code):
                self._token = self._new_token()
                self.visits.open(code, self._token)
            case AllOff():
                self._all_off(now_ms)
            case Refuse():
                pass

    def _dispense(self, command: Dispense, now_ms: int) -> None:
        digest = self.visits.spend(command.code, command.visit, command.dispense_id)
        try:
            relay = self._attached()
            relay.check()
        except RelayError as error:
            self._fail(command.dispense_id, kept=True, relay_lost=self._lose_relay(error, now_ms))
            return
        why_blind = self.beam.why_blind(relay)
        if why_blind:
            self._sensor_round.retry()
            self._fail(command.dispense_id, kept=True, sensor_lost=why_blind)
            return
        try:
            self._journal.intend(
                command.dispense_id, command.slot, digest, retry_of=command.retry_of
            )
        except NoDrinkLeft:
            self._fail(command.dispense_id, kept=True)
            self._journal_round.at_once(now_ms)  # Somebody has changed the stock.
            return
        except JournalError as error:
            self._fail(
                command.dispense_id, kept=True, journal_lost=self._lose_journal(error, now_ms)
            )
            return
        self.beam.arm(command.dispense_id)
        self.watchdog.arm(now_ms + command.pulse_ms, lambda: relay.off(command.channel))
        try:
            self._on_confirmed = relay.on(command.channel, command.pulse_ms)
        except (Refused, StuckOff, WrongChannel) as error:
            kept = not isinstance(error, WrongChannel)
            self._fail(command.dispense_id, kept=kept, slot_fault=str(error))
            self._all_off(now_ms)  # It costs nothing, should the board be wrong about itself.
            return
        except RelayError as error:
            self._fail(
                command.dispense_id,
                kept=isinstance(error, NotSent),
                relay_lost=self._lose_relay(error, now_ms),
            )
            return
        self._results.append(PulseStarted(command.dispense_id))

    def _end_pulse(self, command: EndPulse, now_ms: int) -> None:
        try:
            confirmed = self._attached().off(command.channel)
        except RelayError as error:
            self._fail(command.dispense_id, kept=False, relay_lost=self._lose_relay(error, now_ms))
            return
        self.watchdog.disarm()
        confirmed = confirmed and self._on_confirmed
        outcome = Outcome.RELAY_CONFIRMED if confirmed else Outcome.COMMANDED
        self._results.append(Released(command.dispense_id, outcome))

    def _settle(self, command: Settle, now_ms: int) -> None:
        self.beam.watch.disarm()
        self._outcomes[command.outcome] += 1
        self._told_outcomes = tuple(self._outcomes.items())
        self._last_outcome = command.outcome
        try:
            self._journal.settle(command.dispense_id, command.outcome, command.drink_kept)
        except JournalError as error:
            self._unsettled.append(command)
            self._results.append(JournalLost(self._lose_journal(error, now_ms)))

    def _all_off(self, now_ms: int) -> None:
        if self._relay is None:
            return  # Getting it back begins with OFF.
        try:
            all_off(self._relay)
        except RelayError as error:
            self._results.append(RelayLost(self._lose_relay(error, now_ms)))
        else:
            self.watchdog.disarm()

    def _fail(
        self,
        dispense_id: int,
        *,
        kept: bool,
        relay_lost: str = "",
        journal_lost: str = "",
        sensor_lost: str = "",
        slot_fault: str = "",
    ) -> None:
        """``kept``: nothing was energised. Otherwise it may have been, and nobody can tell."""
        outcome = Outcome.FAILED if kept else Outcome.UNKNOWN
        # Before any fault of the same moment, which would cut short what has a known end.
        self._results.appendleft(
            Failed(
                dispense_id,
                outcome,
                kept,
                relay_lost=relay_lost,
                journal_lost=journal_lost,
                sensor_lost=sensor_lost,
                slot_fault=slot_fault,
            )
        )

    # -- looking after the parts ------------------------------------------------------

    def _attached(self) -> Relay:
        if self._relay is None:
            raise NotSent("the relay is not connected")
        return self._relay

    def _look_after_relay(self, now_ms: int) -> Event | None:
        if self._relay is not None:
            try:
                self._relay.check()
            except RelayError as error:
                return RelayLost(self._lose_relay(error, now_ms))
            self._relay_round.again(now_ms)
            return None
        try:
            self._relay = self._open_relay()
        except RelayError as error:
            self._relay_round.retry()
            known = self.machine.memory.relay_fault
            return RelayLost(str(error)) if str(error) != known else None
        self._relay_round.again(now_ms)
        sensor = self._look_after_sensor(now_ms)
        if sensor is not None:
            self._results.append(sensor)
        return RelayBack()

    def _lose_relay(self, error: RelayError, now_ms: int) -> str:
        self._close_relay()
        # At once: a coil may be energised, and getting the board back begins with OFF.
        self._relay_round.at_once(now_ms)
        return str(error)

    def _close_relay(self) -> None:
        self.watchdog.disarm()  # A closed port can't be told; opening it begins with OFF.
        self.beam.close()  # It may hang on the relay's adapter.
        if self._relay is not None:
            self._relay.close()
            self._relay = None

    def _look_after_sensor(self, now_ms: int) -> Event | None:
        if not self.beam.fitted:
            self._sensor_round.never()
            return None
        if self._relay is None or self.machine.state is State.DISPENSING:
            self._sensor_round.again(now_ms)
            return None
        why_blind, known = self.beam.why_blind(self._relay), self.machine.memory.sensor_fault
        # A drink on its way out is no fault yet; one that stays in the beam is.
        passing = why_blind == BLOCKED and not self._blocked_before and not known
        self._blocked_before = why_blind == BLOCKED
        if why_blind and why_blind != BLOCKED:
            self._sensor_round.retry()
        elif why_blind:
            self._sensor_round.soon(now_ms)
        else:
            self._sensor_round.again(now_ms)
        if why_blind == known or passing:
            return None
        return SensorLost(why_blind) if why_blind else SensorBack()

    def _look_after_journal(self, now_ms: int) -> Event | None:
        try:
            if self.machine.memory.journal_fault:
                self._mend_journal()
                self._journal_round.again(now_ms)
                self._results.append(self._stock())
                return JournalBack()
            changed = self._journal.changed_by_others()
            self._journal_round.again(now_ms)
            return self._stock() if changed else None
        except JournalError as error:
            self._journal_round.retry()
            known = self.machine.memory.journal_fault
            return JournalLost(str(error)) if str(error) != known else None

    def _mend_journal(self) -> None:
        self._journal.probe()
        while self._unsettled:
            settle = self._unsettled[0]
            self._journal.settle(settle.dispense_id, settle.outcome, settle.drink_kept)
            del self._unsettled[0]

    def _lose_journal(self, error: JournalError, now_ms: int) -> str:
        self._journal_round.retry()
        return str(error)

    def _stock(self) -> StockChanged:
        slots = self.machine.memory.slots
        left = {book.name: book.remaining for book in self._journal.books()}
        unknown, loads = self._journal.unreconciled(), self._journal.loads()
        loaded = tuple(
            index
            for index, slot in enumerate(slots)
            if loads.get(slot.name) != self._loads.get(slot.name)
        )
        self._loads = loads
        return StockChanged(tuple(left[slot.name] for slot in slots), unknown, loaded)

    # -- telling ------------------------------------------------------------------------

    def _tell_phone(self, commands: Sequence[Command]) -> None:
        """How its drink ended. It hears last, when whatever else it may look at agrees."""
        for command in commands:
            if type(command) is Settle:
                self.visits.settle(command.dispense_id, command.outcome)

    def _status(self) -> Status:
        state, memory = self.machine.state, self.machine.memory
        why, detail = None, ""
        if state is State.DISPENSING:
            self._token = ""
        elif state is State.OUT_OF_SERVICE:
            self.visits.close()
            self._token = ""
            why, detail = self.machine.reason() or (None, "")
        if memory.slots is not self._told_slots:
            self._told_slots = memory.slots
            self._slots = tuple(
                SlotStatus(slot.name, capacity, slot.remaining, slot.fault)
                for slot, capacity in zip(memory.slots, self._capacities, strict=True)
            )
        token, outcomes, last = self._token, self._told_outcomes, self._last_outcome
        return Status(state, why, detail, memory.code, token, self._slots, outcomes, last)


def serve(
    runner: Runner,
    inbox: Inbox,
    clock: Clock,
    stopping: Callable[[], bool],
    hurrying: Callable[[], bool] = lambda: False,
) -> None:
    """Run until ``stopping()``; a dispense that has begun is brought to its end first.

    Unless ``hurrying()``: then it is cut short. However this ends, also by a fault
    of our own, every relay is told OFF.
    """
    try:
        while not (stopping() and (hurrying() or runner.machine.state is not State.DISPENSING)):
            turn(runner, inbox, clock)
        runner.stop(clock.now_ms())
    except BaseException:
        runner.abandon()
        raise


def turn(runner: Runner, inbox: Inbox, clock: Clock) -> None:
    """One turn of the loop: the runner's own event if one is due, else the next letter."""
    now_ms = clock.now_ms()
    event = runner.due(now_ms)
    if event is not None:
        runner.step(event, now_ms)
        return
    letter = inbox.take(runner.wake_ms() - clock.now_ms())
    if letter is not None:
        deliver(runner, letter, clock)


def deliver(runner: Runner, letter: Letter, clock: Clock) -> None:
    """Apply a letter's events in turn, each at its own moment, then say that it is done."""
    try:
        for event in letter.events:
            runner.step(event, clock.now_ms())
    finally:
        if letter.done is not None:
            letter.done()
