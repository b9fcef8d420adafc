"""The transition table against a description of its own: every state, every event."""

import gc
import inspect
from dataclasses import replace

import pytest

from controller.commands import (
    AllOff,
    Dispense,
    EndPulse,
    NewCode,
    Refusal,
    Refuse,
    Settle,
)
from controller.events import (
    EVENTS,
    Confirmed,
    DeadlinePassed,
    Dropped,
    Event,
    Failed,
    JournalBack,
    JournalLost,
    OperatorResume,
    OperatorStop,
    Outcome,
    PulseStarted,
    RelayBack,
    RelayLost,
    Released,
    Scanned,
    SensorBack,
    SensorLost,
    StockChanged,
    WarningShown,
)
from controller.machine import Machine, Reason, Rules
from controller.memory import Slot
from controller.table import TABLE, State

RULES = Rules(
    dwell_ms=2_000, scan_timeout_ms=20_000, confirm_timeout_ms=60_000, drop_timeout_ms=5_000
)
PULSE_MS = 700
NOW_MS = 100_000

# Where each event leads, and what it asks for. "-" is refused with nothing changed; "=" stays.
# Each event comes in its best form: for the current code and dispense, after the dwell, and
# when a deadline is due. Rows and columns are the words of the design.
DESCRIPTION = """
                 idle     scanned  warned      dispensing out_of_service
scanned          scanned  -        -           -          -
warning_shown    -        warned   -           -          -
confirmed        -        -        dispensing  -          -
deadline         -        idle     idle        =          -
pulse_started    -        -        -           =          -
released         -        -        -           idle       -
dropped          -        -        -           =          -
failed           -        -        -           idle       -
relay_lost       out      out      out         out        =
journal_lost     out      out      out         out        =
sensor_lost      out      out      out         out        =
operator_stop    out      out      out         out        =
relay_back       -        -        -           -          idle
journal_back     -        -        -           -          idle
sensor_back      -        -        -           -          idle
operator_resume  -        -        -           -          idle
stock_changed    =        =        =           =          idle
"""

BEST: dict[str, Event] = {
    "scanned": Scanned(1),
    "warning_shown": WarningShown(1),
    "confirmed": Confirmed(1, NOW_MS - 2_000, "page"),
    "deadline": DeadlinePassed(),
    "pulse_started": PulseStarted(1),
    "released": Released(1, Outcome.COMMANDED),
    "dropped": Dropped(1),
    "failed": Failed(1, Outcome.FAILED, drink_kept=True),
    "relay_lost": RelayLost("cable out"),
    "journal_lost": JournalLost("disk full"),
    "sensor_lost": SensorLost("beam broken"),
    "operator_stop": OperatorStop("cleaning"),
    "relay_back": RelayBack(),
    "journal_back": JournalBack(),
    "sensor_back": SensorBack(),
    "operator_resume": OperatorResume(),
    "stock_changed": StockChanged((5, 9), 0),
}


def expected() -> list[tuple[str, str, str]]:
    header, *rows = (line.split() for line in DESCRIPTION.strip().splitlines())
    return [
        (state, row[0], cell) for row in rows for state, cell in zip(header, row[1:], strict=True)
    ]


def machine(state: str, rules: Rules = RULES, stock: tuple[int, int] = (3, 7)) -> Machine:
    """A machine in ``state``, whose deadline, if it has one, is due at NOW_MS."""
    slots = tuple(
        Slot(name, channel, PULSE_MS, left)
        for name, channel, left in zip(("water", "tea"), (1, 2), stock, strict=True)
    )
    made = Machine(slots, rules)
    if state == "out_of_service":
        # Only what the event at hand mends is missing.
        return made
    made.handle(RelayBack(), 0)
    if state in ("scanned", "warned", "dispensing"):
        made.handle(Scanned(1), NOW_MS - RULES.scan_timeout_ms)
    if state in ("warned", "dispensing"):
        made.handle(WarningShown(1), NOW_MS - RULES.scan_timeout_ms)
    if state == "warned":
        made.memory = made.memory._replace(deadline_ms=NOW_MS)
    if state == "dispensing":
        made.handle(Confirmed(1, NOW_MS - 10_000, "page"), NOW_MS - PULSE_MS)
    assert made.state.value == state
    return made


