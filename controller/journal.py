"""What happened, durable: the stock of each slot and every dispense, in SQLite.

WAL with ``synchronous=FULL``: when a method returns, its effect survives a
power cut. The database keeps the books itself, so that whoever writes what happened
moves the sums with it, in one statement: an intent moves a drink from *remaining* to
*unknown* before the relay may move, its end moves it on, and a CHECK refuses any other
sum. So a crash needs no repair: what was open is already counted as unknown.

Dates are for people to read. Nothing is ever decided by them.
"""

import fcntl
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple

from controller.errors import JournalError, NoDrinkLeft
from controller.events import Outcome
from controller.storage import RealDisk, Storage, os_says

DIGESTS_KEPT = 256
"""Dispenses whose token digest stays: as many as a running machine remembers codes.

The schema says it too: another number needs a migration."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE slot (
        name      TEXT PRIMARY KEY,
        loaded    INTEGER NOT NULL,
        remaining INTEGER NOT NULL CHECK (remaining >= 0),
        dispensed INTEGER NOT NULL DEFAULT 0 CHECK (dispensed >= 0),
        failed    INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
        unknown   INTEGER NOT NULL DEFAULT 0 CHECK (unknown >= 0),
        CHECK (loaded = dispensed + remaining + failed + unknown)
    ) STRICT;
    CREATE TABLE dispense (
        id           INTEGER PRIMARY KEY,
        slot         TEXT NOT NULL REFERENCES slot (name),
        outcome      TEXT NOT NULL CHECK (outcome IN
            ('open', 'commanded', 'relay_confirmed', 'dropped', 'failed', 'unknown')),
        drink_kept   INTEGER NOT NULL DEFAULT 0 CHECK (drink_kept IN (0, 1)),
        found        TEXT CHECK (found IN ('dispensed', 'remaining', 'failed')),
        token_digest TEXT UNIQUE,
        begun_at     TEXT NOT NULL,
        ended_at     TEXT
    ) STRICT;
    CREATE INDEX dispense_open ON dispense (outcome) WHERE outcome IN ('open', 'unknown');
    CREATE TABLE load (
        id        INTEGER PRIMARY KEY,
        slot      TEXT NOT NULL REFERENCES slot (name),
        remaining INTEGER NOT NULL,
        loaded_at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE probe (n INTEGER NOT NULL) STRICT;
    INSERT INTO probe VALUES (0);
    """,
    # Another slot's try for the same visitor: at most one, whatever happens.
    """
    ALTER TABLE dispense ADD COLUMN retry_of INTEGER REFERENCES dispense (id);
    CREATE UNIQUE INDEX dispense_retry ON dispense (retry_of);
    """,
    # The books, which the program kept by statements of its own before. And most dispenses
    # are no retry: no index needs to name them.
    """
    DROP INDEX dispense_retry;
    CREATE UNIQUE INDEX dispense_retry ON dispense (retry_of) WHERE retry_of IS NOT NULL;
    CREATE TRIGGER dispense_retried BEFORE INSERT ON dispense
    WHEN NEW.retry_of IS NOT NULL BEGIN
        SELECT RAISE(ABORT, 'what is tried again is not known to have failed')
        WHERE NOT EXISTS (
            SELECT 1 FROM dispense WHERE id = NEW.retry_of AND outcome = 'failed');
    END;
    CREATE TRIGGER dispense_begun AFTER INSERT ON dispense
    WHEN NEW.outcome = 'open' BEGIN
        UPDATE slot SET remaining = remaining - 1, unknown = unknown + 1
        WHERE name = NEW.slot;
        UPDATE dispense SET token_digest = NULL WHERE id = NEW.id - 256;
    END;
    CREATE TRIGGER dispense_ended AFTER UPDATE OF outcome ON dispense
    WHEN NEW.drink_kept OR NEW.outcome <> 'unknown' BEGIN
        UPDATE slot SET
            unknown = unknown - 1,
            remaining = remaining + NEW.drink_kept,
            failed = failed + (NEW.outcome = 'failed' AND NOT NEW.drink_kept),
            dispensed = dispensed + (NEW.outcome <> 'failed' AND NOT NEW.drink_kept)
        WHERE name = NEW.slot;
    END;
    CREATE TRIGGER dispense_found AFTER UPDATE OF found ON dispense BEGIN
        UPDATE slot SET
            unknown = unknown - 1,
            remaining = remaining + (NEW.found = 'remaining'),
            failed = failed + (NEW.found = 'failed'),
            dispensed = dispensed + (NEW.found = 'dispensed')
        WHERE name = NEW.slot;
    END;
    CREATE TRIGGER slot_loaded AFTER INSERT ON load BEGIN
        UPDATE slot SET loaded = loaded - remaining + NEW.remaining, remaining = NEW.remaining
        WHERE name = NEW.slot;
    END;
    """,
)

