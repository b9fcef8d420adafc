"""What became of each scan code: written by the loop, read by the pages.

Bounded, in memory, and keyed by digest. A restart empties it, except for what
the journal still knows, so that a phone that comes back after a power cut is
told the truth about its drink.
"""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from controller.codes import digest
from controller.events import Outcome

KEPT = 256
"""Codes remembered: hours of a crowded day."""


class Fate(Enum):
    """What a code is good for."""

    OPEN = "open"
    SPENT = "spent"
    EXPIRED = "expired"


class Visit(NamedTuple):
    """One scan code's story. Immutable, so that a reader in another thread sees one moment."""

    code: int
    digest: str
    fate: Fate = Fate.OPEN
    mark: str = ""
    """The page that won the drink; empty if a restart forgot it."""
    dispense_id: int = 0
    outcome: Outcome | None = None
    """How the dispense ended; None while it runs, or if there was none."""


class Visits:
    """One writer (the loop); any thread may call :meth:`find`."""

    def __init__(self, remembered: Iterable[Visit] = ()) -> None:
        self._by_digest = {visit.digest: visit for visit in remembered}
        self._current: Visit | None = None

    def find(self, token: str) -> Visit | None:
        """The visit that ``token`` stands for; None if this machine doesn't know it (any more)."""
        return self._by_digest.get(digest(token))

    def open(self, code: int, token: str) -> None:
        """``token`` is now code number ``code``, and the only open one."""
        self.close()
        self._current = Visit(code, digest(token))
        self._put(self._current)

    def close(self) -> None:
        """No code is open now."""
        if self._current is not None and self._current.fate is Fate.OPEN:
            self._put(self._current._replace(fate=Fate.EXPIRED))
        self._current = None

    def spend(self, code: int, mark: str, dispense_id: int) -> str:
        """The page ``mark`` won the drink of ``code``. Returns the digest for the journal.

        Again for the same page when another slot is tried: then only that dispense counts.
        """
        visit = self._current
        assert visit is not None, "a dispense follows an open code"
        assert visit.code == code, "only the open code can be spent"
        self._current = visit._replace(fate=Fate.SPENT, mark=mark, dispense_id=dispense_id)
        self._put(self._current)
        return visit.digest

    def settle(self, dispense_id: int, outcome: Outcome) -> None:
        """The dispense ended."""
        for visit in reversed(self._by_digest.values()):
            if visit.dispense_id == dispense_id and visit.fate is Fate.SPENT:
                self._put(visit._replace(outcome=outcome))
                break

    def _put(self, visit: Visit) -> None:
        self._by_digest[visit.digest] = visit
        while len(self._by_digest) > KEPT:
            del self._by_digest[next(iter(self._by_digest))]
