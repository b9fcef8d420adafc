"""A machine that somebody plays with: each thing that is done to it is a deed, and written down.

It stands in virtual time, which :meth:`Session.pass_to` moves; nothing here knows how fast.
The same beginning and the same deeds give the same trace, so that what was written down can
be played again.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from controller import visits
from controller.assembly import Controller
from controller.commands import Command, Refuse
from controller.config import Config
from controller.door import Page, Word
from controller.errors import JournalError
from controller.events import Event
from controller.runner import Listener
from controller.status import Feed
from controller.table import State
from sim.boards.base import Switched
from sim.crowd import Crowd
from sim.deeds import DEEDS, Deed, Hall
from sim.disk import Disk
from sim.properties import Violation, recorded
from sim.trace import Answered, Booted, Died, Fell, OnWire, Seen, Served, Tapped
from sim.visitors import OTHER
from sim.world import OPENING, PATH, World

log = logging.getLogger("quench")

KEPT = 2_000
"""So much of what was seen is kept to be looked at: some minutes of a crowded hall."""


PHONES = 4 * visits.KEPT
"""So many visitors are known by their pages: more than the machine knows codes."""

SECRETS = 16
"""So many of the latest tokens are looked for in the journal's files."""

BROKE = "the controller broke"

_COUNTED = {
    Served: "pages",
    Tapped: "taps",
    Fell: "drinks",
    OnWire: "frames",
    Booted: "starts",
}
_AWAY = {Word.USED.value, Word.STALE.value, Word.OUT_OF_SERVICE.value}


class Told(NamedTuple):
    """Something seen, and its number since the beginning."""

    number: int
    seen: Seen


class Coil(NamedTuple):
    """A coil was moved, or should have been: what it is now."""

    at_ms: int
    channel: int
    energised: bool


class Taken(NamedTuple):
    """A transition of the table that was taken."""

    at_ms: int
    source: State
    trigger: str
    dest: State


class Source(Protocol):
    """Where deeds come from that nobody does by hand."""

    def next_ms(self) -> int | None:
        """When there will be one, or None for never."""

    def take(self, now_ms: int) -> Deed | None:
        """The next of those that are due by ``now_ms``; None when that was all."""


class Script:
    """Deeds that were written down."""

    def __init__(self, deeds: Sequence[Deed]) -> None:
        self._deeds = deque(deeds)

    def next_ms(self) -> int | None:
        return self._deeds[0].at_ms if self._deeds else None

    def take(self, now_ms: int) -> Deed | None:
        return self._deeds.popleft() if self._deeds and self._deeds[0].at_ms <= now_ms else None


