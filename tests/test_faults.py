"""Boards that are broken in the ways that boards break: what the machine makes of each.

The whole machine runs in virtual time, with the safety properties watching.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from controller.config import load
from controller.door import Word
from controller.events import Outcome
from controller.machine import Reason
from controller.report import Report
from controller.rounds import RETRY_FIRST_MS, RETRY_MOST_MS
from controller.status import Status
from controller.table import State
from drivers import registry
from drivers.relay.port import ANSWER_TIMEOUT_MS
from sim import boards, faults, link
from sim.boards.base import Switched
from sim.faults import Fault
from sim.plan import Setting
from sim.trace import RelaySwitched, StateSeen
from sim.world import World
from tests.processes import written

PULSE_MS = 1_000
IDLE = (State.IDLE, None)
LOST = (State.OUT_OF_SERVICE, Reason.RELAY_LOST)
DIALECTS = boards.base.names()
READING = [name for name in DIALECTS if registry.load(name).capabilities.reads_back]


def made(folder: Path, dialect: str, slots: int = 2) -> World:
    """A world whose machine has that board, and is in service."""
    channels = registry.load(dialect).max_channels
    relay = {"driver": dialect, "port": "/dev/null", "channels": min(8, channels)}
    rows = [
        {"name": f"slot {n}", "channel": n, "capacity": 12, "pulse_ms": PULSE_MS}
        for n in range(1, min(slots, channels) + 1)
    ]
    world = World(load(written(folder, hardware={"relay": relay}, slots=rows)))
    world.boot()
    world.wait(2_000)
    assert world.state is State.IDLE
    return world


@pytest.fixture(params=READING)
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(dialect: str, tmp_path: Path) -> Iterator[World]:
    world = made(tmp_path, dialect)
    yield world
    world.close()


def status(world: World) -> Status:
    assert world.controller is not None
    return world.controller.runner.feed.status


def condition(world: World) -> tuple[State, Reason | None]:
    return status(world).state, status(world).reason


def tap(world: World) -> tuple[str, str]:
    """A patient visitor's tap, with whatever is wrong by then."""
    token, page = world.token, world.fetch(world.token)
    world.wait(page.wait_ms)
    world.tap(token, page.mark)
    return token, page.mark


def visit(world: World) -> Word:
    """A whole visit; what the phone says in the end."""
    token, mark = tap(world)
    world.wait(PULSE_MS + 500)
    return world.fetch(token, mark).word


def throw_when(world: World, on: bool, fault: str) -> None:
    """Throw the switch at the moment when the board is told ON, or OFF at the end of the pulse."""
    seen = world.board.on_switch
    went_on = False

    def told(switched: Switched) -> None:
        nonlocal went_on
        seen(switched)
        went_on = went_on or switched.on
        if switched.on is on and went_on and not world.board.faults:
            world.throw(fault)

    world.board.on_switch = told


def last_outcome(world: World) -> tuple[Outcome | None, bool]:
    entry = world.entries()[-1]
    return entry.outcome, entry.drink_kept


def ons(world: World) -> int:
    """How often any relay was told ON."""
    return sum(isinstance(seen, RelaySwitched) and seen.on for seen in world.trace)


def comes_back(world: World) -> None:
    """With the switches back, the machine is back by itself, and serves."""
    world.board.on_switch = world._switched
    world.mend()
    world.wait(5_000)
    assert condition(world) == IDLE
    assert visit(world) is Word.ENJOY


BAD_ANSWERS = ["silent", "slow", "garble", "half", "dead"]


@pytest.fixture(params=BAD_ANSWERS)
def bad_answer(request: pytest.FixtureRequest, dialect: str) -> str:
    if (dialect, request.param) == ("devantech", "slow"):
        return "silent"  # a byte that comes late answers the next question (docs/hardware)
    return str(request.param)


def test_a_dead_board_does_not_keep_the_loop_from_others(tmp_path: Path) -> None:
    """Telling all eight channels OFF takes longer than the longest wait between two tries."""
    world = made(tmp_path, "waveshare")
    tries_ms: list[int] = []
    world.wire.on_open = lambda: tries_ms.append(world.now_ms)
    world.throw("dead")
    world.wait(60_000)
    took_ms = 8 * ANSWER_TIMEOUT_MS
    assert took_ms > RETRY_MOST_MS
    gaps_ms = [then - before - took_ms for before, then in pairwise(tries_ms)]
    assert gaps_ms[:3] == [RETRY_FIRST_MS, 2 * RETRY_FIRST_MS, 4 * RETRY_FIRST_MS]
    assert set(gaps_ms[3:]) == {RETRY_MOST_MS}
    world.close()


# -- what shows before anything is energised ---------------------------------------------------