def mended_by(event: str, made: Machine) -> None:
    """Put into ``made``, which is out of service, the one fault that ``event`` mends."""
    if event != "relay_back":
        made.handle(RelayBack(), 0)
    match event:
        case "journal_back":
            made.handle(JournalLost("disk full"), 0)
        case "sensor_back":
            made.handle(SensorLost("beam broken"), 0)
        case "stock_changed":
            made.handle(StockChanged((0, 0), 0), 0)
        case _ if event != "relay_back":
            made.handle(OperatorStop("cleaning"), 0)


@pytest.mark.parametrize(("state", "event", "cell"), expected())
def test_every_state_and_event(state: str, event: str, cell: str) -> None:
    made = machine(state)
    if state == "out_of_service":
        mended_by(event, made)
        assert made.state is State.OUT_OF_SERVICE
    # Only the deadline's own row is tried at the deadline; the others just before it.
    now_ms = NOW_MS if event == "deadline" else NOW_MS - 1
    best = BEST[event]
    if event == "confirmed":
        best = replace(best, served_ms=now_ms - RULES.dwell_ms)  # type: ignore[call-arg]
    before = (made.state, made.memory)

    commands = made.handle(best, now_ms)

    if cell == "-":
        assert (made.state, made.memory) == before
        assert len(commands) == 1
        assert isinstance(commands[0], Refuse)
    else:
        where = {"=": state, "out": "out_of_service"}.get(cell, cell)
        assert made.state.value == where
        assert not any(isinstance(command, Refuse) for command in commands)
        if made.state is State.OUT_OF_SERVICE and cell == "out":
            assert commands[0] == AllOff()
        if made.state is State.IDLE and cell == "idle":
            assert commands[-1] == NewCode(made.memory.code)


def test_the_description_names_every_state_and_event() -> None:
    cells = expected()
    assert {state for state, _, _ in cells} == {state.value for state in State}
    assert {event for _, event, _ in cells} == {event.trigger for event in EVENTS}
    assert {row.trigger for row in TABLE} == {event.trigger for event in EVENTS}


def test_every_guard_and_effect_is_a_method() -> None:
    for name in {name for row in TABLE for name in (*row.guards, *row.effects)}:
        assert inspect.isfunction(getattr(Machine, name, None)), name


@pytest.mark.parametrize("state", State)
def test_no_way_leads_past_the_table(state: State) -> None:
    """``transitions`` by itself would add one to each state."""
    made = machine("idle")
    assert made._triggers.keys() == {row.trigger for row in TABLE}
    assert not hasattr(made, f"to_{state.value}")


def test_it_is_born_out_of_service() -> None:
    made = Machine((Slot("water", 1, PULSE_MS, 3),), RULES)
    assert made.state is State.OUT_OF_SERVICE
    assert made.reason() == (Reason.STARTING, "")
    assert made.deadline_ms() is None


@pytest.mark.parametrize(
    ("state", "event", "why"),
    [
        ("idle", Scanned(2), Refusal.STALE_CODE),
        ("idle", Scanned(0), Refusal.STALE_CODE),
        ("scanned", WarningShown(2), Refusal.STALE_CODE),
        ("warned", Confirmed(2, 0, "page"), Refusal.STALE_CODE),
        ("warned", Confirmed(1, NOW_MS - 1 - 1_999, "page"), Refusal.TOO_EARLY),
        ("warned", Confirmed(1, NOW_MS + 5, "page"), Refusal.TOO_EARLY),
        ("warned", DeadlinePassed(), Refusal.NOT_NOW),
        ("dispensing", DeadlinePassed(), Refusal.NOT_NOW),
        ("dispensing", PulseStarted(2), Refusal.OTHER_DISPENSE),
        ("dispensing", Released(2, Outcome.COMMANDED), Refusal.OTHER_DISPENSE),
        ("dispensing", Dropped(0), Refusal.OTHER_DISPENSE),
        ("dispensing", Failed(2, Outcome.UNKNOWN, relay_lost="x"), Refusal.OTHER_DISPENSE),
    ],
)
def test_a_guard_refuses_and_nothing_changes(state: str, event: Event, why: Refusal) -> None:
    made = machine(state)
    before = (made.state, made.memory)

    assert made.handle(event, NOW_MS - 1) == (Refuse(why),)
    assert (made.state, made.memory) == before


