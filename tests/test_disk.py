"""The simulated disk: like a real one while nothing happens, and as bad as one when it does."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import JournalError
from controller.events import Outcome
from controller.journal import Journal
from controller.storage import RealDisk, Storage
from sim.crashes import SCENARIOS, Crash, crash_at, plan_of
from sim.disk import Disk
from sim.instants import Instants, PowerCut
from sim.run import run

PATH = Path("quench.db")


@pytest.fixture
def disk() -> Iterator[Disk]:
    made = Disk(Instants())
    yield made
    made.close()


def opened(path: Path, storage: Storage) -> Journal:
    return Journal(path, storage=storage, date=lambda: "2019-04-27 10:00:00")


def use(journal: Journal) -> None:
    """A day at work."""
    journal.ensure_slot("water", 50)
    for number in range(1, 30):
        journal.intend(number, "water", f"digest {number}")
        journal.settle(number, Outcome.UNKNOWN if number % 7 == 0 else Outcome.COMMANDED, False)
    journal.reconcile(7, "remaining")
    journal.load("water", 40)


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return list(database.iterdump())


def test_a_journal_on_it_is_the_one_on_a_real_disk(disk: Disk, tmp_path: Path) -> None:
    real, simulated = tmp_path / "real", tmp_path / "simulated"
    simulated.mkdir()
    disk.watches = True  # every write goes through its hands
    for path, storage in ((real / PATH, RealDisk()), (PATH, disk)):
        with closing(opened(path, storage)) as journal:
            use(journal)
            if storage is disk:
                disk.save(simulated)
    assert dump(real / PATH) == dump(simulated / PATH)


def test_a_full_disk_and_a_real_full_one_say_the_same(disk: Disk) -> None:
    with closing(opened(PATH, disk)) as journal:
        journal.ensure_slot("water", 5)
        disk.full = True
        with pytest.raises(JournalError, match="the disk is full; make room"):  # test_journal.py
            journal.load("water", 3)
        assert [book.remaining for book in journal.books()] == [5]
        disk.full = False
        journal.load("water", 3)
        assert [book.remaining for book in journal.books()] == [3]
    assert disk.bites["disk-full"]


def test_a_sync_that_fails_is_an_error(disk: Disk) -> None:
    with closing(opened(PATH, disk)) as journal:
        journal.ensure_slot("water", 5)
        disk.fails_sync = True
        with pytest.raises(JournalError, match="the disk failed"):
            journal.load("water", 3)
        disk.fails_sync = False
        assert [book.remaining for book in journal.books()] == [5]


@pytest.mark.parametrize("torn", [0.5, 1.0])
def test_what_a_failed_sync_left_unsafe_is_made_safe_at_the_next_start(
    disk: Disk, torn: float
) -> None:
    """An operator's program meets the failure, and the controller starts after it."""
    with closing(opened(PATH, disk)) as journal:
        journal.ensure_slot("water", 5)
    journal = opened(PATH, disk)
    disk.fails_sync = True
    with pytest.raises(JournalError):
        journal.load("water", 3)
    disk.dead = True  # it is killed, and tidies up nothing
    journal.close()
    disk.dead = disk.fails_sync = False

    journal = opened(PATH, disk)
    journal.intend(1, "water", "digest")
    disk.dead = True
    journal.close()
    disk.lose_power(torn, Random(1))
    disk.dead = False
    with closing(opened(PATH, disk)) as journal:
        assert [entry.id for entry in journal.entries(9)] == [1], "a durable intent is gone"


@given(st.integers(1, 400), st.sampled_from([0.0, 0.3, 1.0]), st.integers(0, 99))
def test_whatever_returned_is_there_after_a_power_cut(at: int, torn: float, seed: int) -> None:
    instants = Instants()
    with closing(Disk(instants)) as disk:
        journal = opened(PATH, disk)
        journal.ensure_slot("water", 500)
        instants.cut_at = at
        done = 0
        try:
            for number in range(1, 40):
                journal.intend(number, "water", f"digest {number}")
                done = number
                journal.settle(number, Outcome.COMMANDED, False)
        except PowerCut:
            pass
        disk.dead = True
        journal.close()
        disk.lose_power(torn, Random(seed))
        disk.dead = False
        instants.cut_at = 0
        with closing(opened(PATH, disk)) as journal:
            there = len(journal.entries(99))
            assert done <= there <= done + 1
            (book,) = journal.books()
            assert book.remaining == 500 - there


def test_two_programs_wait_for_each_other(disk: Disk) -> None:
    with closing(opened(PATH, disk)) as journal, closing(disk.connect(PATH)) as other:
        journal.ensure_slot("water", 5)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="locked by another program"):
            journal.load("water", 3)
        other.execute("ROLLBACK")
        journal.load("water", 3)
        assert disk.bites["lock"] == 1


# -- crashes everywhere ---------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_a_crash_at_every_seventh_instant_and_one_in_the_recovery(scenario: object) -> None:
    """``quench fuzz --crash-everywhere`` takes them all."""
    instants = run(plan_of(scenario, Crash(10**6), None)).instants[0]  # type: ignore[arg-type]
    kinds = (None, 50, 100)
    firsts = [Crash(at, kinds[at % 3]) for at in range(1, instants + 1, 7)]
    runs, violated = crash_at(scenario, firsts, every=31)  # type: ignore[arg-type]
    assert violated is None, violated
    assert runs >= len(firsts)


def test_a_crash_between_the_intent_and_the_drink_would_be_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If the start forgot what was open."""
    monkeypatch.setattr(Journal, "recover", lambda self: 0)
    scenario = SCENARIOS[0]
    instants = run(plan_of(scenario, Crash(10**6), None)).instants[0]
    _, violated = crash_at(scenario, [Crash(at) for at in range(1, instants + 1)], every=10**6)
    assert violated is not None
    assert violated.broke == "S4 intent before act"