def test_a_board_that_does_not_answer_right_costs_no_drink(
    world: World, bad_answer: str, dialect: str
) -> None:
    token, page = world.token, world.fetch(world.token)
    world.wait(page.wait_ms)
    world.throw(bad_answer)
    world.tap(token, page.mark)
    assert world.fetch(token, page.mark).word is Word.FAILED
    assert world.entries() == []
    assert condition(world) == LOST
    # Its one byte has no sum: what is garbled looks like a coil that is ON.
    no_sum = (dialect, bad_answer) == ("devantech", "garble")
    told = "is a contact welded?" if no_sum else "the board answered"
    assert told in status(world).detail
    assert ons(world) == 0
    comes_back(world)


def test_it_shows_while_nobody_is_there(world: World, bad_answer: str) -> None:
    world.throw(bad_answer)
    world.wait(2_000)
    assert condition(world) == LOST
    comes_back(world)


@pytest.mark.parametrize("dialect", ["waveshare", "r421a08"])
def test_an_answer_from_another_address_is_none_of_ours(tmp_path: Path, dialect: str) -> None:
    world = made(tmp_path, dialect)
    world.throw("stranger")
    world.wait(2_000)
    assert condition(world) == LOST
    assert "which is no answer to that" in status(world).detail
    comes_back(world)
    world.close()


# -- what shows when a relay was told ON ---------------------------------------------------------


def test_an_on_without_its_answer_is_unknown_and_never_repeated(
    world: World, bad_answer: str
) -> None:
    throw_when(world, on=True, fault=bad_answer)
    assert visit(world) is Word.UNKNOWN
    assert ons(world) == 1
    assert last_outcome(world) == (Outcome.UNKNOWN, False)
    assert condition(world) == LOST
    assert not any(world.board.coils), "it was told OFF at once"
    comes_back(world)


@pytest.fixture
def usb_world() -> Iterator[World]:
    """Its config names the board by its USB device."""
    world = World(Setting("lcus").config())
    world.boot()
    world.wait(2_000)
    yield world
    world.close()


def test_a_board_that_comes_back_as_another_port_is_found_by_its_usb_device(
    usb_world: World,
) -> None:
    world, before = usb_world, usb_world.wire.device
    world.trace.clear()
    world.replug()
    assert world.wire.device != before, "the old one is still open"
    assert world.state is State.IDLE, "nobody has looked yet"
    world.wait(1_500)
    states = [(each.state, each.reason) for each in world.trace if isinstance(each, StateSeen)]
    assert states == [LOST, IDLE]
    with pytest.raises(KeyError):
        link.find(before)
    assert world.visit().word is Word.ENJOY
    assert world.bites["replug"] > 0


def test_a_board_that_is_put_in_again_when_nobody_has_its_port_open_keeps_its_name(
    usb_world: World,
) -> None:
    world, before = usb_world, usb_world.wire.device
    world.unplug()
    world.wait(1_500)
    assert condition(world) == LOST
    assert "no such USB device; is the board plugged in?" in status(world).detail
    world.plug()
    assert world.wire.device == before
    comes_back(world)


def test_a_cable_that_is_out_and_in_during_a_pulse_ends_it_and_leaves_the_outcome_unknown(
    usb_world: World,
) -> None:
    world, token = usb_world, usb_world.token
    page = world.fetch(token)
    world.wait(page.wait_ms)
    world.tap(token, page.mark)
    assert world.board.coils[0]
    world.replug()
    assert not any(world.board.coils), "it has its power from the cable"
    world.wait(1_000)
    assert last_outcome(world) == (Outcome.UNKNOWN, False)
    comes_back(world)


def test_a_cable_that_is_pulled_before_the_answer_to_on_leaves_the_outcome_unknown(
    world: World,
) -> None:
    seen = world.board.on_switch

    def told(switched: Switched) -> None:
        seen(switched)
        if switched.on:
            world.wire.plugged = False

    world.board.on_switch = told
    assert visit(world) is Word.UNKNOWN
    assert last_outcome(world) == (Outcome.UNKNOWN, False)
    assert condition(world) == LOST
    world.plug()
    comes_back(world)


def test_an_on_that_arrived_though_its_write_timed_out_is_unknown_and_never_repeated(
    tmp_path: Path,
) -> None:
    world = made(tmp_path, "lcus")
    token, page = world.token, world.fetch(world.token)
    world.wait(page.wait_ms)
    world.wire.write_timeouts = 1
    world.tap(token, page.mark)
    assert world.fetch(token, page.mark).word is Word.UNKNOWN
    assert ons(world) == 1
    assert last_outcome(world) == (Outcome.UNKNOWN, False)
    comes_back(world)
    assert [slot.remaining for slot in status(world).slots] == [11, 11]
    world.close()


def test_an_off_without_its_answer_is_unknown(world: World, bad_answer: str) -> None:
    throw_when(world, on=False, fault=bad_answer)
    assert visit(world) is Word.UNKNOWN
    assert condition(world) == LOST
    assert not any(world.board.coils)
    comes_back(world)


