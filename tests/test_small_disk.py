"""``quench run`` on a disk that another file fills at random instants, killed in between.

No drink without an intent on disk; the machine says what is wrong, and comes back when there
is room. S1 to S5 are watched from beside it (``tests.witness``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from random import Random

import pytest

from controller.door import Word
from controller.web.words import EN
from tests.expo import OFF, ON, PULSE_MS, open_expo
from tests.show import Show
from tests.small_disk import SmallDisk, small_disk

FULL = "the disk is full; make room"
REFUSED = rf"/quench\.db: (?:{FULL}|the disk failed \(SQLITE_IOERR\w*\); is it full, .*)$"


class Moment(Enum):
    """What is seen of a machine before the disk is full; the value: within how many ms it is."""

    NOT_STARTED = 0
    SPAWNED = 300
    IN_SERVICE = 20
    READING = 99
    TAPPED = 10
    ON = PULSE_MS
    RELEASED = 3


@dataclass(frozen=True)
class Round:
    """The disk is full ``after_ms`` after ``moment``."""

    moment: Moment
    after_ms: float
    killed_after_ms: float | None
    """When it is killed on the full disk, after the visitor's drink; None: it is not."""
    end_ms: float
    """When it is killed with room again, after ON."""


def drawn(seed: int) -> list[Round]:
    """One for each moment; in every other one it is killed on the full disk, too."""
    random = Random(seed)
    rounds = [
        Round(
            moment,
            random.uniform(0, moment.value),
            random.uniform(0, 300) if number % 2 == seed % 2 else None,
            random.uniform(0, 1.5 * PULSE_MS),
        )
        for number, moment in enumerate(Moment)
    ]
    random.shuffle(rounds)
    return rounds


def life(show: Show, disk: SmallDisk) -> Iterator[Moment]:
    """A controller's, and a visitor's with it, for as long as it gets on such a disk."""
    yield Moment.NOT_STARTED
    show.start()
    yield Moment.SPAWNED
    if not comes_into_service(show, disk):
        return
    yield Moment.IN_SERVICE
    visitor, board = show.visitor(), show.expo.board
    assert visitor.scans()
    assert visitor.reads()
    yield Moment.READING
    assert visitor.waits()
    on, off, was_full = board.next(ON), board.next(OFF), disk.full
    with visitor.tapping():
        yield Moment.TAPPED
        if not disk.full:
            on()
            yield Moment.ON
            off()
            yield Moment.RELEASED
        outcome = show.expo.controller.wait_for(r"dispense \d+: (\w+)$").group(1)
    assert outcome in ("failed", "commanded")
    if was_full:
        assert outcome == "failed", "S4: it can't have been written"


def comes_into_service(show: Show, disk: SmallDisk) -> bool:
    """Or refuses to start, on a full disk only, and says why."""
    controller = show.expo.controller
    if controller.wait_for(f"^quench: in service$|{REFUSED}").group() == "quench: in service":
        show.in_service()
        return True
    assert disk.full
    assert controller.end() == 1
    show.gone()
    return False


def gives_up(show: Show, disk: SmallDisk) -> None:
    """The disk is full: whoever comes gets no drink, and the machine says why nobody does."""
    disk.fill()
    show.witness.look()
    pulses = show.witness.pulses
    visitor = show.visitor()
    if visitor.comes():
        assert EN.told[Word.FAILED].title in visitor.taps()
    show.expo.controller.wait_for(f"^quench: out of service: journal_lost: .*: {FULL}$")
    status = show.expo.http.get("/api/status").json()
    assert (status["state"], status["reason"]) == ("out_of_service", "journal_lost")
    assert status["detail"].endswith(FULL)
    show.witness.look()
    assert show.witness.pulses == pulses, "S4: no intent on disk, no drink"


def comes_back(show: Show, disk: SmallDisk) -> None:
    """There is room again."""
    controller = show.expo.controller
    back = controller.next("^quench: in service$")
    disk.free()
    if controller.running():
        back()
        show.in_service()
    else:
        show.start()
        assert comes_into_service(show, disk)


def play(planned: Round, show: Show, disk: SmallDisk) -> None:
    for moment in life(show, disk):
        if moment is planned.moment:
            if moment is not Moment.NOT_STARTED:
                show.expo.controller.outlives(planned.after_ms)
            disk.fill()
    if planned.killed_after_ms is not None:
        if show.expo.controller.outlives(planned.killed_after_ms):
            show.kill()
        disk.fill()
        show.start()
        comes_into_service(show, disk)
    if show.expo.controller.running():
        gives_up(show, disk)
    comes_back(show, disk)
    visitor, on = show.visitor(), show.expo.board.next(ON)
    assert visitor.comes()
    with visitor.tapping():
        on()
        show.expo.controller.outlives(planned.end_ms)
        show.kill()


@pytest.mark.parametrize("seed", range(2))
def test_a_disk_that_fills_up_and_is_emptied(tmp_path: Path, seed: int) -> None:
    folder = tmp_path / "disk"
    journal = {"path": str(folder / "quench.db")}
    with (
        small_disk(folder, 2_048) as disk,
        open_expo(tmp_path, within=disk.within, journal=journal) as expo,
    ):
        show = Show(expo, disk.outside / "quench.db")
        for planned in drawn(seed):
            print(f"seed {seed}: {planned}")
            play(planned, show, disk)
        show.end()
