"""A machine that somebody plays with: each thing that is done to it is a deed, and written down.

It stands in virtual time, which :meth:`Session.pass_to` moves; nothing here knows how fast.
The same beginning and the same deeds give the same trace, so that what was written down can
be played again.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from controller import visits
from controller.assembly import Controller
from controller.config import Config
from controller.door import Page, Word
from controller.errors import JournalError
from controller.runner import Listener
from controller.status import Feed
from sim.deeds import DEEDS, Deed, Hall
from sim.disk import Disk
from sim.properties import Violation
from sim.trace import Seen
from sim.world import OPENING, PATH, World

log = logging.getLogger("quench")

KEPT = 2_000
"""So much of what was seen is kept to be looked at: some minutes of a crowded hall."""


PHONES = 4 * visits.KEPT
"""So many visitors are known by their pages: more than the machine knows codes."""


class Told(NamedTuple):
    """Something seen, and its number since the beginning."""

    number: int
    seen: Seen


class Session:
    """``config``'s machine, from one ``seed``. :meth:`close` it."""

    def __init__(
        self,
        config: Config,
        seed: int,
        *,
        journal: Path | None = None,
        opening: datetime = OPENING,
        listeners: Sequence[Listener] = (),
        on_deed: Callable[[Deed], None] = lambda deed: None,
        on_boot: Callable[[Controller], None] = lambda controller: None,
        on_gone: Callable[[], None] = lambda: None,
    ) -> None:
        """``journal``: where it is kept; None: it is forgotten. ``opening``: the date, in UTC,
        at 0 ms.

        ``on_deed`` is called with each deed before it is done, ``on_boot`` with each
        controller that is being started, and ``on_gone`` when it is gone.
        """
        self.config, self.seed = config, seed
        self.world = World(
            config,
            seed,
            disk=partial(Disk, folder=journal and journal.parent),
            listeners=listeners,
            path=journal or PATH,
            opening=opening,
        )
        self.world.on_boot, self.world.on_gone = on_boot, on_gone
        self.hall = Hall(self.world)
        self.history: deque[Told] = deque(maxlen=KEPT)
        self.seen = 0
        """How much was seen since the beginning."""
        self.violations: dict[str, str] = {}
        """What was violated: the first time of each property, by its name."""
        self.world.properties.on_violation = self._violated
        self._on_deed = on_deed
        self._visitors = 0
        self._visitor_of: dict[str, int] = {}
        """Whose page has that mark."""

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
        return self.world.next_ms()

    def pass_to(self, now_ms: int) -> None:
        """Let time pass until then, with all that falls due."""
        if now_ms > self.now_ms:
            self._judged(lambda: self.world.wait(now_ms - self.now_ms))

    # -- deeds -------------------------------------------------------------------------

    def do(self, what: str, *args: int | str) -> None:
        """Do it now. A deed that makes no sense just then does nothing."""
        deed = Deed(self.now_ms, what, args)
        self._on_deed(deed)
        self._judged(lambda: DEEDS[what](self.hall, *args))

    def _new_visitor(self) -> int:
        """The number of somebody who was not there before."""
        self._visitors += 1
        return self._visitors

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
        self._forget_the_oldest()
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
        oldest = self._visitors - PHONES
        del self.hall.tokens[:-PHONES]
        self.hall.pages.pop(oldest, None)
        _, mark = self.hall.phones.pop(oldest, ("", ""))
        self._visitor_of.pop(mark, None)

    def _judged(self, act: Callable[[], None]) -> None:
        """Do it; what it violates is kept, and does not end the session."""
        try:
            act()
        except Violation as violation:  # S8, of which the deeds themselves tell
            self._violated(violation)
        except JournalError:
            """It is locked, or the disk is full: whoever did it reads so, and nothing was done."""
        self._remember()

    def _violated(self, violation: Violation) -> None:
        name, _, _ = str(violation).partition(":")
        if name not in self.violations:
            self.violations[name] = str(violation)
            log.error("VIOLATED %s", violation)

    def _remember(self) -> None:
        """Keep what is new, and let the world forget it."""
        for seen in self.world.trace:
            self.seen += 1
            self.history.append(Told(self.seen, seen))
        self.world.trace.clear()
