"""The loop itself: what it does when a part of our own is broken."""

import pytest

from controller.events import DeadlinePassed, Event
from controller.inbox import Inbox
from controller.runner import serve
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
