"""Reads the journal from outside, as another process does, and does its sums anew."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable

from sim.trace import BooksSeen, Entered, Intent, Sums

_LOOK = (
    "SELECT 0, name, loaded, remaining, dispensed, failed, unknown FROM slot"
    " UNION ALL"
    " SELECT id, slot, outcome, drink_kept, found, token_digest, retry_of FROM dispense"
    " WHERE id >= ?"
)
"""The books and the dispenses since: one question, so that both are of one moment."""
_DIGEST = "SELECT token_digest FROM dispense WHERE id = ?"

Row = tuple[int, str, str, int, str | None, str | None, int | None]


class Onlooker:
    """One of a journal that is there. It is another program: whatever dies, it need not."""

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], before: "Onlooker | None" = None
    ) -> None:
        """``before``: whose place it takes; what that one has told is not told again."""
        self._db = connect()
        self._told = before.told if before else {}
        self._told_first = before.first if before else 0
        self._first = 0
        """The first dispense that may still change; those before it are summed up already."""
        self._sums: defaultdict[tuple[str, str], int] = defaultdict(int)
        """How many of those are in each column of each slot."""
        self._known: dict[int, Row] = {}

    @property
    def first(self) -> int:
        """The first dispense that may still change."""
        return max(self._first, self._told_first)

    @property
    def told(self) -> dict[int, Row]:
        """Those that may still change, as they were told."""
        return self._known or self._told

    def close(self) -> None:
        self._db.close()

    def intents(self) -> tuple[Intent, ...]:
        """The dispenses that were open at the last look."""
        return tuple(
            Intent(number, slot, digest or self._digest(retry_of), retry_of)
            for number, slot, outcome, _, _, digest, retry_of in self._known.values()
            if outcome == "open"
        )

    def _digest(self, dispense_id: int | None) -> str:
        """Whose that one was."""
        row = self._db.execute(_DIGEST, (dispense_id,)).fetchone()
        return str(row and row[0])

    def oldest_unknown(self) -> int | None:
        """The first dispense of unknown outcome that nobody has reconciled."""
        unknown = (row[0] for row in self._known.values() if row[2] == "unknown" and row[4] is None)
        return next(unknown, None)

    def look(self, now_ms: int) -> list[Entered | BooksSeen]:
        """What has changed since the last look, and the books."""
        answer = sorted(self._db.execute(_LOOK, (self._first,)))
        books: tuple[Sums, ...] = tuple([row[1:] for row in answer if not row[0]])
        rows: list[Row] = answer[len(books) :]
        seen: list[Entered | BooksSeen] = []
        told = self.told
        for row in rows:
            number, slot, outcome, kept, found, _, _ = row
            if number >= self._told_first and told.get(number) != row:
                (left,) = [book[2] for book in books if book[0] == slot]
                seen.append(Entered(now_ms, number, slot, outcome, bool(kept), found, left))
        seen.append(self._judged(now_ms, books, rows))
        return seen

    def look_anew(self, now_ms: int) -> list[Entered | BooksSeen]:
        """The same with every sum done from the beginning: an old dispense may have changed."""
        self._told_first, self._told = self.first, self.told
        self._first = 0
        self._sums.clear()
        return self.look(now_ms)

    def _judged(self, now_ms: int, books: tuple[Sums, ...], rows: list[Row]) -> BooksSeen:
        self._known = {}
        sums = settled = self._sums
        is_open = 0
        for row in rows:
            column = _column(row)
            if sums is settled and column == "unknown" and row[4] is None:
                sums = settled.copy()  # From here on, what was found may still change.
            if sums is settled:
                self._first = row[0] + 1
            else:
                self._known[row[0]] = row
            sums[row[1], column] += 1
            is_open += row[2] == "open"
        counted: list[Sums] = []
        for name, loaded, remaining, _, _, _ in books:
            dispensed, failed = sums[name, "dispensed"], sums[name, "failed"]
            counted.append((name, loaded, remaining, dispensed, failed, sums[name, "unknown"]))
        return BooksSeen(now_ms, books, tuple(counted), is_open)


_COLUMNS = {"open": "unknown", "unknown": "unknown", "failed": "failed"}


def _column(row: Row) -> str:
    """Which sum a dispense belongs to."""
    _, _, outcome, kept, found, _, _ = row
    if kept:
        return "remaining"
    return found or _COLUMNS.get(outcome, "dispensed")