def test_the_dwell_is_that_of_the_page_that_was_tapped() -> None:
    made = machine("warned")
    late_page = Confirmed(1, NOW_MS - 1_500, "late")
    early_page = Confirmed(1, NOW_MS - 2_001, "early")
    assert made.handle(late_page, NOW_MS - 1) == (Refuse(Refusal.TOO_EARLY),)
    (dispense,) = made.handle(early_page, NOW_MS - 1)
    assert dispense == Dispense(1, 1, "early", "tea", 2, PULSE_MS)


def test_the_fullest_healthy_slot_serves_and_the_first_of_equals() -> None:
    assert machine("warned", stock=(3, 7)).serving_slot() == 1
    assert machine("warned", stock=(7, 7)).serving_slot() == 0
    made = machine("warned", stock=(3, 7))
    made.memory = made.memory._replace(
        slots=(made.memory.slots[0], made.memory.slots[1]._replace(fault="jammed"))
    )
    assert made.serving_slot() == 0


def test_off_is_scheduled_before_on_is_asked_for_and_counts_from_on() -> None:
    made = machine("dispensing")
    assert made.deadline_ms() == NOW_MS
    made.handle(PulseStarted(1), NOW_MS - 400)
    assert made.deadline_ms() == NOW_MS - 400 + PULSE_MS
    assert made.handle(DeadlinePassed(), NOW_MS - 400 + PULSE_MS) == (EndPulse(1, 2),)


def test_a_deadline_that_has_passed_comes_before_the_event_that_finds_it() -> None:
    made = machine("warned")
    commands = made.handle(Confirmed(1, 0, "page"), NOW_MS)
    assert commands == (NewCode(2), Refuse(Refusal.NOT_NOW))
    assert made.state is State.IDLE


def test_a_crowd_that_is_refused_leaves_nothing_to_clean_up() -> None:
    """An exception in each refusal, with its traceback, is a cycle that waits for the collector."""
    made = machine("dispensing")
    gc.collect()
    for _ in range(100):
        assert made.handle(Scanned(1), NOW_MS - 400) == (Refuse(Refusal.NOT_NOW),)
    assert gc.collect() < 100


def test_the_last_drink_ends_in_out_of_service() -> None:
    made = machine("dispensing", stock=(0, 1))
    made.handle(PulseStarted(1), NOW_MS - PULSE_MS)
    made.handle(DeadlinePassed(), NOW_MS)
    assert made.handle(Released(1, Outcome.COMMANDED), NOW_MS) == (
        AllOff(),
        Settle(1, Outcome.COMMANDED),
    )
    assert made.state is State.OUT_OF_SERVICE


def test_two_faults_need_two_mendings() -> None:
    made = machine("idle")
    made.handle(RelayLost("cable out"), 1)
    made.handle(JournalLost("disk full"), 2)
    assert made.handle(RelayBack(), 3) == ()
    assert made.state is State.OUT_OF_SERVICE
    assert made.handle(JournalBack(), 4) == (NewCode(2),)


def test_an_unknown_outcome_stops_the_machine_only_if_the_operator_chose_so() -> None:
    lost = Failed(1, Outcome.UNKNOWN, relay_lost="cable out")
    for stop, after in ((False, State.IDLE), (True, State.OUT_OF_SERVICE)):
        made = machine("dispensing", replace(RULES, stop_on_unknown=stop))
        assert made.handle(lost, NOW_MS - 1) == (AllOff(), Settle(1, Outcome.UNKNOWN))
        made.handle(RelayBack(), NOW_MS)
        assert made.state is after
        made.handle(StockChanged((3, 6), 0), NOW_MS)
        assert made.state is State.IDLE


def test_what_is_known_to_have_failed_is_not_unknown() -> None:
    made = machine("dispensing", replace(RULES, stop_on_unknown=True))
    made.handle(Failed(1, Outcome.FAILED, drink_kept=True, relay_lost="cable out"), NOW_MS - 1)
    made.handle(RelayBack(), NOW_MS)
    assert made.state is State.IDLE