_EMPTY = "CHECK constraint failed: remaining >= 0"
"""What SQLite says when a drink is taken from a slot that has none."""

_UNSETTLED = "outcome IN ('open', 'unknown')"
"""In the words of the index: a question that says them finds a few among a million."""

FOUND = ("dispensed", "remaining", "failed")
"""What a person can find out about a dispense of unknown outcome."""


class Book(NamedTuple):
    """One slot's sums, in drinks."""

    name: str
    loaded: int
    remaining: int
    dispensed: int
    failed: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One dispense."""

    id: int
    slot: str
    outcome: Outcome | None
    """None while it is open."""
    drink_kept: bool
    found: str | None
    token_digest: str | None
    begun_at: str
    ended_at: str | None
    retry_of: int | None = None
    """The dispense from which nothing fell, if this was another slot's try for its visitor."""


def utc_date() -> str:
    """The wall clock's date for a person to read."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


class Lock:
    """Held by the one controller of a journal for as long as it runs, also over its crash."""

    def __init__(self, journal: Path) -> None:
        """Raises JournalError if another controller holds it."""
        path = journal.with_name(journal.name + ".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = path.open("a")
        except OSError as error:
            raise JournalError(f"{path}: {os_says(error)}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise JournalError(
                f"{journal}: another quench is running with this journal; stop it first"
            ) from error

    def close(self) -> None:
        self._file.close()


ON_DISK = RealDisk()

LOG_PAGES = 100
"""So long may the log grow, in pages of 4 KiB, before it is put into the database: with SQLite's
own 1,000, a disk with less than 4 MB free fills up with it, and no restart frees it."""


class Journal:
    """An open journal. One thread owns it; other processes may open the same file."""

    def __init__(
        self,
        path: Path,
        *,
        storage: Storage = ON_DISK,
        date: Callable[[], str] = utc_date,
        migrations: Sequence[str] = MIGRATIONS,
    ) -> None:
        """Open ``path`` in ``storage``, bring its schema up to date, and make sure of it.

        Raises JournalError if it can't be opened, is locked for longer than ``storage``
        waits, is damaged, or was written by a newer quench.
        """
        self.path = path
        self._date = date
        self._said = _Said(path)
        with self._said:
            self._db = storage.connect(path)
        try:
            with self._said:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
                self._db.execute("PRAGMA foreign_keys = ON")
                self._migrate(migrations)
                with self._transaction():  # that is: while nobody else writes to it
                    storage.write_again(path.with_name(path.name + "-wal"))
                self._seen_version = self._data_version()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self._db.close()

    # -- the controller's part ------------------------------------------------

    def recover(self) -> int:
        """Close what a crash left open: its outcome is unknown. Returns how many there were."""
        with self._said:
            return self._db.execute(
                f"UPDATE dispense SET outcome = 'unknown', ended_at = ? WHERE {_UNSETTLED}"  # noqa: S608
                " AND outcome = 'open'",
                (self._date(),),
            ).rowcount

    def ensure_slot(self, name: str, capacity: int) -> bool:
        """Make a slot known. A new one is taken to be full; True if it was new."""
        if any(book.name == name for book in self.books()):
            return False
        with self._transaction():
            self._db.execute("INSERT INTO slot (name, loaded, remaining) VALUES (?, 0, 0)", (name,))
            self._load(name, capacity)
        return True

    def intend(self, dispense_id: int, slot: str, token_digest: str, *, retry_of: int = 0) -> None:
        """Spend the token and reserve a drink, durably, before the relay may move.

        With ``retry_of`` the token was spent with that dispense, which must be
        settled as failed and not have been retried. Raises NoDrinkLeft or
        JournalError; then nothing may be energised.
        """
        digest = None if retry_of else token_digest
        with self._said:
            self._db.execute(
                "INSERT INTO dispense (id, slot, outcome, token_digest, retry_of, begun_at)"
                " VALUES (?, ?, 'open', ?, NULLIF(?, 0), ?)",
                (dispense_id, slot, digest, retry_of, self._date()),
            )

    def settle(self, dispense_id: int, outcome: Outcome, drink_kept: bool) -> None:
        """Write how an open dispense ended; settling one that isn't open changes nothing."""
        with self._said:
            self._db.execute(
                "UPDATE dispense SET outcome = ?, drink_kept = ?, ended_at = ?"
                " WHERE id = ? AND outcome = 'open'",
                (outcome.value, int(drink_kept), self._date(), dispense_id),
            )

    def probe(self) -> None:
        """Raise JournalError unless a write would be durable now."""
        with self._said:
            self._db.execute("UPDATE probe SET n = n + 1")

    def changed_by_others(self) -> bool:
        """Whether another process wrote since the last call: the operator's ``quench stock``."""
        before = self._seen_version
        with self._said:
            self._seen_version = self._data_version()
        return self._seen_version != before

    # -- the operator's part ----------------------------------------------------

    def load(self, slot: str, remaining: int) -> None:
        """``slot`` now holds ``remaining`` drinks. Raises JournalError for a slot nobody knows."""
        if not any(book.name == slot for book in self.books()):
            raise JournalError(f"{self.path}: no slot is called {slot}")
        with self._said:
            self._load(slot, remaining)

    def reconcile(self, dispense_id: int, found: str) -> None:
        """A person looked: what an unknown dispense really did, one of FOUND."""
        with self._said:
            done = self._db.execute(
                "UPDATE dispense SET found = ? WHERE id = ? AND outcome = 'unknown'"
                " AND found IS NULL",
                (found, dispense_id),
            ).rowcount
        if not done:
            raise JournalError(
                f"{self.path}: dispense {dispense_id} is not one of unknown outcome;"
                " see 'quench journal'"
            )

    # -- reading ------------------------------------------------------------------

    def books(self) -> list[Book]:
        """Every slot that was ever loaded, by name."""
        with self._said:
            rows = self._db.execute(
                "SELECT name, loaded, remaining, dispensed, failed, unknown FROM slot ORDER BY name"
            )
            return [Book._make(row) for row in rows]

    def loads(self) -> dict[str, int]:
        """The number of the latest load of each slot; it grows with every load of any."""
        with self._said:
            return dict(self._db.execute("SELECT slot, max(id) FROM load GROUP BY slot"))

    def unreconciled(self) -> int:
        """How many dispenses have an outcome that nobody knows."""
        with self._said:
            return int(
                self._db.execute(
                    f"SELECT count(*) FROM dispense WHERE {_UNSETTLED}"  # noqa: S608
                    " AND outcome = 'unknown' AND found IS NULL"
                ).fetchone()[0]
            )

    def last_dispense_id(self) -> int:
        """The highest id ever given; 0 before the first."""
        with self._said:
            row = self._db.execute("SELECT max(id) FROM dispense").fetchone()
            return row[0] or 0

    def entries(self, last: int) -> list[Entry]:
        """The ``last`` dispenses, the oldest first."""
        with self._said:
            rows = self._db.execute(
                "SELECT id, slot, outcome, drink_kept, found, token_digest, begun_at, ended_at,"
                " retry_of"
                " FROM dispense ORDER BY id DESC LIMIT ?",
                (last,),
            ).fetchall()
        return [
            Entry(
                row[0],
                row[1],
                None if row[2] == "open" else Outcome(row[2]),
                bool(row[3]),
                *row[4:],
            )
            for row in reversed(rows)
        ]

    # -- within ---------------------------------------------------------------------

    def _load(self, slot: str, remaining: int) -> None:
        self._db.execute(
            "INSERT INTO load (slot, remaining, loaded_at) VALUES (?, ?, ?)",
            (slot, remaining, self._date()),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All that is done within, or nothing."""
        with self._said:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite ends some by itself
                    with suppress(sqlite3.Error):
                        self._db.execute("ROLLBACK")
                raise

    def _data_version(self) -> int:
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def _migrate(self, migrations: Sequence[str]) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(migrations):
            raise JournalError(
                f"{self.path}: written by a newer quench (schema {version}, this one knows"
                f" {len(migrations)}); install that version"
            )
        for number, script in enumerate(migrations[version:], start=version + 1):
            with self._transaction():
                for statement in _statements(script):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {number}")


def _statements(script: str) -> Iterator[str]:
    """One by one: a trigger has statements within."""
    statement = ""
    for piece in script.split(";"):
        statement += f"{piece};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


class _Said:
    """What SQLite says within is said in our words, as a JournalError. It holds nothing itself.

    A class, since it is entered with every visit, and a generator's way in and out costs
    more than the statement within.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        """It has nothing to do."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not isinstance(error, sqlite3.Error):
            return
        if str(error) == _EMPTY:
            raise NoDrinkLeft(f"{self._path}: the slot is empty") from error
        raise JournalError(f"{self._path}: {_sqlite_says(error)}") from error


def _sqlite_says(error: sqlite3.Error) -> str:
    match getattr(error, "sqlite_errorname", ""):
        case "SQLITE_FULL" | "SQLITE_IOERR_SHMSIZE":
            return "the disk is full; make room"
        case "SQLITE_BUSY" | "SQLITE_LOCKED":
            return "locked by another program; close it and try again"
        case "SQLITE_NOTADB":
            return "not a journal; name another file in journal.path"
        case "SQLITE_CORRUPT":
            return "damaged; restore a copy, or move it away to begin a new one"
        case "SQLITE_READONLY" | "SQLITE_PERM":
            return "permission denied"
        case "SQLITE_CANTOPEN":
            return "cannot be opened; is the path a file in a folder that this user may write?"
        case str(name) if name.startswith("SQLITE_IOERR"):
            return f"the disk failed ({name}); is it full, worn out, or gone?"
    return str(error)
