"""The real runner, driver and journal under whatever visitors, operators and faults come up with.

S1 to S5 and S7 are watched from outside at every moment (``sim.properties``).
"""

from collections import Counter
from collections.abc import Callable
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from controller.config import Config, load
from controller.door import Word
from controller.table import State
from sim.trace import Fell, RelaySwitched, Seen, StateSeen
from sim.world import World
from tests.conftest import ROOT

CONFIG = load(ROOT / "config.yaml")
SLOTS = [slot.name for slot in CONFIG.slots]


went: Counter[str] = Counter()
"""What really happened in the run of the test: a campaign that never went there proves nothing."""


def time_out_the_next_write(world: World) -> None:
    """It arrives all the same."""
    world.wire.write_timeouts = 1


def throw(fault: str) -> Callable[[World], None]:
    def thrown(world: World) -> None:
        world.throw(fault)

    thrown.__name__ = fault
    return thrown


def jam_a_slot(world: World) -> None:
    world.jam(1)


BOARD_FAULTS = ("silent", "slow", "garble", "half", "lost-ack", "dead", "welded", "stuck-open")


def cut_power_at_the_next_on(world: World) -> None:
    world.cut_power_when = lambda switched: switched.on


def cut_power_at_the_next_off(world: World) -> None:
    world.cut_power_when = lambda switched: not switched.on and world.state is State.DISPENSING


class Hall(RuleBasedStateMachine):
    """A hall full of people, and one machine."""

    dialect = "lcus"
    on_no_drop = ""
    """What follows when the drop sensor saw none; empty if there is no sensor."""
    went_to: ClassVar[set[str]] = set()
    """What must have happened in a run."""

    pages = Bundle("pages")

    @initialize(
        stop=st.booleans(),
        stock=st.tuples(st.sampled_from([3, 2, 1]), st.sampled_from([3, 2, 1, 0])),
        jammed=st.sampled_from([(), (1,), (2,)]),
    )
    def open_the_hall(self, stop: bool, stock: tuple[int, ...], jammed: tuple[int, ...]) -> None:
        data = CONFIG.model_dump(mode="python")
        data["hardware"]["relay"]["driver"] = self.dialect
        del data["hardware"]["relay"]["active_low"]
        data["safety"]["on_unknown"] = "stop" if stop else "continue"
        if self.on_no_drop:
            data["hardware"]["drop_sensor"] |= {"driver": "serial-line", "line": "cts"}
            data["safety"]["on_no_drop"] = self.on_no_drop
        self.world = World(Config.model_validate(data))
        self.world.boot()
        self.world.jam(*jammed)
        for slot, drinks in zip(SLOTS, stock, strict=True):
            self.world.load(slot, drinks)
        self.world.wait(1_000)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.come_back()
            for seen in self.world.trace:
                went[describe(seen)] += 1
            went["a second try"] += sum(bool(e.retry_of) for e in self.world.entries())
            went.update(entry.outcome.value for entry in self.world.entries() if entry.outcome)
        finally:
            self.world.close()

    def come_back(self) -> None:
        """With every fault gone, the machine is back within the longest timeout."""
        world = self.world
        self.mend()
        world.wait(world.limits.longest_ms + 5_000)
        assert world.state in (State.IDLE, State.OUT_OF_SERVICE)

    def mend(self) -> None:
        world = self.world
        world.cut_power_when = lambda switched: False
        world.wire.write_timeouts = 0
        world.mend()
        world.jam()
        world.block(False)
        world.unlock_journal()
        world.plug()
        if world.controller is None:
            world.boot()

    # -- visitors -----------------------------------------------------------------

    @rule(target=pages, by_person=st.booleans())
    @precondition(lambda self: self.world.token)
    def fetch(self, by_person: bool) -> tuple[str, str]:
        token = self.world.token
        page = self.world.fetch(token, by_person=by_person)
        return (token, page.mark) if page.word is Word.FORM else multiple()

    @rule(target=pages, page=pages)
    @precondition(lambda self: self.world.controller)
    def forward(self, page: tuple[str, str]) -> tuple[str, str]:
        """A photo of the code, or the address, reaches a friend."""
        again = self.world.fetch(page[0])
        return (page[0], again.mark) if again.word is Word.FORM else multiple()

    @rule(page=pages)
    @precondition(lambda self: self.world.controller)
    def show(self, page: tuple[str, str]) -> None:
        self.world.show(*page)

    @rule(page=pages)
    @precondition(lambda self: self.world.controller)
    def tap(self, page: tuple[str, str]) -> None:
        self.world.tap(*page)

    @rule(target=pages, waits_ms=st.sampled_from([0, 300, 700, 5_000, 15_000]))
    @precondition(lambda self: self.world.controller and self.world.state is State.IDLE)
    def visit(self, waits_ms: int) -> tuple[str, str]:
        """A patient visitor: scan, read, tap, and perhaps see the drink come."""
        token = self.world.token
        page = self.world.fetch(token)
        self.world.show(token, page.mark)
        self.world.wait(page.wait_ms)
        if self.world.controller is not None:
            self.world.tap(token, page.mark)
        self.world.wait(waits_ms)
        return token, page.mark

    @rule(first=pages, second=pages)
    @precondition(lambda self: self.world.controller)
    def race(self, first: tuple[str, str], second: tuple[str, str]) -> None:
        self.world.race([first, second, first])

    @rule(page=pages, token=st.sampled_from(["", "A" * 22]), mark=st.sampled_from(["", "AAAA"]))
    @precondition(lambda self: self.world.controller)
    def forge(self, page: tuple[str, str], token: str, mark: str) -> None:
        self.world.race([(token or page[0], mark), (token, page[1])])

    # -- time, the operator, faults -------------------------------------------------

    @rule(span_ms=st.sampled_from([1, 99, 699, 700, 1_999, 2_000, 5_000, 20_000, 60_000]))
    def wait(self, span_ms: int) -> None:
        self.world.wait(span_ms)

    @rule(slot=st.sampled_from(SLOTS), drinks=st.sampled_from([3, 2, 1, 0]))
    @precondition(lambda self: self.world.journal_is_free)
    def refill(self, slot: str, drinks: int) -> None:
        self.world.load(slot, drinks)

    @rule(
        fault=st.sampled_from(
            [
                World.unplug,
                World.lock_journal,
                World.block,
                jam_a_slot,
                *map(throw, BOARD_FAULTS),
                World.kill,
                World.cut_power,
                World.stop,
                time_out_the_next_write,
                cut_power_at_the_next_on,
                cut_power_at_the_next_off,
            ]
        )
    )
    @precondition(lambda self: self.world.controller and self.world.journal_is_free)
    def break_something(self, fault: Callable[[World], None]) -> None:
        went[fault.__name__] += 1
        fault(self.world)

    @rule()
    @precondition(lambda self: self.world.broken)
    def mend_everything(self) -> None:
        self.mend()

    @invariant()
    def nothing_is_overdue(self) -> None:
        if hasattr(self, "world"):
            self.world.properties.at(self.world.now_ms)


