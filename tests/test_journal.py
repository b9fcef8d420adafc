"""The journal by itself: its schema, its sums, and what it keeps of a visitor."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import storage
from controller.errors import JournalError, NoDrinkLeft
from controller.events import Outcome
from controller.journal import DIGESTS_KEPT, FOUND, MIGRATIONS, Book, Journal
from tests.conftest import IN_MEMORY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "quench.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with closing(Journal(path)) as journal:
        journal.ensure_slot("water", 3)
        yield journal


def book(journal: Journal) -> Book:
    (only,) = journal.books()
    return only


# -- durable -----------------------------------------------------------------------------


def test_it_is_as_durable_as_sqlite_can_be(path: Path) -> None:
    with closing(Journal(path)) as journal:
        pragma = {
            name: journal._db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragma == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_what_was_written_is_there_without_closing(path: Path, tmp_path: Path) -> None:
    """A copy of the files at any moment, as a power cut would leave them."""
    with closing(Journal(path)) as journal:
        journal.ensure_slot("water", 3)
        journal.intend(1, "water", "digest")
        after = tmp_path / "after"
        after.mkdir()
        for file in tmp_path.glob("quench.db*"):
            shutil.copy(file, after)
    with closing(Journal(after / "quench.db")) as copy:
        assert book(copy) == Book("water", 3, 2, 0, 0, 1)
        assert copy.recover() == 1
        assert copy.entries(1)[0].outcome is Outcome.UNKNOWN
        assert copy.recover() == 0


def test_another_program_is_waited_for_as_long_as_was_said_and_no_longer(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Journal(path)) as journal:
        assert journal._db.execute("PRAGMA busy_timeout").fetchone() == (5_000,)
    monkeypatch.setattr(storage, "BUSY_S", 0.007)
    with closing(Journal(path)) as journal, closing(sqlite3.connect(path)) as other:
        assert journal._db.execute("PRAGMA busy_timeout").fetchone() == (7,)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="locked by another program"):
            journal.probe()
        other.rollback()
        journal.probe()


# -- the schema --------------------------------------------------------------------------


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("PRAGMA user_version").fetchone()[0])


def test_an_old_schema_is_brought_up_to_date_and_loses_nothing(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.ensure_slot("water", 3)
        journal.intend(1, "water", "digest")
    newer = (*MIGRATIONS, "ALTER TABLE slot ADD COLUMN price INTEGER; UPDATE slot SET price = 5")
    with closing(Journal(path, migrations=newer)) as journal:
        assert book(journal) == Book("water", 3, 2, 0, 0, 1)
        assert journal._db.execute("SELECT price FROM slot").fetchone() == (5,)
    assert version(path) == len(newer)
    with pytest.raises(JournalError, match=f"newer quench.*{len(newer)}.*{len(MIGRATIONS)}"):
        Journal(path)


def test_the_journal_of_a_machine_without_drop_sensors_is_taken_over(path: Path) -> None:
    with closing(sqlite3.connect(path)) as first:
        first.executescript(MIGRATIONS[0])
        first.executescript(
            "INSERT INTO slot VALUES ('water', 5, 3, 1, 0, 1);"
            "INSERT INTO dispense VALUES (1, 'water', 'commanded', 0, NULL, 'a', 'then', 'now');"
            "INSERT INTO dispense VALUES (2, 'water', 'open', 0, NULL, 'b', 'then', NULL);"
            "PRAGMA user_version = 1"
        )
    with closing(Journal(path)) as journal:
        assert journal.recover() == 1
        told = [(entry.outcome, entry.retry_of) for entry in journal.entries(9)]
        assert told == [(Outcome.COMMANDED, None), (Outcome.UNKNOWN, None)]
        assert book(journal) == Book("water", 5, 3, 1, 0, 1)


def test_a_migration_that_fails_half_way_leaves_the_old_schema(path: Path) -> None:
    Journal(path).close()
    broken = (*MIGRATIONS, "ALTER TABLE slot ADD COLUMN price INTEGER; SELECT no_such_thing")
    with pytest.raises(JournalError, match="no_such_thing"):
        Journal(path, migrations=broken)
    assert version(path) == len(MIGRATIONS)
    with closing(Journal(path)) as journal:
        journal.ensure_slot("water", 3)
        columns = {row[1] for row in journal._db.execute("PRAGMA table_info(slot)")}
    assert "price" not in columns


# -- the sums ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "kept", "after"),
    [
        (Outcome.COMMANDED, False, Book("water", 3, 2, 1, 0, 0)),
        (Outcome.RELAY_CONFIRMED, False, Book("water", 3, 2, 1, 0, 0)),
        (Outcome.DROPPED, False, Book("water", 3, 2, 1, 0, 0)),
        (Outcome.FAILED, False, Book("water", 3, 2, 0, 1, 0)),
        (Outcome.FAILED, True, Book("water", 3, 3, 0, 0, 0)),
        (Outcome.UNKNOWN, False, Book("water", 3, 2, 0, 0, 1)),
    ],
)
def test_an_outcome_moves_the_drink(
    journal: Journal, outcome: Outcome, kept: bool, after: Book
) -> None:
    journal.intend(1, "water", "digest")
    journal.settle(1, outcome, kept)
    assert book(journal) == after
    journal.settle(1, Outcome.COMMANDED, False)
    assert book(journal) == after, "settled once is settled"


@pytest.mark.parametrize(
    ("found", "after"),
    [
        ("dispensed", Book("water", 3, 2, 1, 0, 0)),
        ("remaining", Book("water", 3, 3, 0, 0, 0)),
        ("failed", Book("water", 3, 2, 0, 1, 0)),
    ],
)
def test_a_person_reconciles_what_is_unknown(journal: Journal, found: str, after: Book) -> None:
    journal.intend(1, "water", "digest")
    with pytest.raises(JournalError, match="not one of unknown outcome"):
        journal.reconcile(1, found)
    journal.settle(1, Outcome.UNKNOWN, False)
    assert journal.unreconciled() == 1
    journal.reconcile(1, found)
    assert (book(journal), journal.unreconciled()) == (after, 0)
    with pytest.raises(JournalError, match="not one of unknown outcome"):
        journal.reconcile(1, found)
    assert book(journal) == after


def test_an_empty_slot_gives_no_intent(journal: Journal) -> None:
    journal.load("water", 0)
    with pytest.raises(NoDrinkLeft):
        journal.intend(1, "water", "digest")
    assert journal.entries(10) == []
    assert book(journal) == Book("water", 0, 0, 0, 0, 0)


def test_a_token_is_spent_once(journal: Journal) -> None:
    journal.intend(1, "water", "digest")
    journal.settle(1, Outcome.COMMANDED, False)
    with pytest.raises(JournalError, match="UNIQUE"):
        journal.intend(2, "water", "digest")
    assert book(journal) == Book("water", 3, 2, 1, 0, 0), "the whole intent was taken back"


def test_a_slot_that_the_books_refuse_is_not_half_there_and_nothing_is_held(
    journal: Journal, path: Path
) -> None:
    with pytest.raises(JournalError):
        journal.ensure_slot("tea", -1)
    assert [known.name for known in journal.books()] == ["water"]
    with closing(Journal(path)) as another:
        another.load("water", 3)
    assert journal.ensure_slot("tea", 2)


def test_the_database_itself_refuses_books_that_do_not_balance(journal: Journal) -> None:
    for change in ("dispensed = 1", "remaining = -1, unknown = 4", "loaded = 4"):
        with pytest.raises(sqlite3.IntegrityError):
            journal._db.execute(f"UPDATE slot SET {change}")


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("dispense"), st.sampled_from(Outcome), st.booleans()),
        st.tuples(st.just("crash"), st.none(), st.none()),
        st.tuples(st.just("load"), st.integers(0, 5), st.none()),
        st.tuples(st.just("reconcile"), st.sampled_from(FOUND), st.none()),
    ),
    max_size=12,
)


@given(steps=_STEPS)
def test_the_books_balance_whatever_is_written(steps: list[tuple[str, object, object]]) -> None:
    # Whether a disk keeps what it promised is for the crash tests; here it only takes time.
    with TemporaryDirectory(prefix="quench-books-", dir=IN_MEMORY) as folder:
        path = Path(folder) / "quench.db"
        journal = Journal(path)
        journal.ensure_slot("water", 3)
        loaded = last = 3
        for number, (what, how, kept) in enumerate(steps, start=1):
            match what, how:
                case "dispense", Outcome() if book(journal).remaining:
                    journal.intend(number, "water", f"digest {number}")
                    journal.settle(number, how, bool(kept) and how is Outcome.FAILED)
                case "crash", _ if book(journal).remaining:
                    journal.intend(number, "water", f"digest {number}")
                    journal.close()
                    journal = Journal(path)
                    assert journal.recover() == 1
                case "load", int(drinks):
                    loaded += drinks - book(journal).remaining
                    journal.load("water", drinks)
                case "reconcile", str(found) if journal.unreconciled():
                    (first, *_) = [
                        entry.id
                        for entry in journal.entries(100)
                        if entry.outcome is Outcome.UNKNOWN and entry.found is None
                    ]
                    journal.reconcile(first, found)
            now = book(journal)
            assert now.loaded == loaded == now.dispensed + now.remaining + now.failed + now.unknown
            assert now.unknown == journal.unreconciled()
            last = now.remaining
        assert last >= 0
        journal.close()


# -- what is kept ------------------------------------------------------------------------


def test_a_digest_is_kept_for_as_long_as_a_phone_may_ask(journal: Journal) -> None:
    journal.load("water", 1_000)
    for number in range(1, DIGESTS_KEPT + 11):
        journal.intend(number, "water", f"digest {number}")
        journal.settle(number, Outcome.COMMANDED, False)
    kept = [entry.id for entry in journal.entries(1_000) if entry.token_digest]
    assert kept == list(range(11, DIGESTS_KEPT + 11))


def test_another_process_is_noticed_and_one_self_is_not(journal: Journal, path: Path) -> None:
    journal.load("water", 2)
    assert not journal.changed_by_others()
    with closing(Journal(path)) as other:
        assert not journal.changed_by_others(), "reading is no change"
        other.load("water", 1)
    assert journal.changed_by_others()
    assert not journal.changed_by_others()
    assert book(journal).remaining == 1
