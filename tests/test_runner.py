"""The loop itself: what it does when a part of our own is broken."""

from pathlib import Path

import pytest

from controller.config import Config
from controller.events import DeadlinePassed, Event
from controller.inbox import Inbox
from controller.runner import serve
from sim.world import World


def test_a_fault_of_our_own_leaves_no_relay_on(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table, say, has a mistake that shows while a relay is energised."""
    world = World(config, tmp_path)
    world.boot()
    world.wait(1_000)
    token, page = world.token, world.fetch(world.token)
    world.wait(page.wait_ms)
    world.tap(token, page.mark)
    assert world.board.coils == [True, False]
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
    world.close()
