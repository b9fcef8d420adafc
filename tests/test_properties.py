"""The real runner, driver and journal under whatever visitors, operators and faults come up with.

S1 to S5, S7 and S8 are watched from outside at every moment (``sim.properties``). The rules
are the deeds of a campaign (``sim.deeds``), so that what is found here is played again with
``quench replay``.
"""

from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from controller.table import State
from sim.deeds import SLOTS, Deed, Hall, mend_everything
from sim.plan import Plan, Setting
from sim.trace import Entered, Fell, RelaySwitched, Seen, StateSeen
from sim.world import World

went: Counter[str] = Counter()
"""What really happened in the run of the test: a campaign that never went there proves nothing."""

BOARD_FAULTS = ("silent", "slow", "garble", "half", "lost-ack", "dead", "welded", "stuck-open")
FAULTS = (*BOARD_FAULTS, "unplug", "lock", "block", "jam", "disk-full", "fsync-fails", "doubled")
PEOPLE = st.integers(1, 4)
INSTANTS = st.integers(1, 80)
TORN = st.sampled_from([0, 50, 100])


class Crowd(RuleBasedStateMachine):
    """A hall full of people, and one machine."""

    setting = Setting("lcus")
    went_to: ClassVar[set[str]] = set()
    """What must have happened in a run."""

    @initialize(
        stop=st.booleans(),
        stock=st.tuples(st.sampled_from([3, 2, 1]), st.sampled_from([3, 2, 1, 0])),
    )
    def open_the_hall(self, stop: bool, stock: tuple[int, ...]) -> None:
        setting = self.setting
        self.plan = Plan(
            Setting(setting.dialect, setting.sensor, setting.another_slot, stop_on_unknown=stop),
            0,
            (),
        )
        self.hall = Hall(World(self.plan.setting.config(), self.plan.seed))
        self.now_ms = 0
        self.do("boot")
        for slot, drinks in zip(SLOTS, stock, strict=True):
            self.do("load", slot, drinks)
        self.let_pass(1_000)

    def do(self, what: str, *args: int | str) -> None:
        deed = Deed(self.now_ms, what, args)
        self.plan = Plan(self.plan.setting, self.plan.seed, (*self.plan.deeds, deed))
        self.hall.do(deed)
        went[what if what != "throw" else str(args[0])] += 1

    def let_pass(self, span_ms: int) -> None:
        # The world may be ahead: whoever is asked at a busy moment is answered a little later.
        self.now_ms = max(self.now_ms, self.hall.world.now_ms) + span_ms
        self.hall.wait_until(self.now_ms)

    @property
    def broken(self) -> bool:
        return self.hall.world.broken or self.hall.world.instants.cut_at > 0

    def teardown(self) -> None:
        if not hasattr(self, "hall"):
            return
        # It is printed if something failed.
        note(f"again: quench replay --plan '{self.plan}'")
        world = self.hall.world
        try:
            self.mend()
            self.let_pass(world.limits.longest_ms + 5_000)
            assert world.state in (State.IDLE, State.OUT_OF_SERVICE)
            for seen in world.trace:
                went[describe(seen)] += 1
            went["a second try"] += sum(bool(entry.retry_of) for entry in world.entries())
            went.update(f"{name} came" for name in self.hall.fired)
        finally:
            world.close()

    def mend(self) -> None:
        mend_everything(self.hall)
        self.do("boot")

    # -- visitors -----------------------------------------------------------------

    @rule(what=st.sampled_from(["scan", "preview", "gone"]), visitor=PEOPLE)
    @precondition(lambda self: self.hall.world.token)
    def fetch(self, what: str, visitor: int) -> None:
        self.do(what, visitor)

    @rule(what=st.sampled_from(["show", "tap", "look", "forge"]), visitor=PEOPLE)
    @precondition(lambda self: self.hall.open and self.hall.phones)
    def use_the_page(self, what: str, visitor: int) -> None:
        self.do(what, visitor)

    @rule(what=st.sampled_from(["forward", "race"]), visitor=PEOPLE, other=PEOPLE)
    @precondition(lambda self: self.hall.open and self.hall.phones)
    def together(self, what: str, visitor: int, other: int) -> None:
        self.do(what, visitor, other)

    @rule(
        visitor=PEOPLE,
        waits_ms=st.sampled_from([0, 300, 700, 5_000, 15_000]),
        fault=st.sampled_from(["", "", "stuck-open", *FAULTS]),
    )
    @precondition(lambda self: self.hall.open and self.hall.world.state is State.IDLE)
    def visit(self, visitor: int, waits_ms: int, fault: str) -> None:
        """A patient visitor: scan, read, tap, and perhaps see the drink come."""
        self.do("scan", visitor)
        self.do("show", visitor)
        self.let_pass(2_000)
        if fault:
            self.do("throw", fault)
        self.do("tap", visitor)
        self.let_pass(waits_ms)

    @rule(visitor=PEOPLE)
    @precondition(lambda self: self.hall.open and self.hall.world.state is State.IDLE)
    def the_last_slot_fails(self, visitor: int) -> None:
        self.do("load", SLOTS[1], 0)
        self.let_pass(1_000)
        self.visit(visitor, 5_000, "stuck-open")

    @rule(visitor=PEOPLE, fault=st.sampled_from(["jam", "block"]))
    @precondition(lambda self: self.hall.open and self.hall.world.state is State.IDLE)
    def the_first_slot_fails(self, visitor: int, fault: str) -> None:
        for slot in SLOTS:
            self.do("load", slot, 3)
        self.let_pass(1_000)
        self.visit(visitor, 7_000, fault)

    # -- time, the operator, faults -------------------------------------------------

    @rule(span_ms=st.sampled_from([1, 99, 699, 700, 1_999, 2_000, 5_000, 20_000, 60_000]))
    def wait(self, span_ms: int) -> None:
        self.let_pass(span_ms)

    @rule(slot=st.sampled_from(SLOTS), drinks=st.sampled_from([3, 2, 1, 0]))
    def refill(self, slot: str, drinks: int) -> None:
        self.do("load", slot, drinks)

    @rule(found=st.sampled_from(["dispensed", "remaining", "failed"]))
    def reconcile(self, found: str) -> None:
        self.do("reconcile", found)

    @rule(fault=st.sampled_from(FAULTS))
    @precondition(lambda self: self.hall.open)
    def break_something(self, fault: str) -> None:
        self.do("throw", fault)

    @rule(what=st.sampled_from(["time-out", "noise", "stop", "hurry"]))
    @precondition(lambda self: self.hall.open)
    def surprise(self, what: str) -> None:
        self.do(what)

    @rule(span_ms=st.sampled_from([50, 1_000, 3_000]))
    @precondition(lambda self: self.hall.open)
    def stall(self, span_ms: int) -> None:
        self.do("stall", span_ms)

    @rule(instants=INSTANTS, torn=TORN)
    @precondition(lambda self: self.hall.open)
    def cut(self, instants: int, torn: int) -> None:
        self.do("cut", instants, torn)

    @rule(instants=INSTANTS)
    @precondition(lambda self: self.hall.open)
    def kill(self, instants: int) -> None:
        self.do("kill", instants)

    @rule()
    @precondition(lambda self: self.broken)
    def mend_everything(self) -> None:
        self.mend()

    @rule(instants=INSTANTS, torn=TORN)
    @precondition(lambda self: not self.hall.open)
    def start_and_cut_again(self, instants: int, torn: int) -> None:
        self.do("cut-again", instants, torn)
        self.do("boot")

    @invariant()
    def nothing_is_overdue(self) -> None:
        if hasattr(self, "hall"):
            self.hall.world.properties.at(self.hall.world.now_ms)


