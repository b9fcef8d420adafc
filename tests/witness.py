"""Somebody beside a machine of processes, who judges S1 to S5 on what can be seen from there.

That is what the board got, what the visitors did, and the journal as another program reads it.
How long a relay stays energised is judged in virtual time: here the computer may be busy.
"""

import re
import shutil
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from controller.config import load
from controller.journal import Book
from controller.table import State
from sim.properties import Limits, Properties
from sim.trace import (
    Attached,
    BooksSeen,
    Booted,
    Died,
    Intent,
    RelaySwitched,
    Seen,
    StateSeen,
)
from tests.conftest import IN_MEMORY
from tests.expo import Expo, now_ms

_SWITCHED = re.compile(r"^ *([\d.]+) s  -> board  A0 0(\d) 0([01]) ", re.MULTILINE)

_SUMS = "SELECT name, loaded, remaining, dispensed, failed, unknown FROM slot ORDER BY name"

_COUNTED = """
    SELECT name, loaded, remaining,
        count(*) FILTER (WHERE outcome IN ('commanded', 'relay_confirmed', 'dropped')),
        count(*) FILTER (WHERE outcome = 'failed' AND NOT drink_kept),
        count(*) FILTER (WHERE outcome IN ('open', 'unknown'))
    FROM slot LEFT JOIN dispense ON slot = name GROUP BY name ORDER BY name"""


@dataclass(frozen=True)
class Ledger:
    """What is in a journal: its sums, what its dispenses add up to, and these."""

    sums: tuple[Book, ...] = ()
    counted: tuple[Book, ...] = ()
    intents: tuple[Intent, ...] = ()
    """Of every dispense, whatever became of it."""
    outcomes: tuple[str, ...] = ()

    def of_outcome(self, outcome: str) -> set[int]:
        """The dispenses that ended so, or have not ended (``open``)."""
        pairs = zip(self.intents, self.outcomes, strict=True)
        return {intent.dispense_id for intent, ended in pairs if ended == outcome}


def read(journal: Path) -> Ledger:
    """What is in ``journal``, which must be sound; nothing before it is made.

    A connection of its own reads a copy: what a controller that died now would leave. Who
    opens the files themselves after a crash mends them, and that is the next controller's part.
    """
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        for name in (journal.name, f"{journal.name}-wal"):
            if (file := journal.with_name(name)).exists():
                shutil.copyfile(file, Path(folder, name))
        with closing(sqlite3.connect(Path(folder, journal.name))) as database:
            return _read(database)


def _read(database: sqlite3.Connection) -> Ledger:
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    if database.execute("PRAGMA user_version").fetchone() == (0,):
        return Ledger()
    rows = database.execute("SELECT id, slot, token_digest, outcome FROM dispense ORDER BY id")
    dispenses = rows.fetchall()
    return Ledger(
        tuple(Book(*row) for row in database.execute(_SUMS)),
        tuple(Book(*row) for row in database.execute(_COUNTED)),
        tuple(Intent(number, slot, digest, None) for number, slot, digest, _ in dispenses),
        tuple(outcome for _, _, _, outcome in dispenses),
    )


class Witness:
    """Beside ``expo``, whose controllers it sees one after the other."""

    def __init__(self, expo: Expo, journal: Path) -> None:
        """``journal``: where this process finds it."""
        self.ledger = Ledger()
        """As it was seen last."""
        self.hit: Counter[str] = Counter()
        """What controllers were at when they ended."""
        self._expo = expo
        self._journal = journal
        config = load(expo.config)
        self._properties = Properties(
            Limits(
                dwell_ms=config.timing.dwell_ms,
                longest_ms=config.timing.confirm_timeout_ms,
                pulse_ms={slot.channel: slot.pulse_ms for slot in config.slots},
                slot={slot.channel: slot.name for slot in config.slots},
            )
        )
        self._loaded = {slot.name: slot.capacity for slot in config.slots}
        self._heard = 0
        self._pulses: Counter[str] = Counter()
        self._left_open: set[int] = set()
        self._spent: set[int] = set()
        """The dispenses that allow no pulse any more."""
        self._begin()

    @property
    def pulses(self) -> int:
        """How many were seen."""
        return self._pulses.total()

    def see(self, seen: Seen) -> None:
        """Raises Violation."""
        self._properties.see(seen)

    def in_service(self) -> None:
        """The controller said so: every relay is OFF, and no intent is open any more."""
        self.look()
        assert self._expo.energised() == set(), "S3: a coil is energised"
        assert self._left_open <= self.ledger.of_outcome("unknown"), "S4: left open by a crash"
        assert not self.ledger.of_outcome("open"), "S4: open, and nobody is served"
        self._left_open.clear()
        self._see_books()
        self.see(StateSeen(now_ms(), State.IDLE, None))

    def gone(self) -> None:
        """The controller is dead: see what it did, and what it was at."""
        self.look()
        self.see(Died(now_ms()))
        self.hit[self._what_was_hit()] += 1
        self._left_open |= self.ledger.of_outcome("open")
        self._begin()

    def look(self) -> None:
        """See what was done since the last look."""
        self._expo.energised()  # waits until the board has all that was sent
        heard = self._expo.board.hear()
        self.ledger = read(self._journal)
        for told in _SWITCHED.finditer(heard, self._heard):
            self._switched(float(told.group(1)), int(told.group(2)), told.group(3) == "1")
        self._heard = len(heard)
        for book in self.ledger.sums:
            assert book.loaded == self._loaded[book.name], f"S5: nobody loaded any, but {book}"
            given = book.dispensed + book.unknown + book.failed
            assert self._pulses[book.name] <= given, f"S5: {self._pulses} pulses, but {book}"

    def _begin(self) -> None:
        """The next controller's life, from the death of the last one on."""
        self._spent = {intent.dispense_id for intent in self.ledger.intents}
        self.see(Booted(now_ms()))
        self.see(Attached(now_ms()))
        self._see_books()

    def _switched(self, board_s: float, channel: int, on: bool) -> None:
        intents: tuple[Intent, ...] = ()
        if on:
            # One that was not there when this controller began, and has not been fired yet.
            fresh = [each for each in self.ledger.intents if each.dispense_id not in self._spent]
            assert fresh, f"S4: channel {channel} is energised, and there is no intent"
            intents = tuple(fresh[:1])
            self._spent.update(intent.dispense_id for intent in intents)
            self._pulses.update(intent.slot for intent in intents)
        at_ms = self._expo.began_ms + round(1_000 * board_s)
        self.see(RelaySwitched(at_ms, channel, on, commanded=True, intents=intents))

    def _see_books(self) -> None:
        ledger = self.ledger
        self.see(BooksSeen(now_ms(), ledger.sums, ledger.counted, len(ledger.of_outcome("open"))))

    def _what_was_hit(self) -> str:
        if "quench: ready at" not in self._expo.controller.said:
            return "starting"
        if not self.ledger.of_outcome("open") - self._left_open:
            return "at rest"
        return "a relay is on" if self._expo.energised() else "an intent, and no relay"
