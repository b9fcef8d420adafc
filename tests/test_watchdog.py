"""The loop stalls while a relay is energised; and the end of the process in a hurry."""

import os
import signal
import threading
from pathlib import Path

import httpx
import pytest

from controller.clock import MonotonicClock
from controller.events import Outcome
from controller.watchdog import MARGIN_MS, Watchdog
from drivers.hal import PortLost
from sim import properties
from sim.clock import VirtualClock
from sim.world import World
from tests.processes import PATIENCE_S, machine
from tests.scanner import scan_svg
from tests.test_web import Phone

PULSE_MS = 700


def test_a_loop_that_stalls_leaves_the_relay_on_for_no_longer_than_the_margin(
    energised: World,
) -> None:
    world = energised
    assert world.controller is not None
    watchdog = world.controller.runner.watchdog
    assert MARGIN_MS < properties.MARGIN_MS, "S3 holds though the loop stalls"
    # Time goes by, and nobody takes the loop's turns.
    world.clock.advance_to(world.now_ms + PULSE_MS + MARGIN_MS - 1)
    assert not watchdog.bite(world.now_ms)
    assert world.board.coils == [True, False]
    world.clock.advance_to(world.now_ms + 1)
    assert watchdog.bite(world.now_ms)
    assert world.board.coils == [False, False]
    # The loop is back, and finds its own deadline.
    world.wait(1_000)
    assert [entry.outcome for entry in world.entries()] == [Outcome.COMMANDED]


def test_a_loop_that_does_its_work_is_left_alone(energised: World) -> None:
    world = energised
    world.wait(PULSE_MS)
    assert world.controller is not None
    assert not world.controller.runner.watchdog.bite(world.now_ms + 100_000)


def test_its_thread_bites_by_itself_and_ends() -> None:
    watchdog, bitten = Watchdog(), threading.Event()
    thread = threading.Thread(target=watchdog.run, args=(MonotonicClock(),))
    thread.start()
    watchdog.arm(MonotonicClock().now_ms() - MARGIN_MS, bitten.set)
    assert bitten.wait(PATIENCE_S)
    watchdog.end()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_a_relay_that_cannot_be_told_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    def gone() -> None:
        raise PortLost("/dev/x: the cable is out")

    watchdog, clock = Watchdog(), VirtualClock()
    watchdog.arm(clock.now_ms(), gone)
    assert watchdog.bite(MARGIN_MS)
    assert "could not be told OFF: /dev/x" in caplog.text
    assert not watchdog.bite(MARGIN_MS), "it bites once"


def test_a_second_signal_cuts_the_pulse_short_and_tells_every_relay_off(tmp_path: Path) -> None:
    slots = [{"name": "water", "channel": 1, "capacity": 5, "pulse_ms": 10_000}]
    with machine(tmp_path, slots=slots) as (controller, board, url):
        with httpx.Client(base_url=url) as http:
            phone = Phone(http, controller)
            path = scan_svg(http.get("/qr.svg").text).removeprefix(url)
            phone.tap(path, phone.await_dwell(path))
        board.wait_for("A0 01 01 A2")
        os.kill(controller.pid, signal.SIGTERM)
        os.kill(controller.pid, signal.SIGINT)
        assert controller.end() == 0
        board.wait_for(r"channel 1 OFF, was on for \d+ ms")
        board.wait_for("A0 02 00 A2", 2)
    assert "dispense 1: unknown" in controller.said
    assert "Traceback" not in controller.said
