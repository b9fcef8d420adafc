"""``quench run`` killed at a hundred random instants of its life, and started again each time.

S1 to S5 are watched from beside it (``tests.witness``). An instant is something that can
be seen from outside, and a time after it; a plan of them is drawn from a seed, and printed.
"""

import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from random import Random

import pytest

from tests.expo import OFF, ON, PULSE_MS, open_expo
from tests.processes import has_open
from tests.show import Show


class Moment(Enum):
    """What can be seen of a controller's life, in the order in which it comes."""

    SPAWNED = auto()
    JOURNAL_OPENED = auto()
    FIRST_OFF = auto()
    READY = auto()
    IN_SERVICE = auto()
    ASKED = auto()
    """A phone asks for the warning."""
    READING = auto()
    """The phone has it, and the dwell runs."""
    TAPPED = auto()
    TAPPED_IN_VAIN = auto()
    """As somebody else writes into the journal, so that the intent has to wait."""
    INTENDED = auto()
    """The journal on disk changes."""
    ON = auto()
    ON_FOR_LONG = auto()
    """Of a pulse that lasts longer than the controller."""
    RELEASED = auto()
    SETTLED = auto()


PLAN = (
    # how many controllers are killed after that moment, and within how many ms
    (4, Moment.SPAWNED, 300),
    (2, Moment.JOURNAL_OPENED, 10),
    (2, Moment.FIRST_OFF, 120),
    (1, Moment.READY, 20),
    (1, Moment.IN_SERVICE, 20),
    (1, Moment.ASKED, 5),
    (1, Moment.READING, 100),
    (3, Moment.TAPPED, 10),
    (1, Moment.TAPPED_IN_VAIN, 100),
    (3, Moment.INTENDED, 3),
    (1, Moment.ON, 1.5 * PULSE_MS),
    (1, Moment.ON_FOR_LONG, 300),
    (2, Moment.RELEASED, 3),
    (1, Moment.SETTLED, 20),
)


@dataclass(frozen=True)
class Kill:
    """``after_ms`` after ``moment``."""

    moment: Moment
    after_ms: float


def drawn(seed: int) -> list[Kill]:
    """25 of them; the first is of a controller that makes its journal."""
    random = Random(seed)
    plan = [
        Kill(moment, random.uniform(0, within_ms))
        for kills, moment, within_ms in PLAN
        for _ in range(kills)
    ]
    random.shuffle(plan)
    return [Kill(Moment.JOURNAL_OPENED, random.uniform(0, 20)), *plan]


def life(show: Show, end: Moment) -> Generator[Moment, None, None]:
    """A controller's, and a visitor's with it. It is such that ``end`` comes."""
    off = show.expo.board.next(OFF)
    show.start(10_000 if end is Moment.ON_FOR_LONG else PULSE_MS)
    controller = show.expo.controller
    yield Moment.SPAWNED
    controller.wait_until(lambda: has_open(controller.pid, show.journal.name))
    yield Moment.JOURNAL_OPENED
    off()
    yield Moment.FIRST_OFF
    controller.wait_for("^quench: ready at")
    yield Moment.READY
    controller.wait_for("^quench: in service$")
    show.in_service()
    yield Moment.IN_SERVICE
    visitor = show.visitor()
    assert visitor.scans()
    with show.expo.sent("GET", visitor.path):
        yield Moment.ASKED
    assert visitor.reads()
    yield Moment.READING
    assert visitor.waits()
    on, off, changed = show.expo.board.next(ON), show.expo.board.next(OFF), change(show.journal)
    with ExitStack() as over:
        if end is Moment.TAPPED_IN_VAIN:
            over.enter_context(held(show.journal))
        for _ in range(2):
            over.enter_context(visitor.tapping())
        yield Moment.TAPPED
        yield Moment.TAPPED_IN_VAIN
        controller.wait_until(changed)
        yield Moment.INTENDED
        on()
        yield Moment.ON
        yield Moment.ON_FOR_LONG
        show.witness.look()
        off()
        yield Moment.RELEASED
        controller.wait_for(r"dispense \d+: commanded")
        yield Moment.SETTLED


def change(journal: Path) -> Callable[[], bool]:
    """Whether something was written into ``journal`` since this was called."""
    wal = journal.with_name(f"{journal.name}-wal")
    before = wal.stat()

    def changed() -> bool:
        now = wal.stat()
        return (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns)

    return changed


@contextmanager
def held(journal: Path) -> Iterator[None]:
    """Somebody else writes into ``journal``, and doesn't come to an end."""
    with closing(sqlite3.connect(journal, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@pytest.mark.parametrize("seed", range(4))
def test_killed_and_started_again(tmp_path: Path, seed: int) -> None:
    with open_expo(tmp_path) as expo:
        show = Show(expo, tmp_path / "quench.db")
        for number, kill in enumerate(drawn(seed), start=1):
            print(f"seed {seed}, kill {number}: {kill}")
            with closing(life(show, kill.moment)) as moments:
                next(moment for moment in moments if moment is kill.moment)
                expo.controller.outlives(kill.after_ms)
                show.kill()
        show.end()
    hit = show.witness.hit
    assert set(hit) >= {"starting", "at rest", "a relay is on"}, f"nothing else was hit: {hit}"
