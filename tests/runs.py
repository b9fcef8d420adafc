"""Runs of the simulated world to read: made once each, the same each time."""

from collections.abc import Callable, Sequence
from functools import cache

import pytest

from controller.machine import Machine
from sim.plan import Setting
from sim.properties import Violation
from sim.timeline import timeline
from sim.trace import Seen
from sim.world import World

SLOT = "<script>乌龙茶</script>"
ATTACK = "<script>alert('&')</script>\x1b[31m"

FACTS = {"seed": "1", "commit": "0123abcd", "again": "quench replay 1"}

Run = Callable[[], Sequence[Seen]]
Broken = tuple[Sequence[Seen], str]
"""A trace, and what a property says of it."""


def visit(world: World, then_ms: int = 2_000) -> None:
    """Somebody scans, reads, taps, and takes the drink."""
    token, page = world.token, world.fetch(world.token, visitor=1)
    world.show(token, page.mark, visitor=1)
    world.wait(page.wait_ms)
    world.tap(token, page.mark, visitor=1)
    world.wait(then_ms)
    if world.controller is not None:
        world.fetch(token, page.mark, visitor=1)


@cache
def plain() -> Sequence[Seen]:
    """A visit to a machine that sees its drinks fall."""
    world = World(Setting("lcus", "cts").config())
    world.boot()
    world.wait(1_000)
    visit(world)
    world.close()
    return world.trace


@cache
def welded() -> Sequence[Seen]:
    """A visit to a board that is only written to, whose first relay never opens again."""
    world = World(Setting("lcus").config())
    world.boot()
    world.wait(1_000)
    world.throw("welded:1")
    visit(world)
    world.wait(3_000)
    world.cut_power()
    world.close()
    return world.trace


@cache
def polled() -> Sequence[Seen]:
    """A visit to a machine that asks its board each second how its relays are; a quiet hour."""
    world = World(Setting("kmtronic").config())
    world.boot()
    world.wait(10_500)
    visit(world)
    world.wait(3_600_000)
    world.fetch(world.token, visitor=2)
    world.close()
    return world.trace


@cache
def troubled() -> Sequence[Seen]:
    """Faults thrown and mended, a kill, and a power cut in the middle of a dispense."""
    world = World(Setting("kmtronic").config())
    world.boot()
    world.wait(1_000)
    world.throw("welded:1")
    world.wait(500)
    world.throw("dead")
    world.wait(2_000)
    world.mend("welded:1")
    world.wait(700)
    world.mend()
    world.wait(5_000)
    world.kill()
    world.wait(30_000)
    world.boot()
    world.wait(2_000)
    world.cut_after(60)
    visit(world)
    assert world.controller is None, "the power was cut meanwhile"
    world.boot()
    world.wait(2_000)
    world.close()
    return world.trace


@cache
def second_try() -> Sequence[Seen]:
    """No drink falls from one slot, and one does from the other."""
    config = Setting("lcus", sensor="cts", another_slot=True).config()
    tea = config.slots[1].model_copy(update={"name": SLOT})
    world = World(config.model_copy(update={"slots": (config.slots[0], tea)}))
    world.boot()
    world.wait(2_000)
    world.jam(1)
    visit(world, then_ms=10_000)
    world.close()
    return world.trace


RUNS: tuple[Run, ...] = (plain, welded, polled, troubled, second_try)


@cache
def violated() -> Broken:
    """A core that doesn't look at the dwell, and a visitor who taps at once, after many others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Machine, "dwell_passed", lambda self, event: True)
        world = World(Setting("kmtronic").config())
        world.boot()
        for _ in range(9):
            visit(world, then_ms=10_000)
        token, page = world.token, world.fetch(world.token, visitor=2)
        world.show(token, page.mark, visitor=2)
        world.wait(300)
        with pytest.raises(Violation) as caught:
            world.tap(token, page.mark, visitor=2)
        world.close()
    return world.trace, str(caught.value)


def page_of(trace: Sequence[Seen], violation: str = "") -> str:
    """The HTML file of that run."""
    return timeline(trace, title="Run 1", facts=FACTS, violation=violation)
