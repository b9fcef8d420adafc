"""The loop itself: what it does when a part of our own is broken."""

from itertools import pairwise
from pathlib import Path

import pytest

from controller.config import Config
from controller.events import DeadlinePassed, Event
from controller.inbox import Inbox
from controller.runner import serve
from controller.table import State
from sim.world import World


def test_a_fault_of_our_own_leaves_no_relay_on(
    energised: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table, say, has a mistake that shows while a relay is energised."""
    world = energised
    assert world.controller is not None
    runner = world.controller.runner

    def broken(event: Event, now_ms: int) -> None:
        assert isinstance(event, DeadlinePassed)
        raise RuntimeError("a bug")

    monkeypatch.setattr(runner.machine, "handle", broken)
    world.clock.advance_to(world.now_ms + 700)
    with pytest.raises(RuntimeError, match="a bug"):
        serve(runner, Inbox(), world.clock, stopping=lambda: False)
    assert world.board.coils == [False, False]
    assert not world.wire.held


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