def test_what_the_journal_does_not_know_stops_the_machine_too() -> None:
    made = machine("idle", replace(RULES, stop_on_unknown=True))
    made.handle(StockChanged((3, 7), 1), NOW_MS)
    assert made.reason() == (Reason.UNKNOWN_OUTCOME, "1 dispenses wait to be reconciled")


@pytest.mark.parametrize("fault", [RelayLost("x"), JournalLost("x"), OperatorStop("x")])
def test_a_fault_during_the_pulse_leaves_the_outcome_unknown(fault: Event) -> None:
    made = machine("dispensing")
    made.handle(PulseStarted(1), NOW_MS - PULSE_MS)
    assert made.handle(fault, NOW_MS - 1) == (AllOff(), Settle(1, Outcome.UNKNOWN))
    assert made.memory.unknown == 1
    assert made.memory.run is None


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("relay_lost", Reason.RELAY_LOST),
        ("journal_lost", Reason.JOURNAL_LOST),
        ("sensor_lost", Reason.SENSOR_LOST),
    ],
)
def test_a_dispense_that_failed_names_the_part_that_is_lost(part: str, reason: Reason) -> None:
    made = machine("dispensing")
    failed = replace(Failed(1, Outcome.FAILED, drink_kept=True), **{part: "it is gone"})
    assert made.handle(failed, NOW_MS - 1) == (AllOff(), Settle(1, Outcome.FAILED, True))
    assert made.reason() == (reason, "it is gone")


def test_a_result_that_never_comes_is_unknown_at_the_deadline() -> None:
    made = machine("dispensing")
    assert made.handle(DeadlinePassed(), NOW_MS) == (EndPulse(1, 2),)
    due_ms = NOW_MS + RULES.drop_timeout_ms
    assert made.deadline_ms() == due_ms
    commands = made.handle(DeadlinePassed(), due_ms)
    assert commands == (Settle(1, Outcome.UNKNOWN), NewCode(2))
    assert made.memory.unknown == 1


@pytest.mark.parametrize(
    ("answer", "settled"),
    [
        (Released(1, Outcome.RELAY_CONFIRMED), Settle(1, Outcome.RELAY_CONFIRMED)),
        (Failed(1, Outcome.UNKNOWN, slot_fault="x"), Settle(1, Outcome.UNKNOWN)),
    ],
)
def test_an_answer_that_is_late_is_an_answer(answer: Event, settled: Settle) -> None:
    made = machine("dispensing")
    made.handle(DeadlinePassed(), NOW_MS)
    commands = made.handle(answer, NOW_MS + RULES.drop_timeout_ms + 1)
    assert commands == (settled, NewCode(2))
    assert [slot.healthy for slot in made.memory.slots] == [True, isinstance(answer, Released)]
    assert made.memory.unknown == isinstance(answer, Failed)


