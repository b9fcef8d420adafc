"""The loop itself: what it does when a part of our own is broken."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from controller.config import Config, load
from controller.door import Word
from controller.errors import JournalError
from controller.events import DeadlinePassed, Event, Outcome
from controller.inbox import Inbox, Letter
from controller.journal import Journal
from controller.machine import Reason
from controller.rounds import RETRY_MOST_MS
from controller.runner import serve
from controller.table import State
from sim.trace import RelaySwitched, Shown, Tapped
from sim.world import World
from tests.processes import written


@pytest.mark.parametrize("fault", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_fault_of_our_own_leaves_no_relay_on(
    energised: World, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]
) -> None:
    """The table, say, has a mistake that shows while a relay is energised; or Python ends."""
    world = energised
    assert world.controller is not None
    runner = world.controller.runner

    def broken(event: Event, now_ms: int) -> None:
        assert isinstance(event, DeadlinePassed)
        raise fault("a bug")

    monkeypatch.setattr(runner.machine, "handle", broken)
    world.clock.advance_to(world.now_ms + 700)
    with pytest.raises(fault, match="a bug"):
        serve(runner, Inbox(), world.clock, stopping=lambda: False)
    assert world.board.coils == [False, False]
    assert not world.wire.held


def ons(world: World) -> int:
    """How often any relay was told ON."""
    return sum(isinstance(seen, RelaySwitched) and seen.on for seen in world.trace)


class Loop:
    """What the outermost loop waits for, in virtual time: its inbox brings nothing later."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        assert world.controller is not None
        self.world = world
        self.inbox = world.controller.inbox
        self.waits = 0
        self._take = self.inbox.take
        monkeypatch.setattr(self.inbox, "take", self.take)

    def take(self, wait_ms: int) -> Letter | None:
        self.waits += 1
        assert self.waits < 1_000, "the loop never ends"
        letter = self._take(0)
        if letter is None and wait_ms > 0:
            self.world.clock.sleep_ms(wait_ms)
            self.world.wire.advance()
        return letter

    def serve(self, *, stop_when: Callable[[], bool], hurry: bool) -> None:
        assert self.world.controller is not None
        runner, clock = self.world.controller.runner, self.world.clock
        serve(runner, self.inbox, clock, stopping=stop_when, hurrying=lambda: hurry)


@pytest.mark.parametrize("hurry", [False, True])
def test_an_orderly_stop_brings_a_drink_to_its_end_unless_in_a_hurry(
    config: Config, monkeypatch: pytest.MonkeyPatch, hurry: bool
) -> None:
    world = World(config)
    world.boot()
    world.wait(1_000)
    token, page = world.token, world.fetch(world.token)
    world.wait(page.wait_ms)
    loop = Loop(world, monkeypatch)
    assert world.controller is not None
    done_ms: list[int] = []
    tapped_ms = world.now_ms
    world._see(Shown(tapped_ms, token, page.mark))
    world._see(Tapped(tapped_ms, token, page.mark))
    world.controller.door.tap(token, page.mark, lambda: done_ms.append(world.now_ms))

    loop.serve(stop_when=lambda: ons(world) > 0, hurry=hurry)

    assert done_ms == [tapped_ms], "the phone hears at once"
    assert world.board.coils == [False, False]
    assert (world.now_ms - tapped_ms >= config.slots[0].pulse_ms) is not hurry
    assert world.controller.runner.machine.reason() == (
        Reason.STOPPED,
        "the controller is stopping",
    )
    outcome = Outcome.UNKNOWN if hurry else Outcome.COMMANDED
    assert [entry.outcome for entry in world.entries()] == [outcome]
    assert not world.wire.held
    world.close()


def test_a_lost_relay_is_tried_again_less_and_less_often(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(config)
    tried_ms: list[int] = []
    wire_open = world.wire.open

    def opened() -> None:
        tried_ms.append(world.now_ms)
        wire_open()

    monkeypatch.setattr(world.wire, "open", opened)
    world.boot()
    for _ in range(2):  # from the first span again, once it was back
        world.wait(5_000)
        assert world.state is State.IDLE
        tried_ms.clear()
        world.unplug()
        world.wait(60_000)
        gaps_ms = [after - before for before, after in pairwise(tried_ms)]
        assert gaps_ms[:4] == [250, 500, 1_000, 2_000]
        assert len(gaps_ms) > 15
        assert set(gaps_ms[4:]) == {2_000}
        world.plug()
    world.close()


def test_a_slot_that_the_operator_has_just_emptied_is_not_fired(
    config: Config, tmp_path: Path
) -> None:
    """The books said so before the machine heard of it."""
    world = World(config)
    world.boot()
    world.wait(1_000)
    token, page = world.token, world.fetch(world.token)
    world.wait(page.wait_ms)
    for slot in config.slots:
        world.load(slot.name, 0)
    world.tap(token, page.mark)
    assert world.fetch(token, page.mark).word is Word.FAILED
    assert world.entries() == []
    assert ons(world) == 0
    assert world.controller is not None
    assert world.controller.runner.machine.reason() == (Reason.SOLD_OUT, "")
    world.close()


def test_an_unknown_outcome_stops_the_machine_over_a_crash_until_it_is_reconciled(
    tmp_path: Path,
) -> None:
    world = World(load(written(tmp_path, safety={"on_unknown": "stop"})))
    world.boot()
    world.wait(1_000)
    token, page = world.token, world.fetch(world.token)
    world.wait(page.wait_ms)
    world.tap(token, page.mark)
    for _ in range(2):
        world.kill()
        world.boot()
        world.wait(60_000)
        assert world.controller is not None
        reason = world.controller.runner.machine.reason()
        assert reason == (Reason.UNKNOWN_OUTCOME, "1 dispenses wait to be reconciled")
        assert world.state is State.OUT_OF_SERVICE
    world.reconcile("dispensed")
    world.wait(2_000)
    assert world.state is State.IDLE
    world.close()


def test_a_disk_that_fails_while_nobody_is_served_is_looked_after(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(config)
    world.boot()
    world.wait(1_000)

    def failing(journal: Journal) -> bool:
        raise JournalError("the disk is gone")

    with monkeypatch.context() as broken:
        for use in ("changed_by_others", "probe"):
            broken.setattr(Journal, use, failing)
        world.wait(60_000)
        assert world.controller is not None
        reason = world.controller.runner.machine.reason()
        assert reason == (Reason.JOURNAL_LOST, "the disk is gone")
    world.wait(RETRY_MOST_MS)
    assert world.state is State.IDLE
    world.close()