def describe(seen: Seen) -> str:
    match seen:
        case Fell():
            return "a drink fell"
        case RelaySwitched():
            return "ON" if seen.on else "OFF" if seen.commanded else "fell with the power"
        case StateSeen():
            return f"{seen.state.value} {seen.reason.value if seen.reason else ''}".strip()
    return type(seen).__name__


EVERYWHERE = {
    *("ON", "OFF", "fell with the power", "a drink fell", "unknown", *BOARD_FAULTS),
    *("idle", "scanned", "warned", "dispensing", "unplug", "lock_journal", "block", "jam_a_slot"),
    *("out_of_service sold_out", "out_of_service relay_lost", "out_of_service journal_lost"),
    *("out_of_service unknown_outcome", "kill", "cut_power", "stop"),
    *("time_out_the_next_write", "cut_power_at_the_next_on", "cut_power_at_the_next_off"),
}


class Blind(Hall):
    """A board that tells nothing, and nobody sees a drink fall."""

    went_to = EVERYWHERE | {"commanded"}


class Answering(Hall):
    """A board that answers, reads back and times its pulses."""

    dialect = "waveshare"
    went_to = EVERYWHERE | {"relay_confirmed", "failed", "out_of_service no_slot_to_trust"}


class Watched(Hall):
    """With a drop sensor, and leave to try another slot."""

    on_no_drop = "try_another_slot"
    went_to = EVERYWHERE | {"dropped", "failed", "a second try", "out_of_service sensor_lost"}


@pytest.mark.parametrize("hall", [Blind, Answering, Watched])
def test_the_properties_hold_whatever_happens(hall: type[Hall]) -> None:
    went.clear()
    most = settings().max_examples * 3 // 4
    run_state_machine_as_test(hall, settings=settings(stateful_step_count=40, max_examples=most))
    assert {what for what in hall.went_to if not went[what]} == set(), went
