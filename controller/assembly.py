"""Puts the parts of one controller together, the same way on the Pi, on a laptop and in a test."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from controller.codes import Marks, new_token
from controller.config import Config
from controller.door import Door
from controller.drops import Beam, DropWatch
from controller.inbox import Inbox, Letter
from controller.journal import DIGESTS_KEPT, Journal
from controller.machine import Machine, Rules
from controller.memory import Slot
from controller.runner import Listener, Runner
from controller.visits import Fate, Visit, Visits
from drivers.hal import Clock, DropSensor, Relay, RelaySettings, SensorSettings

log = logging.getLogger("quench")


@dataclass(frozen=True, slots=True)
class Controller:
    """A controller, ready to run; :func:`controller.runner.serve` runs it."""

    config: Config
    runner: Runner
    door: Door
    inbox: Inbox


def assemble(
    config: Config,
    journal: Journal,
    open_relay: Callable[[RelaySettings], Relay],
    open_sensor: Callable[[SensorSettings, Relay], DropSensor],
    *,
    clock: Clock,
    random_bytes: Callable[[int], bytes],
    listeners: Sequence[Listener] = (),
) -> Controller:
    """A controller for ``config`` that begins where ``journal`` ends. Raises JournalError."""
    crashed = journal.recover()
    if crashed:
        log.warning(
            "the last run ended during a dispense: its outcome is unknown; see 'quench journal'"
        )
    for slot in config.slots:
        if journal.ensure_slot(slot.name, slot.capacity):
            log.info(
                "slot %s is new and taken to be full, %d drinks; if not: quench stock load %s N",
                slot.name,
                slot.capacity,
                slot.name,
            )
    sensor = config.sensor_settings()
    left = {book.name: book.remaining for book in journal.books()}
    machine = Machine(
        tuple(Slot(s.name, s.channel, s.pulse_ms, left[s.name]) for s in config.slots),
        Rules(
            dwell_ms=config.timing.dwell_ms,
            scan_timeout_ms=config.timing.scan_timeout_ms,
            confirm_timeout_ms=config.timing.confirm_timeout_ms,
            drop_timeout_ms=config.timing.drop_timeout_ms,
            stop_on_unknown=config.safety.on_unknown == "stop",
            senses_drop=sensor is not None,
            tries_another_slot=config.safety.on_no_drop == "try_another_slot",
        ),
        unknown=journal.unreconciled(),
        next_dispense_id=journal.last_dispense_id() + 1,
    )
    inbox = Inbox()
    settings = config.relay_settings()
    visits = Visits(_remembered(journal))
    runner = Runner(
        machine,
        journal,
        lambda: open_relay(settings),
        capacities=[slot.capacity for slot in config.slots],
        new_token=lambda: new_token(random_bytes),
        visits=visits,
        beam=Beam(
            DropWatch(config.hardware.drop_sensor.debounce_ms, wake=lambda: inbox.put(Letter(()))),
            None if sensor is None else lambda relay: open_sensor(sensor, relay),
        ),
        listeners=listeners,
    )
    door = Door(
        visits=visits,
        marks=Marks(random_bytes(32)),
        feed=runner.feed,
        inbox=inbox,
        now_ms=clock.now_ms,
        dwell_ms=config.timing.dwell_ms,
    )
    return Controller(config, runner, door, inbox)


def _remembered(journal: Journal) -> Iterator[Visit]:
    """The visits that the journal knows of, each with how it ended in the end."""
    entries = journal.entries(DIGESTS_KEPT)
    retried = {entry.retry_of: entry for entry in entries if entry.retry_of}
    for entry in entries:
        if entry.token_digest:
            last = retried.get(entry.id, entry)
            yield Visit(0, entry.token_digest, Fate.SPENT, "", last.id, last.outcome)