class TestDropSensor:
    """With a sensor that has the last word."""

    rules = replace(RULES, senses_drop=True)

    def falling(self, **more: bool) -> Machine:
        made = machine("dispensing", replace(self.rules, **more))
        made.handle(PulseStarted(1), NOW_MS - PULSE_MS)
        made.handle(DeadlinePassed(), NOW_MS)
        assert made.handle(Released(1, Outcome.COMMANDED), NOW_MS) == ()
        assert made.state is State.DISPENSING
        return made

    def test_a_drop_after_the_pulse(self) -> None:
        made = self.falling()
        assert made.handle(Dropped(1), NOW_MS + 300)[0] == Settle(1, Outcome.DROPPED)

    def test_a_drop_that_was_seen_counts_though_the_loop_hears_of_it_late(self) -> None:
        made = self.falling(tries_another_slot=True)
        late_ms = NOW_MS + RULES.drop_timeout_ms + 300
        assert made.handle(Dropped(1), late_ms) == (Settle(1, Outcome.DROPPED), NewCode(2))
        assert made.deadline_ms() is None

    def test_a_drop_during_the_pulse(self) -> None:
        made = machine("dispensing", self.rules)
        made.handle(PulseStarted(1), NOW_MS - PULSE_MS)
        assert made.handle(Dropped(1), NOW_MS - 1) == ()
        made.handle(DeadlinePassed(), NOW_MS)
        commands = made.handle(Released(1, Outcome.COMMANDED), NOW_MS)
        assert commands == (Settle(1, Outcome.DROPPED), NewCode(2))

    def test_no_drop_fails_and_the_slot_is_not_trusted_until_it_is_refilled(self) -> None:
        made = self.falling()
        due_ms = NOW_MS + RULES.drop_timeout_ms
        assert made.handle(DeadlinePassed(), due_ms - 1) == (Refuse(Refusal.NOT_NOW),)
        assert made.handle(DeadlinePassed(), due_ms)[0] == Settle(1, Outcome.FAILED)
        assert [slot.healthy for slot in made.memory.slots] == [True, False]
        made.handle(StockChanged((3, 12), 0), due_ms)
        assert [slot.healthy for slot in made.memory.slots] == [True, True]

    def test_another_slot_is_tried_once_if_the_rules_say_so(self) -> None:
        made = self.falling(tries_another_slot=True)
        due_ms = NOW_MS + RULES.drop_timeout_ms
        settle, dispense = made.handle(DeadlinePassed(), due_ms)
        assert settle == Settle(1, Outcome.FAILED)
        assert dispense == Dispense(2, 1, "page", "water", 1, PULSE_MS, retry_of=1)
        assert made.state is State.DISPENSING
        assert made.deadline_ms() == due_ms + PULSE_MS, "OFF is scheduled before ON is asked for"
        assert [slot.remaining for slot in made.memory.slots] == [2, 6]
        made.handle(PulseStarted(2), due_ms)
        assert made.handle(Dropped(1), due_ms + 1) == (Refuse(Refusal.OTHER_DISPENSE),)
        made.handle(DeadlinePassed(), due_ms + PULSE_MS)
        made.handle(Released(2, Outcome.COMMANDED), due_ms + PULSE_MS)
        commands = made.handle(DeadlinePassed(), due_ms + PULSE_MS + RULES.drop_timeout_ms)
        assert commands == (AllOff(), Settle(2, Outcome.FAILED)), "twice is enough"
        assert made.reason() == (
            Reason.NO_SLOT_TO_TRUST,
            "water: no drink was seen to fall; tea: no drink was seen to fall",
        )

    @pytest.mark.parametrize("missing", ["stock", "trust"])
    def test_without_another_slot_none_is_tried(self, missing: str) -> None:
        made = self.falling(tries_another_slot=True)
        left = 0 if missing == "stock" else 3
        fault = "jammed" if missing == "trust" else ""
        water, tea = made.memory.slots
        slots = (water._replace(remaining=left, fault=fault), tea)
        made.memory = made.memory._replace(slots=slots)
        commands = made.handle(DeadlinePassed(), NOW_MS + RULES.drop_timeout_ms)
        assert commands == (AllOff(), Settle(1, Outcome.FAILED))

    def test_a_drop_that_was_seen_is_not_tried_again(self) -> None:
        made = machine("dispensing", replace(self.rules, tries_another_slot=True))
        made.handle(PulseStarted(1), NOW_MS - PULSE_MS)
        made.handle(Dropped(1), NOW_MS - 1)
        made.handle(DeadlinePassed(), NOW_MS)
        commands = made.handle(DeadlinePassed(), NOW_MS + RULES.drop_timeout_ms)
        assert commands == (Settle(1, Outcome.DROPPED), NewCode(2)), "though OFF is unheard of"

    def test_a_drop_that_was_seen_counts_though_the_relay_is_lost_at_off(self) -> None:
        made = machine("dispensing", replace(self.rules, stop_on_unknown=True))
        made.handle(PulseStarted(1), NOW_MS - PULSE_MS)
        made.handle(Dropped(1), NOW_MS - 1)
        made.handle(DeadlinePassed(), NOW_MS)
        commands = made.handle(Failed(1, Outcome.UNKNOWN, relay_lost="x"), NOW_MS)
        assert commands == (AllOff(), Settle(1, Outcome.DROPPED))
        made.handle(RelayBack(), NOW_MS)
        assert made.state is State.IDLE, "nothing is unknown"

    def test_a_stop_at_the_deadline_begins_no_other_try(self) -> None:
        made = self.falling(tries_another_slot=True)
        commands = made.handle(OperatorStop("cleaning"), NOW_MS + RULES.drop_timeout_ms)
        assert commands == (AllOff(), Settle(1, Outcome.COMMANDED))

    def test_a_pulse_whose_end_is_unheard_of_is_not_tried_again(self) -> None:
        """It may have given its drink: that nobody saw one fall says nothing yet."""
        made = machine("dispensing", replace(self.rules, tries_another_slot=True))
        made.handle(PulseStarted(1), NOW_MS - PULSE_MS)
        made.handle(DeadlinePassed(), NOW_MS)
        commands = made.handle(DeadlinePassed(), NOW_MS + RULES.drop_timeout_ms)
        assert commands == (Settle(1, Outcome.UNKNOWN), NewCode(2))

    def test_a_person_who_resumes_trusts_every_slot_again(self) -> None:
        made = self.falling()
        made.handle(DeadlinePassed(), NOW_MS + RULES.drop_timeout_ms)
        made.handle(OperatorStop("cleaning"), NOW_MS + 6_000)
        assert made.handle(OperatorResume(), NOW_MS + 7_000) == (NewCode(3),)
        assert [slot.fault for slot in made.memory.slots] == ["", ""]
        assert made.memory.stop == ""

    def test_a_sensor_that_is_lost_says_what_the_relay_did(self) -> None:
        commands = self.falling().handle(SensorLost("x"), NOW_MS + 1)
        assert commands == (AllOff(), Settle(1, Outcome.COMMANDED))

    def test_a_dispense_that_a_blocked_beam_prevented_costs_nothing(self) -> None:
        made = machine("dispensing", self.rules)
        failed = Failed(1, Outcome.FAILED, drink_kept=True, sensor_lost="blocked")
        assert made.handle(failed, NOW_MS - 1) == (AllOff(), Settle(1, Outcome.FAILED, True))
        assert made.reason() == (Reason.SENSOR_LOST, "blocked")
        assert [slot.remaining for slot in made.memory.slots] == [3, 7]

    def test_a_slot_that_was_filled_is_trusted_again_though_it_holds_as_much(self) -> None:
        made = self.falling()
        made.handle(DeadlinePassed(), NOW_MS + RULES.drop_timeout_ms)
        made.handle(StockChanged((3, 6), 0), NOW_MS + 6_000)
        assert [slot.healthy for slot in made.memory.slots] == [True, False]
        made.handle(StockChanged((3, 6), 0, loaded=(1,)), NOW_MS + 7_000)
        assert [slot.healthy for slot in made.memory.slots] == [True, True]

    def test_a_fault_while_it_falls_says_what_the_relay_did(self) -> None:
        made = self.falling()
        commands = made.handle(RelayLost("x"), NOW_MS + 1)
        assert commands == (AllOff(), Settle(1, Outcome.COMMANDED))