def test_a_stale_answer_is_asked_for_again(world: World) -> None:
    world.throw("stale")
    assert visit(world) is Word.ENJOY
    assert last_outcome(world) == (Outcome.RELAY_CONFIRMED, False)
    assert condition(world) == IDLE


@pytest.mark.parametrize("dialect", ["waveshare", "r421a08", "numato", "lcus-feedback"])
def test_a_lost_acknowledgement_is_unknown_though_questions_are_answered(world: World) -> None:
    throw_when(world, on=True, fault="lost-ack")
    assert visit(world) is Word.UNKNOWN
    assert ons(world) == 1
    assert not any(world.board.coils)
    comes_back(world)


# -- contacts ------------------------------------------------------------------------------------


def test_a_welded_contact_stops_the_machine(world: World) -> None:
    world.throw("welded")
    assert visit(world) is Word.UNKNOWN
    assert any(world.board.coils), "nobody can switch it off from here"
    assert condition(world) == LOST
    assert "stays ON after OFF; is a contact welded?" in status(world).detail
    world.wait(60_000)
    assert condition(world) == LOST
    assert ons(world) == 1
    comes_back(world)


def test_a_coil_that_closes_by_itself_is_found_and_told_off(world: World) -> None:
    """As by the button on some boards; and though it was told ON, and OFF, before."""
    assert visit(world) is Word.ENJOY
    world.trace.clear()
    world.board.coils[0] = True
    world.wait(10_000)  # each round looks at one of eight
    reasons = {seen.reason for seen in world.trace if isinstance(seen, StateSeen)}
    assert reasons == {None, Reason.RELAY_LOST}
    assert not any(world.board.coils)
    assert condition(world) == IDLE


def test_a_coil_that_never_closes_takes_its_slot_out_of_use(world: World) -> None:
    world.throw("stuck-open:1")
    assert visit(world) is Word.FAILED
    assert last_outcome(world) == (Outcome.FAILED, True)
    assert [slot.healthy for slot in status(world).slots] == [False, True]
    assert condition(world) == IDLE, "the other slot serves"
    assert visit(world) is Word.ENJOY
    world.throw("stuck-open:2")
    assert visit(world) is Word.FAILED
    assert condition(world) == (State.OUT_OF_SERVICE, Reason.NO_SLOT_TO_TRUST)
    assert "slot 1: " in status(world).detail
    assert "channel 2 stays OFF after ON" in status(world).detail
    assert [slot.remaining for slot in status(world).slots] == [12, 11]


def test_a_slot_is_in_use_again_once_somebody_has_filled_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """With as many drinks as before: none came out."""
    caplog.set_level("INFO", "quench")
    report = Report()
    assert world.controller is not None
    world.controller.runner.feed.subscribe(report.status)
    world.throw("stuck-open:1")
    visit(world)
    told = (
        f"slot slot 1 is out of use: {world.wire.url}: channel 1 stays OFF after ON; once somebody"
    )
    assert told in caplog.text
    assert status(world).slots[0].fault.endswith("channel 1 stays OFF after ON")
    world.mend()
    world.load("slot 2", 5)
    world.wait(2_000)
    assert [slot.healthy for slot in status(world).slots] == [False, True]
    world.load("slot 1", 12)
    world.wait(2_000)
    assert [slot.healthy for slot in status(world).slots] == [True, True]
    assert "slot slot 1 is in use again" in caplog.text


def test_a_channel_that_answers_for_another_is_found_and_told_off(world: World) -> None:
    world.throw("crossed")
    world.properties.see = lambda seen: None  # type: ignore[method-assign]  # S4 rightly objects
    assert visit(world) is Word.UNKNOWN, "that drink may have come, from the other slot"
    assert not any(world.board.coils)
    assert [slot.healthy for slot in status(world).slots] == [False, True]
    assert visit(world) is Word.UNKNOWN
    assert condition(world) == (State.OUT_OF_SERVICE, Reason.NO_SLOT_TO_TRUST)
    assert "channel 1 was told ON, and channel 2 closed" in status(world).detail


# -- every board, every fault ----------------------------------------------------------------------

FAULTS = [fault for fault in Fault if fault is not Fault.CROSSED]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_fault_of_any_board_breaks_a_rule(tmp_path: Path, dialect: str, fault: Fault) -> None:
    world = made(tmp_path, dialect)
    if world.board.why_not(faults.switch(fault.value)):
        assert fault is Fault.STRANGER
        world.close()
        return
    for on in (True, False):
        throw_when(world, on, fault.value)
        before = ons(world)
        said = visit(world)
        assert ons(world) == before + 1
        assert said in (Word.ENJOY, Word.UNKNOWN, Word.FAILED)
        world.wait(10_000)
        if status(world).reason is Reason.NO_SLOT_TO_TRUST:
            break
        comes_back(world)
    assert not any(world.board.coils)
    world.close()