def describe(seen: Seen) -> str:
    match seen:
        case Fell():
            return "a drink fell"
        case Entered():
            return seen.outcome
        case RelaySwitched():
            return "ON" if seen.on else "OFF" if seen.commanded else "fell with the power"
        case StateSeen():
            return f"{seen.state.value} {seen.reason.value if seen.reason else ''}".strip()
    return type(seen).__name__


EVERYWHERE = {
    *("ON", "OFF", "fell with the power", "a drink fell", "unknown", "stop", "hurry"),
    *FAULTS,
    *("idle", "scanned", "warned", "dispensing", "time-out", "noise", "stall"),
    *("out_of_service sold_out", "out_of_service relay_lost", "out_of_service journal_lost"),
    *("out_of_service unknown_outcome", "race", "forward", "forge", "preview", "gone"),
    *(f"{crash} came" for crash in ("kill", "power-cut", "writes-torn", "writes-lost")),
    "cut-again came",
}


class Blind(Crowd):
    """A board that tells nothing, and nobody sees a drink fall."""

    went_to = EVERYWHERE | {"commanded"}


class Answering(Crowd):
    """A board that answers, reads back and times its pulses."""

    setting = Setting("waveshare")
    went_to = EVERYWHERE | {"relay_confirmed", "failed", "out_of_service no_slot_to_trust"}


class Watched(Crowd):
    """With a drop sensor, and leave to try another slot."""

    setting = Setting("lcus", "cts", another_slot=True)
    went_to = EVERYWHERE | {"dropped", "failed", "a second try", "out_of_service sensor_lost"}


@pytest.mark.parametrize("crowd", [Blind, Answering, Watched])
def test_the_properties_hold_whatever_happens(crowd: type[Crowd]) -> None:
    went.clear()
    most = settings().max_examples * 3 // 4
    run_state_machine_as_test(crowd, settings=settings(stateful_step_count=40, max_examples=most))
    assert {what for what in crowd.went_to if not went[what]} == set(), went