class Session:
    """``config``'s machine, from one ``seed``. :meth:`close` it."""

    def __init__(
        self,
        config: Config,
        seed: int,
        *,
        script: Sequence[Deed] | None = None,
        end_ms: int | None = None,
        journal: Path | None = None,
        opening: datetime = OPENING,
        listeners: Sequence[Listener] = (),
        on_deed: Callable[[Deed], None] = lambda deed: None,
        on_boot: Callable[[Controller], None] = lambda controller: None,
        on_gone: Callable[[], None] = lambda: None,
    ) -> None:
        """``script``: what will be done; None: whatever the crowd, and somebody's hands, do.

        ``end_ms``: time does not pass beyond it; None: there is no end. ``journal``: where
        it is kept; None: it is forgotten. ``opening``: the date, in UTC, at 0 ms.

        ``on_deed`` is called with each deed before it is done, ``on_boot`` with each
        controller that is being started, and ``on_gone`` when it is gone.
        """
        self.config, self.seed, self.opening = config, seed, opening
        self.world = World(
            config,
            seed,
            disk=partial(Disk, folder=journal and journal.parent),
            listeners=(*listeners, self._heard),
            path=journal or PATH,
            opening=opening,
        )
        self.world.on_boot, self.world.on_gone = on_boot, on_gone
        self.hall = Hall(self.world)
        self.crowd = Crowd(seed, config.timing.dwell_ms, self._new_visitor, self._empty)
        self._end_ms = end_ms
        self._source: Source = self.crowd if script is None else Script(script)
        self.on_seen: Callable[[Seen], None] = lambda seen: None
        """Called with everything that was seen, soon after it was."""
        self.history: deque[Told] = deque(maxlen=KEPT)
        self.seen = 0
        """How much was seen since the beginning."""
        self.coils: deque[Coil] = deque(maxlen=KEPT)
        self.taken: Taken | None = None
        """The latest transition."""
        self.counts: Counter[str] = Counter()
        """How often some things happened, by what a person calls them."""
        self.violations: dict[str, str] = {}
        """What was violated: the first time of each property, by its name."""
        self.world.properties.on_violation = self._violated
        self._on_deed = on_deed
        self._visitors = 0
        self._visitor_of: dict[str, int] = {}
        """Whose page has that mark."""
        self._state = State.OUT_OF_SERVICE
        self._on_switch, self.world.board.on_switch = self.world.board.on_switch, self._switched

    @property
    def now_ms(self) -> int:
        return self.world.now_ms

    @property
    def feed(self) -> Feed | None:
        """The running controller's; None while it is down."""
        controller = self.world.controller
        return controller.runner.feed if controller else None

    def start(self) -> None:
        """The first start. Raises JournalError."""
        self.world.boot()
        self._remember()

    def stop(self) -> None:
        """An orderly end."""
        self.world.stop()
        self._remember()

    def close(self) -> None:
        self.world.close()

    # -- time --------------------------------------------------------------------------

    def next_ms(self) -> int | None:
        """When something will next happen by itself, or None for never."""
        times = (self.world.next_ms(), self._source.next_ms())
        return min((each for each in times if each is not None), default=None)

    @property
    def awaits(self) -> bool:
        """Whether anything is on its way: a deed, a deadline, a drink, the board's own doing."""
        controller = self.world.controller
        deadline_ms = controller and controller.runner.machine.deadline_ms()
        awaited = (self._source.next_ms(), self.world.chute.out_ms(), self.world.board.due_ms())
        return deadline_ms is not None or any(each is not None for each in awaited)

    def pass_to(self, now_ms: int) -> None:
        """Let time pass until then, with all that falls due, and all that people do."""
        if self._end_ms is not None:
            now_ms = min(now_ms, self._end_ms)
        while (next_ms := self._source.next_ms()) is not None and next_ms <= now_ms:
            self._wait_until(next_ms)
            while (deed := self._source.take(self.now_ms)) is not None:
                self.do(deed.what, *deed.args)
        self._wait_until(now_ms)

    def _wait_until(self, now_ms: int) -> None:
        if now_ms > self.now_ms:
            self._judged(lambda: self.world.wait(now_ms - self.now_ms))

    # -- deeds -------------------------------------------------------------------------

    def do(self, what: str, *args: int | str) -> None:
        """Do it now. A deed that makes no sense just then does nothing."""
        deed = Deed(self.now_ms, what, args)
        self._on_deed(deed)
        self._judged(lambda: DEEDS[what](self.hall, *args))

    def new_visitor_does(self, what: str) -> None:
        """Somebody comes, and does that."""
        self.do(what, self._new_visitor())

    def _new_visitor(self) -> int:
        """The number of somebody who was not there before."""
        self._visitors += 1
        self._forget_the_oldest()
        return self._visitors

    def _empty(self) -> list[tuple[str, int]]:
        """The slots that have no drink left, and how many fit in."""
        slots = self.feed.status.slots if self.feed else ()
        return [(slot.name, slot.capacity) for slot in slots if not slot.remaining]

    # -- phones over HTTP --------------------------------------------------------------

    def look(self, token: str, mark: str = "", *, by_person: bool = True) -> Page:
        """A phone fetches the page of ``token``; see :meth:`controller.door.Door.look`."""
        controller = self.world.controller
        if controller is None:
            return Page(Word.STALE)
        visitor = self._who(token, mark)
        if visitor is not None:
            self.do("look", visitor)
        elif token == self.world.token and token:
            visitor = self._new_visitor()
            self.do("scan" if by_person else "preview", visitor)
        else:
            owner = next((n for n, page in self.hall.phones.items() if page[0] == token), None)
            if owner is None:
                return controller.door.look(token, mark, by_person=by_person)
            visitor = self._new_visitor()
            self.do("forward", owner, visitor)
        page = self.hall.pages[visitor]
        if page.mark:
            self._visitor_of[page.mark] = visitor
        return page

    def shown(self, token: str, mark: str) -> None:
        """A phone proves that it rendered the page with ``mark``."""
        visitor = self._who(token, mark)
        if visitor is not None:
            self.do("show", visitor)

    def tap(self, token: str, mark: str) -> bool:
        """A visitor taps the button of the page with ``mark``; whether there is such a page."""
        visitor = self._who(token, mark)
        if visitor is None:
            return False
        self.do("tap", visitor)
        return True

    def _who(self, token: str, mark: str) -> int | None:
        """Whose page that is; None if nobody has it."""
        visitor = self._visitor_of.get(mark, 0)
        return visitor if self.hall.phones.get(visitor) == (token, mark) else None

    def _forget_the_oldest(self) -> None:
        """The machine has forgotten their codes long ago."""
        del self.hall.tokens[:-PHONES]
        oldest = self._visitors - PHONES
        for visitor in (oldest, oldest + OTHER):
            self.hall.pages.pop(visitor, None)
            _, mark = self.hall.phones.pop(visitor, ("", ""))
            self._visitor_of.pop(mark, None)

    # -- judging -----------------------------------------------------------------------

    def look_for_secrets(self) -> None:
        """S6: whether any of the latest tokens is in the journal's files."""
        self._judged(self._find_secrets)

    def _find_secrets(self) -> None:
        tokens = self.hall.tokens[-SECRETS:]
        for found in recorded(self.world.disk.files().items(), tokens):
            raise Violation(f"S6 nobody is recorded: at {self.now_ms} ms: {found}")

    def _judged(self, act: Callable[[], None]) -> None:
        """Do it; what it violates is kept, and does not end the session."""
        try:
            act()
        except Violation as violation:  # S6 and S8, which are asked for
            self._violated(violation)
        except JournalError:
            """It is locked, or the disk is full: whoever did it reads so, and nothing was done."""
        except Exception as error:  # its own fault, whatever it is, ends the controller
            log.exception("the controller broke")
            self.violations.setdefault(BROKE, f"{BROKE}: at {self.now_ms} ms: {error!r}")
            self.world.kill()
        self._remember()

    def _violated(self, violation: Violation) -> None:
        name, _, _ = str(violation).partition(":")
        if name not in self.violations:
            self.violations[name] = str(violation)
            log.error("VIOLATED %s", violation)

    # -- watching ----------------------------------------------------------------------

    def _remember(self) -> None:
        """Keep what is new, and let the world forget it."""
        for seen in self.world.trace:
            self.seen += 1
            self.history.append(Told(self.seen, seen))
            self.on_seen(seen)
            name = _COUNTED.get(type(seen))
            if name is not None:
                self.counts[name] += 1
            elif isinstance(seen, Answered):
                self.counts["turned away"] += seen.word in _AWAY
            elif isinstance(seen, Died):
                self._state = State.OUT_OF_SERVICE
        self.world.trace.clear()

    def _heard(self, now_ms: int, event: Event, commands: Sequence[Command]) -> None:
        assert self.world.controller is not None, "it speaks"
        source, self._state = self._state, self.world.controller.runner.machine.state
        if not (commands and isinstance(commands[-1], Refuse)):
            self.taken = Taken(now_ms, source, event.trigger, self._state)

    def _switched(self, switched: Switched) -> None:
        self.coils.append(
            Coil(switched.at_ms, switched.channel, self.world.board.coils[switched.channel - 1])
        )
        self._on_switch(switched)
