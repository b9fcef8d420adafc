"""Fixtures for those who write a driver: ``pytest_plugins = ["sim.pytest_plugin"]``.

``virtual_clock`` is the time, ``board`` an emulated relay board, and ``world`` a whole
machine in that time whose driver talks to that board: put down a visitor with
``world.visit()``, break something with ``world.throw("silent")`` or ``world.unplug()``, let
time pass with ``world.wait(1_000)``. The safety properties are watched throughout, and raise
:class:`sim.properties.Violation`.

Override ``relay_driver`` with your driver's name, and ``board`` with your own emulated
board; ``machine`` is the config, for the rest of it.
"""

from collections.abc import Iterator
from contextlib import closing

import pytest

from controller.config import Config
from sim import hardware
from sim.boards.base import Board
from sim.clock import VirtualClock
from sim.plan import Setting
from sim.world import World


@pytest.fixture
def relay_driver() -> str:
    """The name of the driver: a dialect of ours, or what an entry point calls it."""
    return "lcus"


@pytest.fixture
def machine(relay_driver: str) -> Config:
    """A machine with two slots, ``water`` on channel 1 and ``tea`` on 2, and no drop sensor."""
    return Setting(relay_driver).config()


@pytest.fixture
def virtual_clock() -> VirtualClock:
    """It stands still until somebody moves it: ``sleep_ms``, ``advance_to``, ``world.wait``."""
    return VirtualClock()


@pytest.fixture
def board(relay_driver: str) -> Board:
    """The emulated board that the driver talks to; its ``coils`` are what is energised."""
    return hardware.emulated(relay_driver, 2)


@pytest.fixture
def world(machine: Config, board: Board, virtual_clock: VirtualClock) -> Iterator[World]:
    """The machine, with its controller running, and idle if its board answers."""
    with closing(World(machine, board=board, clock=virtual_clock)) as made:
        made.boot()
        made.wait(1_000)
        yield made
        # With everything mended it must come back; what is broken by then is the test's affair.
        if made.controller is not None and not made.broken:
            made.wait(made.limits.longest_ms)
