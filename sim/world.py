"""One machine and all around it, in virtual time: what a hand can do to it, and what is seen.

The controller is the real one, assembled as in ``quench run``: its loop body,
its journal in SQLite, its driver down to the bytes. The world stands in for the
outermost loop, moves the clock, and watches the safety properties.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from controller.assembly import Controller, assemble
from controller.config import Config
from controller.door import Page, Word
from controller.errors import JournalError
from controller.events import Scanned
from controller.inbox import Letter
from controller.journal import Entry, Journal
from controller.runner import Listener, deliver
from controller.status import Status
from controller.table import State
from drivers import registry, usb
from drivers.hal import Relay, RelaySettings, open_with_off
from sim import faults, hardware
from sim.boards.base import Board, Frame, Switched
from sim.chute import Chute
from sim.clock import VirtualClock
from sim.disk import Disk
from sim.instants import Instants, PowerCut
from sim.onlooker import Onlooker
from sim.properties import Limits, Properties
from sim.trace import (
    Answered,
    Attached,
    BeamSeen,
    BooksSeen,
    Booted,
    Died,
    Fell,
    Happened,
    Intent,
    Loaded,
    OnWire,
    RelaySwitched,
    Seen,
    Served,
    Shown,
    Stalled,
    StateSeen,
    Tapped,
    Weather,
)
from sim.usb_bus import UsbBus

PATH = Path("quench.db")
"""The journal, on the simulated disk."""

OPENING = datetime(2019, 4, 27, 10)  # noqa: DTZ001  # a clock on a wall has no zone
"""What the clock on the wall shows at 0 ms, unless somebody sets it."""

MOST_TURNS = 10_000
"""Far beyond what one moment can ask of the loop; only a loop that never rests comes there."""

STALL_STEP_MS = 50


class World:
    """``config``'s machine, from one ``seed``. :meth:`close` it."""

    def __init__(
        self,
        config: Config,
        seed: int = 0,
        *,
        board: Board | None = None,
        clock: VirtualClock | None = None,
        disk: Callable[[Instants], Disk] = Disk,
        listeners: Sequence[Listener] = (),
        path: Path = PATH,
        opening: datetime = OPENING,
    ) -> None:
        """``board``: an emulated one, if it is not the one of our own that the config names.

        ``path``: what the journal is called in what is said of it. ``opening``: what the
        clock on the wall shows at 0 ms, in UTC.
        """
        self.config = config
        self._path, self._opening = path, opening
        self._listeners = listeners
        self.clock = clock or VirtualClock()
        self.instants = Instants()
        self.disk = disk(self.instants)
        self.trace: list[Seen] = []
        self.bites: Counter[str] = Counter()
        """How often each thing that was wrong has changed what happened."""
        self.limits = limits(config)
        self.properties = Properties(self.limits)
        self.clock_is_off = timedelta()
        """How wrong the clock on the wall is. Nothing may depend on it."""
        self.cut_power_when: Callable[[Switched], bool] = lambda switched: False
        self.torn = 1.0
        """With what chance a power cut loses each sector that was not synced."""
        self.lost_sectors = 0
        """How many, in all power cuts."""
        self.on_down: Callable[[bool], None] = lambda dispensing: None
        """Called when :meth:`cut_after` has come true, with whether a relay or dispense was on."""
        self.on_boot: Callable[[Controller], None] = lambda controller: None
        """Called with each controller that is put together, before it does anything."""
        self.on_gone: Callable[[], None] = lambda: None
        """Called when the controller is gone, however it went."""
        self._random = Random(seed)  # noqa: S311
        self.driver = registry.load(config.hardware.relay.driver)
        self.wire = hardware.wire(config.relay_settings(), self.clock, board)
        self.board = self.wire.board
        self.board.on_switch, self.board.on_frame = self._switched, self._framed
        self.wire.instants = self.instants
        self.chute = Chute(self.limits.pulse_ms, self.clock)
        self.chute.on_fall = lambda fall: self._see(
            Fell(self.now_ms, fall.channel, unseen=self.chute.hides(fall))
        )
        self.clock.next_ms, self.clock.look = self._next_look_ms, self._look_at_beam
        self.wire.on_open = lambda: self._see(Attached(self.now_ms))
        self.disk.bites = self.board.bites = self.wire.bites = self.chute.bites = self.bites
        self._looks_for_drops = config.sensor_settings() is not None
        self._debounce_ms = config.hardware.drop_sensor.debounce_ms
        self._beam_broken = False
        self._beam_changed_ms = -1_000
        self._dies: Callable[[], None] = self.cut_power
        self._status: Status | None = None
        self._state: tuple[object, ...] = ()
        self._wrong: tuple[bool, tuple[str, ...]] = (True, ())
        self._locker: sqlite3.Connection | None = None
        self._onlooker: Onlooker | None = None
        self._onlooker_before: Onlooker | None = None
        self._changes_seen = 0
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

    def stock(self) -> dict[str, int]:
        """What the journal says is left in each slot, whether or not a controller runs."""
        with closing(self.disk.connect(self._path)) as database:
            return dict(database.execute("SELECT name, remaining FROM slot").fetchall())

    def dispenses(self) -> list[tuple[str, str]]:
        """Every dispense, its slot and its outcome, whether or not a controller runs."""
        with closing(self.disk.connect(self._path)) as database:
            rows = database.execute("SELECT slot, outcome FROM dispense ORDER BY id")
            return [(slot, outcome) for slot, outcome in rows]

    # -- power --------------------------------------------------------------------

    def boot(self) -> None:
        """Start a controller on what the last one left. Raises JournalError if it can't."""
        assert self.controller is None, "one controller at a time"
        with self._power():
            try:
                self._journal = Journal(self._path, storage=self.disk, date=self._date)
                self.controller = assemble(
                    self.config,
                    self._journal,
                    self._open_relay,
                    hardware.sensor(self.config.sensor_settings(), self.chute, self.wire),
                    clock=self.clock,
                    random_bytes=self._random.randbytes,
                    listeners=self._listeners,
                )
            except JournalError as error:
                self._die(f"it can't start: {error}")
                raise
            if self._onlooker is None:
                self._onlooker = Onlooker(
                    lambda: self.disk.connect(self._path), self._onlooker_before
                )
            self.on_boot(self.controller)
            self._see(Booted(self.now_ms))
            self._look(anew=True)
        self._turns()

    def kill(self) -> None:
        """The controller is gone at once, as by SIGKILL; the board keeps what it does."""
        self._die("killed")

    def cut_power(self) -> None:
        """The whole machine goes dark: the controller, and the board's relays with it."""
        self.disk.dead = True
        self._die("without power")
        self._forget_onlooker()
        self.unlock_journal()
        self.lost_sectors += self.disk.lose_power(self.torn, self._random)
        self.disk.dead = False
        self.board.power_off(self.now_ms)

    def cut_after(self, instants: int, *, kill: bool = False) -> None:
        """:meth:`cut_power`, or :meth:`kill`, at the ``instants``-th instant from now."""
        self._dies = self.kill if kill else self.cut_power
        self.instants.cut_at = instants

    def stop(self, *, hurry: bool = False) -> None:
        """An orderly stop, as by SIGTERM: a dispense that has begun is brought to its end.

        Unless in a ``hurry``, as by a second signal.
        """
        while not hurry and self.controller is not None and self.state is State.DISPENSING:
            self._pass_to(self.controller.runner.wake_ms())
            self._turns()
        if self.controller is not None:
            with self._power():
                self.controller.runner.stop(self.now_ms)
                self._die("stopped")

    def close(self) -> None:
        self.instants.cut_at = 0
        self._see = lambda seen: None  # type: ignore[method-assign]  # nobody judges any more
        self.unlock_journal()
        if self.controller is not None:
            self.kill()
        self._forget_onlooker()
        self.wire.close()
        self.disk.close()

    def _die(self, how: str) -> None:
        self._see(Died(self.now_ms, how))
        self.controller = None
        self._status, self._state = None, ()
        if self._journal is not None:
            # It writes nothing any more, and tidies up nothing.
            dark, self.disk.dead = self.disk.dead, True
            self._journal.close()
            self.disk.dead = dark
            self._journal = None
        self.wire.release()
        self.on_gone()

    def _forget_onlooker(self) -> None:
        if self._onlooker is not None:
            self._onlooker.close()
            self._onlooker_before, self._onlooker = self._onlooker, None

    # -- parts -----------------------------------------------------------------------

    def unplug(self) -> None:
        """Pull the relay's cable."""
        self.wire.plugged = False
        self.see_weather()
        self.wire.unplug()
        self._turns()

    def plug(self) -> None:
        self.wire.plug()
        self.see_weather()
        self._turns()

    def replug(self) -> None:
        """Pull the relay's cable, and put it in again before anybody has noticed."""
        self._see(Happened(self.now_ms, "the cable is pulled, and is back"))
        self.wire.unplug()
        self.wire.plug()
        self._turns()

    def throw(self, text: str) -> None:
        """Throw a switch of the board, such as ``silent``; :meth:`mend` puts them all back."""
        self.board.throw(faults.switch(text), self.now_ms)
        self.see_weather()

    def mend(self, text: str = "") -> None:
        """Put that switch back, or all."""
        self.board.mend(faults.switch(text) if text else None)
        self.see_weather()

    def jam(self, *channels: int) -> None:
        """From now on these slots' motors turn and no drink comes, and all others' are well."""
        self.chute.jammed = set(channels)
        self.see_weather()

    def block(self, blocked: bool = True) -> None:
        """Put something into the beam, or take it out."""
        self.chute.blocked = blocked
        self.see_weather()

    def lock_journal(self) -> None:
        """Another program writes to the journal and doesn't end."""
        if self._locker is None:
            with self._power():
                self._locker = self.disk.connect(self._path)
                self._locker.execute("BEGIN IMMEDIATE")
                self.see_weather()

    def unlock_journal(self) -> None:
        if self._locker is not None:
            self._locker.close()
            self._locker = None
            self.see_weather()

    def load(self, slot: str, drinks: int) -> None:
        """The operator fills a slot: ``quench stock load``, beside the running controller."""

        def load(journal: Journal) -> None:
            journal.load(slot, drinks)
            self._see(Loaded(self.now_ms, slot, drinks))

        self._at_the_journal(load)

    def reconcile(self, found: str) -> None:
        """``quench journal reconcile``: the operator settles the oldest unknown one, if any."""
        dispense_id = self._onlooker.oldest_unknown() if self._onlooker else None
        if dispense_id is not None:
            self._at_the_journal(lambda journal: journal.reconcile(dispense_id, found))

    def _at_the_journal(self, do: Callable[[Journal], None]) -> None:
        """What another program does to it, which may end by any error of the journal."""
        with self._power():
            journal = Journal(self._path, storage=self.disk, date=self._date)
            try:
                do(journal)
            finally:
                journal.close()

    # -- visitors ---------------------------------------------------------------------

    def fetch(
        self,
        token: str,
        mark: str = "",
        *,
        by_person: bool = True,
        visitor: int = 0,
        gone: bool = False,
    ) -> Page:
        """A phone, or a robot, gets the page of ``token``, unless it is ``gone`` meanwhile."""
        assert self.controller is not None
        page = self.controller.door.look(token, mark, by_person=by_person)
        if gone:
            self._see(Happened(self.now_ms, "a phone is gone in the middle of its page"))
        elif page.word is not Word.FORM:
            self._see(Answered(self.now_ms, page.word.value, visitor))
        elif page.mark != mark:
            self._see(Served(self.now_ms, token, page.mark, visitor))
        self._turns()
        return page

    def show(self, token: str, mark: str, visitor: int = 0) -> None:
        """The phone renders the page with ``mark``."""
        assert self.controller is not None
        self._see(Shown(self.now_ms, token, mark, visitor))
        self.controller.door.shown(token, mark)
        self._turns()

    def tap(self, token: str, mark: str, visitor: int = 0) -> None:
        """The visitor taps the button of that page, which therefore was rendered."""
        self._tap(token, mark, visitor)
        self._turns()

    def visit(self, then_ms: int = 1_000) -> Page:
        """A patient visitor: scans, reads, taps, and looks at the phone ``then_ms`` later."""
        token = self.token
        page = self.fetch(token)
        self.show(token, page.mark)
        self.wait(page.wait_ms)
        self.tap(token, page.mark)
        self.wait(then_ms)
        return self.fetch(token, page.mark)

    def race(self, pages: list[tuple[str, str]]) -> None:
        """Several taps reach the inbox before the loop sees the first."""
        for token, mark in pages:
            self._tap(token, mark)
        self._turns()

    def _tap(self, token: str, mark: str, visitor: int = 0) -> None:
        assert self.controller is not None
        self._see(Shown(self.now_ms, token, mark, visitor))
        self._see(Tapped(self.now_ms, token, mark, visitor))
        self.controller.door.tap(token, mark, lambda: None)

    def flood(self, letters: int) -> None:
        """So many phones ask for codes that are over, all at one moment."""
        assert self.controller is not None
        put = self.controller.inbox.put
        refused = [put(Letter((Scanned(0),))) for _ in range(letters)].count(False)
        self.bites["flood"] += bool(refused)
        self._see(Happened(self.now_ms, f"{letters} phones at once, {refused} not let in"))
        self._turns()

    # -- time -------------------------------------------------------------------------

    def wait(self, span_ms: int) -> None:
        """Let ``span_ms`` pass, with all that falls due in it."""
        end_ms = self.now_ms + span_ms
        wake_ms = self._wake_ms()
        while self.controller is not None:
            if self._looks_for_drops:
                look_ms = self._next_look_ms()
                if look_ms is not None and look_ms < wake_ms:
                    wake_ms = look_ms
            if wake_ms > end_ms:
                break
            self._pass_to(wake_ms)
            wake_ms = self._turns()
        self._pass_to(end_ms)

    def next_ms(self) -> int | None:
        """When something will next happen by itself, or None for never."""
        times = [self._next_look_ms(), self.board.due_ms()]
        if self.controller is not None:
            times.append(self.controller.runner.wake_ms())
        return min((each for each in times if each is not None), default=None)

    def _wake_ms(self) -> int:
        return 0 if self.controller is None else self.controller.runner.wake_ms()

    def stall(self, span_ms: int) -> None:
        """Let ``span_ms`` pass in which the computer doesn't come to the loop."""
        end_ms = self.now_ms + span_ms
        self._see(Stalled(self.now_ms, end_ms))
        while self.now_ms < end_ms:
            self._pass_to(min(end_ms, self.now_ms + STALL_STEP_MS))
        self._turns()

    def _pass_to(self, now_ms: int) -> None:
        """Time moves on to ``now_ms``, for the board too."""
        self.clock.advance_to(now_ms)
        try:
            self.wire.advance()
            if self.controller is not None and self.controller.runner.watchdog.bite(now_ms):
                self.bites["stall"] += 1
        except PowerCut:
            self._go_down()
        self.properties.at(now_ms)

    def _turns(self) -> int:
        """What the outermost loop does, until nothing is due at this moment: when it next is."""
        turns = 0
        try:
            while (controller := self.controller) is not None:
                turns += 1
                assert turns < MOST_TURNS, "the loop has always something to do"
                runner, now_ms = controller.runner, self.clock.now_ms()
                wake_ms = runner.wake_ms()
                if wake_ms <= now_ms:
                    event = runner.due(now_ms)
                    if event is None:
                        continue
                    runner.step(event, now_ms)
                elif (letter := controller.inbox.take(0)) is not None:
                    deliver(runner, letter, self.clock)
                else:
                    return wake_ms
                if not runner.unfinished:
                    self._look()
        except PowerCut:
            self._go_down()
        return self._wake_ms()

    @contextmanager
    def _power(self) -> Iterator[None]:
        """Whatever cuts it meanwhile, the machine goes dark and the world goes on."""
        try:
            yield
        except PowerCut:
            self._go_down()

    def _go_down(self) -> None:
        self.instants.cut_at = 0
        busy = any(self.board.coils) or (self.controller is not None and self._dispenses())
        self._dies()
        self.on_down(busy)
        self.disk.dead = False
        self._dies = self.cut_power

    def _dispenses(self) -> bool:
        assert self.controller is not None
        return self.controller.runner.machine.state is State.DISPENSING

    def _next_look_ms(self) -> int | None:
        """When the beam changes, and when a break of it has lasted long enough.

        Without a sensor nobody sees the beam: then only when a drink is out.
        """
        if not self._looks_for_drops:
            return self.chute.out_ms()
        edge_ms = self.chute.next_ms()
        settled_ms = self._beam_changed_ms + self._debounce_ms
        if settled_ms > self.clock.now_ms():
            return settled_ms if edge_ms is None else min(settled_ms, edge_ms)
        return edge_ms

    def _look_at_beam(self) -> None:
        """What the thread beside the loop does, at the moments that matter."""
        if not self._looks_for_drops:
            self.chute.let_out()
            return
        broken = self.chute.broken()
        if broken is not self._beam_broken:
            self._beam_broken, self._beam_changed_ms = broken, self.now_ms
            self._see(BeamSeen(self.now_ms, broken))
        if self.controller is not None:
            self.controller.runner.beam.watch.look(self.now_ms)

    def _date(self) -> str:
        now = self._opening + timedelta(seconds=self.now_ms // 1_000)
        if self.clock_is_off:
            self.bites["clock-jump"] += 1
            now += self.clock_is_off
        return now.isoformat(" ", "seconds")

    # -- watching -----------------------------------------------------------------------

    def see_weather(self) -> None:
        """Something that may be wrong has changed."""
        weather = self._weather()
        if (weather.fair, weather.wrong) != self._wrong:
            self._wrong = weather.fair, weather.wrong
            self._see(weather)
        self._look_at_beam()

    def _open_relay(self, settings: RelaySettings) -> Relay:
        if self.driver.on_pins:
            self.wire.open()
        if not usb.well_named(settings.port):
            return open_with_off(self.driver, replace(settings, port=self.wire.url), self.clock)
        with usb.plugged_into(UsbBus(usb.named(settings.port), self.wire)):
            return open_with_off(self.driver, settings, self.clock)

    def _switched(self, switched: Switched) -> None:
        self.chute.switched(switched)
        self._see(
            RelaySwitched(
                switched.at_ms,
                switched.as_told,
                switched.on,
                switched.commanded,
                self._intents() if switched.on else (),
                self.board.coils[switched.channel - 1] is switched.on,
            )
        )
        if switched.commanded and self.cut_power_when(switched):
            raise PowerCut

    def _framed(self, frame: Frame) -> None:
        self._see(OnWire(frame.at_ms, frame.to_board, frame.data, frame.meaning))

    def _look(self, *, anew: bool = False) -> None:
        """See the machine's state and its books, as another process would."""
        assert self.controller is not None
        if anew or self.disk.changes != self._changes_seen:
            self._look_at_books(anew=anew)
        status = self.controller.runner.feed.status
        if status is self._status:
            return
        self._status = status
        if (status.state, status.reason) != self._state:
            self._state = (status.state, status.reason)
            self._see(StateSeen(self.now_ms, status.state, status.reason))

    def look_anew(self) -> None:
        """See the books with all sums done from the beginning, which costs time."""
        self._look_at_books(anew=True)

    def _look_at_books(self, *, anew: bool = False) -> None:
        assert self._onlooker is not None
        self._changes_seen = self.disk.changes
        look = self._onlooker.look_anew if anew else self._onlooker.look
        for seen in look(self.clock.now_ms()):
            self._see(seen)

    def _see(self, seen: Seen) -> None:
        if type(seen) is not BooksSeen:  # what of them has changed was entered
            self.trace.append(seen)
        self.properties.see(seen)

    def _weather(self) -> Weather:
        unfair = [
            *sorted(str(switch) for switch in self.board.faults),
            *(["cable out"] if not self.wire.plugged else []),
            *(["beam blocked"] if self.chute.blocked else []),
            *(["disk full"] if self.disk.full else []),
            *(["syncs fail"] if self.disk.fails_sync else []),
            *(["journal locked"] if self._locker is not None else []),
        ]
        bearable = [
            *(f"channel {channel} jammed" for channel in sorted(self.chute.jammed)),
            *(["sensor blind"] if self.chute.blind else []),
            *(["drinks fall late"] if self.chute.late_ms else []),
        ]
        return Weather(self.now_ms, not unfair, (*unfair, *bearable))

    def _intents(self) -> tuple[Intent, ...]:
        self._look_at_books()
        assert self._onlooker is not None
        return self._onlooker.intents()


def limits(config: Config) -> Limits:
    """What the properties need to know of ``config``."""
    timing = config.timing
    return Limits(
        dwell_ms=timing.dwell_ms,
        longest_ms=max(
            timing.scan_timeout_ms,
            timing.confirm_timeout_ms,
            # One try in each of two slots, at the most.
            2 * (timing.drop_timeout_ms + max(slot.pulse_ms for slot in config.slots)),
        ),
        pulse_ms={slot.channel: slot.pulse_ms for slot in config.slots},
        slot={slot.channel: slot.name for slot in config.slots},
        tries_another_slot=config.safety.on_no_drop == "try_another_slot",
    )
