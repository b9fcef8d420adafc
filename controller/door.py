"""What a phone at the machine's address gets: decided here, drawn in ``controller.web``.

Everybody gets the warning; this only decides what stands beneath it. A GET
changes nothing that matters: it may make the machine expect somebody. Only
a tap, which carries the mark of a page that we served, asks for a drink. The
tap proves all that went before it (the page was fetched, and rendered), so it
brings those events along, in case the phone's earlier requests were lost.
"""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, Protocol

from controller.codes import TOKEN_PATTERN, Marks
from controller.events import Confirmed, Event, Outcome, Scanned, WarningShown
from controller.inbox import Inbox, Letter
from controller.status import Feed, Status
from controller.table import State
from controller.visits import Fate, Visit, Visits


class Word(Enum):
    """What the page says beneath the warning."""

    FORM = "form"
    """The button."""
    COMING = "coming"
    """This page's tap was taken; the drink is on its way."""
    ENJOY = "enjoy"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It may have come."""
    USED = "used"
    """Another page got this code's drink."""
    STALE = "stale"
    """The code is over, or never was: scan the one on the screen."""
    OUT_OF_SERVICE = "out_of_service"


class Page(NamedTuple):
    """What to draw. ``mark`` and ``wait_ms`` (until the button may be used) go with FORM."""

    word: Word
    mark: str = ""
    wait_ms: int = 0
    status: Status | None = None

    @property
    def moves(self) -> bool:
        """Whether looking again soon will show something else."""
        return self.word is Word.COMING


class Answers(Protocol):
    """What the pages ask; see :class:`Door`."""

    def look(self, token: str, mark: str = "", *, by_person: bool = True) -> Page: ...

    def shown(self, token: str, mark: str) -> None: ...

    def tap(self, token: str, mark: str, done: Callable[[], None]) -> bool: ...


class Door:
    """Answers phones. Any thread may call it; it never waits for the loop."""

    def __init__(
        self,
        *,
        visits: Visits,
        marks: Marks,
        feed: Feed,
        inbox: Inbox,
        now_ms: Callable[[], int],
        dwell_ms: int,
    ) -> None:
        self._visits = visits
        self._marks = marks
        self._feed = feed
        self._inbox = inbox
        self._now_ms = now_ms
        self._dwell_ms = dwell_ms

    def look(self, token: str, mark: str = "", *, by_person: bool = True) -> Page:
        """The page for ``token``; ``mark`` is that of the page that tapped, if it comes from one.

        ``by_person``: False for a fetch that says itself that nobody looks, such
        as a preview's. It gets the same page, and nobody is expected.
        """
        status = self._feed.status
        visit = self._find(token)
        if visit is None or visit.fate is Fate.EXPIRED:
            if status.state is State.OUT_OF_SERVICE:
                return Page(Word.OUT_OF_SERVICE, status=status)
            return Page(Word.STALE)
        if visit.fate is Fate.SPENT:
            return Page(_story(visit, mark))
        return self._form(visit, mark, status, by_person)

    def shown(self, token: str, mark: str) -> None:
        """A phone proved that it rendered the page with ``mark``."""
        visit = self._open_visit(token)
        if visit is not None and self._marks.served_ms(visit.code, mark) is not None:
            self._inbox.put(Letter(self._unheard(visit.code)))

    def tap(self, token: str, mark: str, done: Callable[[], None]) -> bool:
        """A visitor's tap on the page with ``mark``.

        True if it was passed on: then ``done`` is called, in the loop's thread,
        when :meth:`look` knows what came of it. False if there is nothing to
        decide, and :meth:`look` says why already.
        """
        visit = self._open_visit(token)
        if visit is None:
            return False
        served_ms = self._marks.served_ms(visit.code, mark)
        if served_ms is None:
            return False
        code = visit.code
        confirmed = Confirmed(code, served_ms, mark)
        return self._inbox.put(Letter((*self._unheard(code), confirmed), done))

    def _unheard(self, code: int) -> tuple[Event, ...]:
        """What must have gone before, and the machine may not have heard of."""
        match self._feed.status.state:
            case State.IDLE:
                return Scanned(code), WarningShown(code)
            case State.SCANNED:
                return (WarningShown(code),)
        return ()

    def _find(self, token: str) -> Visit | None:
        return self._visits.find(token) if TOKEN_PATTERN.fullmatch(token) else None

    def _open_visit(self, token: str) -> Visit | None:
        visit = self._find(token)
        return visit if visit is not None and visit.fate is Fate.OPEN else None

    def _form(self, visit: Visit, mark: str, status: Status, by_person: bool) -> Page:
        now_ms = self._now_ms()
        served_ms = self._marks.served_ms(visit.code, mark) if mark else None
        if served_ms is None:
            mark, served_ms = self._marks.make(visit.code, now_ms), now_ms
        if by_person and status.state is State.IDLE:
            self._inbox.put(Letter((Scanned(visit.code),)))
        return Page(Word.FORM, mark, max(0, served_ms + self._dwell_ms - now_ms))


def _story(visit: Visit, mark: str) -> Word:
    """What a page is told of a code that was spent: its own drink, or somebody else's."""
    if visit.mark and mark != visit.mark:
        return Word.USED
    match visit.outcome:
        case None:
            return Word.COMING
        case Outcome.FAILED:
            return Word.FAILED
        case Outcome.UNKNOWN:
            return Word.UNKNOWN
    return Word.ENJOY
