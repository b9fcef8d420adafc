"""One machine and all around it, in virtual time: what a hand can do to it, and what is seen.

The controller is the real one, assembled as in ``quench run``: its loop body,
its journal on disk, its driver down to the bytes. The world stands in for the
outermost loop, moves the clock, and watches the safety properties.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random

from controller.assembly import Controller, assemble
from controller.config import Config
from controller.door import Page, Word
from controller.journal import Book, Entry, Journal
from controller.runner import deliver
from controller.table import State
from drivers import registry
from drivers.hal import Relay, RelaySettings, open_with_off
from sim import faults, hardware
from sim.boards.base import Switched
from sim.chute import Chute
from sim.clock import VirtualClock
from sim.properties import Limits, Properties
from sim.trace import (
    Attached,
    BooksSeen,
    Booted,
    Died,
    Fell,
    Intent,
    RelaySwitched,
    Seen,
    Served,
    Shown,
    StateSeen,
    Tapped,
    Weather,
)

MOST_TURNS = 10_000
"""Far beyond what one moment can ask of the loop; only a loop that never rests comes there."""


class PowerCut(BaseException):
    """The power goes, wherever the program is: nothing may catch it."""


class World:
    """``config``'s machine in ``folder``, from one ``seed``. :meth:`close` it."""

    def __init__(self, config: Config, folder: Path, seed: int = 0) -> None:
        self.config = config
        self.clock = VirtualClock()
        self.trace: list[Seen] = []
        self.limits = Limits(
            dwell_ms=config.timing.dwell_ms,
            longest_ms=max(
                config.timing.scan_timeout_ms,
                config.timing.confirm_timeout_ms,
                # One try in each of two slots, at the most.
                2 * (config.timing.drop_timeout_ms + max(slot.pulse_ms for slot in config.slots)),
            ),
            pulse_ms={slot.channel: slot.pulse_ms for slot in config.slots},
            slot={slot.channel: slot.name for slot in config.slots},
            tries_another_slot=config.safety.on_no_drop == "try_another_slot",
        )
        self.properties = Properties(self.limits)
        self.date: Callable[[], str] = lambda: "2019-04-27 10:00:00"
        """The wall clock. Nothing may depend on it."""
        self.cut_power_when: Callable[[Switched], bool] = lambda switched: False
        self._random = Random(seed)  # noqa: S311
        self._path = folder / "quench.db"
        self.driver = registry.load(config.hardware.relay.driver)
        self.wire = hardware.wire(config.relay_settings(), self.clock)
        self.board = self.wire.board
        self.board.on_switch = self._switched
        self.chute = Chute(self.limits.pulse_ms, self.clock)
        self.chute.on_fall = lambda fall: self._see(Fell(self.now_ms, fall.channel))
        self.clock.next_ms = self._next_look_ms
        self.clock.look = self._look_at_beam
        self.wire.on_open = lambda: self._see(Attached(self.now_ms))
        self._beam_broken = False
        self._beam_changed_ms = -1_000
        self._locker: sqlite3.Connection | None = None
        self._onlooker: sqlite3.Connection | None = None
        self._journal: Journal | None = None
        self.controller: Controller | None = None

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    @property
    def state(self) -> State:
        assert self.controller is not None, "the controller runs"
        return self.controller.runner.feed.status.state

    @property
    def token(self) -> str:
        """The token in the code that can be fetched now, or the empty string."""
        return self.controller.runner.feed.status.token if self.controller else ""

    @property
    def broken(self) -> bool:
        """Whether anything waits to be mended."""
        return self.controller is None or not self._weather().fair

    @property
    def journal_is_free(self) -> bool:
        """Whether no other program holds the journal."""
        return self._locker is None

    def entries(self) -> list[Entry]:
        """Every dispense that the journal holds."""
        assert self._journal is not None
        return self._journal.entries(1_000_000)

    # -- power --------------------------------------------------------------------

    def boot(self) -> None:
        """Start a controller on what the last one left."""
        assert self.controller is None, "one controller at a time"
        self._journal = Journal(self._path, busy_ms=0, date=self.date)
        self.controller = assemble(
            self.config,
            self._journal,
            self._open_relay,
            hardware.sensor(self.config.sensor_settings(), self.chute, self.wire),
            clock=self.clock,
            random_bytes=self._random.randbytes,
        )
        if self._onlooker is None:
            self._onlooker = sqlite3.connect(self._path, isolation_level=None)
        self._see(Booted(self.now_ms))
        self._turns()

    def kill(self) -> None:
        """The controller is gone at once, as by SIGKILL; the board keeps what it does."""
        assert self._journal is not None
        self._see(Died(self.now_ms))
        self.controller = None
        self._journal.close()
        self.wire.release()

    def cut_power(self) -> None:
        """The whole machine goes dark: the controller, and the board's relays with it."""
        self.kill()
        self.board.power_off(self.now_ms)

    def stop(self) -> None:
        """An orderly stop, as by SIGTERM: a dispense that has begun is brought to its end."""
        while self.controller is not None and self.state is State.DISPENSING:
            self._pass_to(self.controller.runner.wake_ms())
            self._turns()
        if self.controller is not None:
            self.controller.runner.stop(self.now_ms)
            self.kill()

    def close(self) -> None:
        self.unlock_journal()
        if self.controller is not None:
            self.kill()
        if self._onlooker is not None:
            self._onlooker.close()

    # -- parts -----------------------------------------------------------------------

    def unplug(self) -> None:
        """Pull the relay's cable."""
        self.wire.plugged = False
        self._see(self._weather())
        self.wire.unplug()
        self._turns()

    def plug(self) -> None:
        self.wire.plug()
        self._see(self._weather())
        self._turns()

    def throw(self, text: str) -> None:
        """Throw a switch of the board, such as ``silent``; :meth:`mend` puts them all back."""
        self.board.throw(faults.switch(text), self.now_ms)
        self._see(self._weather())

    def mend(self) -> None:
        self.board.mend()
        self._see(self._weather())

    def jam(self, *channels: int) -> None:
        """From now on these slots' motors turn and no drink comes, and all others' are well."""
        self.chute.jammed = set(channels)
        self._see(self._weather())

    def block(self, blocked: bool = True) -> None:
        """Put something into the beam, or take it out."""
        self.chute.blocked = blocked
        self._see(self._weather())

    def lock_journal(self) -> None:
        """Another program writes to the journal and doesn't end."""
        if self._locker is None:
            self._locker = sqlite3.connect(self._path, isolation_level=None)
            self._locker.execute("BEGIN IMMEDIATE")
            self._see(self._weather())

    def unlock_journal(self) -> None:
        if self._locker is not None:
            self._locker.close()
            self._locker = None
            self._see(self._weather())

    def load(self, slot: str, drinks: int) -> None:
        """The operator fills a slot: ``quench stock load``, beside the running controller."""
        with closing(Journal(self._path, busy_ms=0, date=self.date)) as journal:
            journal.load(slot, drinks)

    # -- visitors ---------------------------------------------------------------------

    def fetch(self, token: str, mark: str = "", *, by_person: bool = True) -> Page:
        """A phone, or a robot, gets the page of ``token``."""
        assert self.controller is not None
        page = self.controller.door.look(token, mark, by_person=by_person)
        if page.word is Word.FORM and page.mark != mark:
            self._see(Served(self.now_ms, token, page.mark))
        self._turns()
        return page

    def show(self, token: str, mark: str) -> None:
        """The phone renders the page with ``mark``."""
        assert self.controller is not None
        self._see(Shown(self.now_ms, token, mark))
        self.controller.door.shown(token, mark)
        self._turns()

    def tap(self, token: str, mark: str) -> None:
        """The visitor taps the button of that page, which therefore was rendered."""
        self._tap(token, mark)
        self._turns()

    def race(self, pages: list[tuple[str, str]]) -> None:
        """Several taps reach the inbox before the loop sees the first."""
        for token, mark in pages:
            self._tap(token, mark)
        self._turns()

    def _tap(self, token: str, mark: str) -> None:
        assert self.controller is not None
        self._see(Shown(self.now_ms, token, mark))
        self._see(Tapped(self.now_ms, token, mark))
        self.controller.door.tap(token, mark, lambda: None)

    # -- time -------------------------------------------------------------------------

    def wait(self, span_ms: int) -> None:
        """Let ``span_ms`` pass, with all that falls due in it."""
        end_ms = self.now_ms + span_ms
        while self.controller is not None:
            look_ms = self._next_look_ms()
            wake_ms = self.controller.runner.wake_ms()
            wake_ms = wake_ms if look_ms is None else min(wake_ms, look_ms)
            if wake_ms > end_ms:
                break
            self._pass_to(wake_ms)
            self._turns()
        self._pass_to(end_ms)

    def _pass_to(self, now_ms: int) -> None:
        """Time moves on to ``now_ms``, for the board too."""
        self.clock.advance_to(now_ms)
        with self._power():
            self.wire.advance()
        if self.controller is not None:
            self.controller.runner.watchdog.bite(self.now_ms)
        self.properties.at(self.now_ms)

    def _turns(self) -> None:
        """What the outermost loop does, until nothing is due at this moment."""
        turns = count()
        with self._power():
            while self.controller is not None:
                assert next(turns) < MOST_TURNS, "the loop has always something to do"
                now_ms = self.now_ms
                event = self.controller.runner.due(now_ms)
                if event is not None:
                    self.controller.runner.step(event, now_ms)
                elif (letter := self.controller.inbox.take(0)) is not None:
                    deliver(self.controller.runner, letter, self.clock)
                elif self.controller.runner.wake_ms() > self.now_ms:
                    break
                if not self.controller.runner.unfinished:
                    self._look()

    @contextmanager
    def _power(self) -> Iterator[None]:
        """Whoever cuts it meanwhile, the machine goes dark and the world goes on."""
        try:
            yield
        except PowerCut:
            self.cut_power()

    def _next_look_ms(self) -> int | None:
        """When the beam changes, and when a break of it has lasted long enough."""
        edge_ms = self.chute.next_ms()
        settled_ms = self._beam_changed_ms + self.config.hardware.drop_sensor.debounce_ms
        if settled_ms > self.now_ms:
            return settled_ms if edge_ms is None else min(settled_ms, edge_ms)
        return edge_ms

    def _look_at_beam(self) -> None:
        """What the thread beside the loop does, at the moments that matter."""
        broken = self.chute.broken()
        if broken is not self._beam_broken:
            self._beam_broken, self._beam_changed_ms = broken, self.now_ms
        if self.controller is not None:
            self.controller.runner.beam.watch.look(self.now_ms)

    # -- watching -----------------------------------------------------------------------

    def _open_relay(self, settings: RelaySettings) -> Relay:
        if self.driver.on_pins:
            self.wire.open()
        return open_with_off(self.driver, replace(settings, port=self.wire.url), self.clock)

    def _switched(self, switched: Switched) -> None:
        self.chute.switched(switched)
        self._see(
            RelaySwitched(
                switched.at_ms,
                switched.channel,
                switched.on,
                switched.commanded,
                self._intents() if switched.on else (),
            )
        )
        if switched.commanded and self.cut_power_when(switched):
            raise PowerCut

    def _look(self) -> None:
        """See the machine's state and its books, as another process would."""
        assert self.controller is not None
        status = self.controller.runner.feed.status
        self._see(StateSeen(self.now_ms, status.state, status.reason))
        self._see(self._books())

    def _see(self, seen: Seen) -> None:
        self.trace.append(seen)
        self.properties.see(seen)

    def _weather(self) -> Weather:
        well = not self.board.faults and not self.chute.blocked
        fair = well and self.wire.plugged and self._locker is None
        return Weather(self.now_ms, fair)

    def _intents(self) -> tuple[Intent, ...]:
        assert self._onlooker is not None
        rows = self._onlooker.execute(
            "SELECT open.id, open.slot, coalesce(open.token_digest, first.token_digest),"
            " open.retry_of FROM dispense AS open LEFT JOIN dispense AS first"
            " ON first.id = open.retry_of WHERE open.outcome = 'open'"
        )
        return tuple(Intent(*row) for row in rows)

    def _books(self) -> BooksSeen:
        assert self._onlooker is not None
        books = tuple(
            Book(*row)
            for row in self._onlooker.execute(
                "SELECT name, loaded, remaining, dispensed, failed, unknown FROM slot ORDER BY name"
            )
        )
        sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        opened = 0
        for slot, outcome, kept, found in self._onlooker.execute(
            "SELECT slot, outcome, drink_kept, found FROM dispense"
        ):
            opened += outcome == "open"
            sums[slot][_column(outcome, bool(kept), found)] += 1
        counted = tuple(
            replace(
                book,
                dispensed=sums[book.name]["dispensed"],
                failed=sums[book.name]["failed"],
                unknown=sums[book.name]["unknown"],
            )
            for book in books
        )
        return BooksSeen(self.now_ms, books, counted, opened)


def _column(outcome: str, kept: bool, found: str | None) -> str:
    """Which sum a dispense belongs to."""
    if kept or found == "remaining":
        return "remaining"
    if found is not None:
        return found
    if outcome in ("open", "unknown"):
        return "unknown"
    return "failed" if outcome == "failed" else "dispensed"