class TestNothingHalfDone:
    """A step happens or leaves no mark."""

    def test_a_clock_that_runs_back_is_refused(self) -> None:
        made = machine("idle")
        made.handle(Scanned(1), 500)
        before = (made.state, made.memory)
        with pytest.raises(ValueError, match="ran back from 500 to 499"):
            made.handle(WarningShown(1), 499)
        assert (made.state, made.memory) == before
        assert made.handle(WarningShown(1), 500) == ()

    def test_a_stock_of_other_slots_is_refused(self) -> None:
        made = machine("idle")
        before = (made.state, made.memory)
        with pytest.raises(ValueError, match="zip"):
            made.handle(StockChanged((1,), 0), 1)
        assert (made.state, made.memory) == before

    def test_an_error_in_an_effect_restores_everything(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = machine("warned")
        before = (made.state, made.memory)

        def broken() -> None:
            made.memory = made.memory._replace(code=99)
            raise RuntimeError("a bug")

        monkeypatch.setattr(made, "serving_slot", broken)  # begin_dispense asks for it
        with pytest.raises(RuntimeError, match="a bug"):
            made.handle(Confirmed(1, 0, "page"), NOW_MS - 1)
        assert (made.state, made.memory) == before
        monkeypatch.undo()
        (dispense,) = made.handle(Confirmed(1, 0, "page"), NOW_MS - 1)
        assert isinstance(dispense, Dispense)
