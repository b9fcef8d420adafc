"""The explorer goes everywhere, finds nothing wrong, and would find it if there were."""

import json
import re
from dataclasses import replace

import pytest

from controller.cli import main
from controller.commands import Dispense, Settle
from controller.events import (
    Confirmed,
    DeadlinePassed,
    Dropped,
    Event,
    OperatorStop,
    Outcome,
    RelayBack,
    Released,
    StockChanged,
)
from controller.machine import Machine
from controller.memory import Phase, Run
from controller.table import State
from sim.explore import program, report
from sim.explore.alphabet import VARIANTS, Alphabet
from sim.explore.answers import Answers
from sim.explore.coverage import LINES
from sim.explore.search import Search
from tests.conftest import ROOT
from tests.explored import NO_SENSOR, SECOND_SLOT, SENSES, SENSOR, STOPS, TRIES, explored

ONE = {"slots": ("water",), "holds": (1,), "visitors": 1}
"""The smallest machine there is."""


EXPLORED = (NO_SENSOR, SENSOR, SECOND_SLOT)
"""Between them they have all rules."""


@pytest.mark.parametrize("alphabet", EXPLORED)
def test_a_fixpoint_is_reached_and_nothing_is_wrong(alphabet: Alphabet) -> None:
    _, found = explored(alphabet)
    assert (found.wrong, found.path, found.unfollowed) == ("", (), 0)
    assert found.states > 5_000
    assert found.transitions > 10 * found.states
    assert found.refused > found.states


def test_it_went_everywhere() -> None:
    """Every state, line of the table, event, outcome, reason and refusal."""
    reached = explored(NO_SENSOR)[1].reached
    for alphabet in EXPLORED:
        reached |= explored(alphabet)[1].reached
    assert set(LINES) == reached.lines
    assert [what for what, (some, most) in reached.counts().items() if some != most] == []
    assert len(set(LINES)) == len(LINES) > 50, "each line shows as itself"


def test_the_page_tells_the_counts() -> None:
    page = (ROOT / "docs" / "explore.md").read_text(encoding="utf-8")
    assert report.row("no sensor, unknown stops", explored(NO_SENSOR)[1]) in page
    assert re.findall(r"^(\w.*, unknown [a-z ]+?)  ", page, re.MULTILINE) == list(VARIANTS)


# -- broken cores ---------------------------------------------------------------------------


class NoDwell(Machine):
    def dwell_passed(self, event: Confirmed) -> bool:
        return True


class ShortDwell(Machine):
    def dwell_passed(self, event: Confirmed) -> bool:
        return self._now_ms - event.served_ms >= self.rules.dwell_ms - 1


class AnyCode(Machine):
    def code_is_current(self, event: object) -> bool:
        return True


class SameCode(Machine):
    """Mints none after a dispense."""

    def new_code(self, event: Event) -> None:
        if not isinstance(event, Released):
            super().new_code(event)
        else:
            self.memory = self.memory._replace(deadline_ms=None)


class TriesUnasked(Machine):
    def another_may_try(self, event: DeadlinePassed) -> bool:
        return not self._run().retry_of


class TriesAgainAndAgain(Machine):
    def another_may_try(self, event: DeadlinePassed) -> bool:
        return True


class TriesTheSameSlot(Machine):
    def learn(self, event: Event) -> None:
        slots = self.memory.slots
        super().learn(event)
        if isinstance(event, DeadlinePassed):
            self.memory = self.memory._replace(slots=slots)


class TriesAfterADrink(Machine):
    """Where OFF was not answered, though a drink was seen."""

    def no_drink_fell(self, event: DeadlinePassed) -> bool:
        run = self._run()
        return run.phase in (Phase.FALLING, Phase.ENDING)


class OverrulesADrop(Machine):
    """By a deadline that waited for it."""

    def handle(self, event: Event, now_ms: int) -> tuple:  # type: ignore[type-arg]
        run, due_ms = self.memory.run, self.memory.deadline_ms
        falls = isinstance(event, Dropped) and run is not None and run.phase is Phase.FALLING
        if not falls or due_ms is None or now_ms < due_ms:
            return super().handle(event, now_ms)
        return super().handle(DeadlinePassed(), now_ms) + super().handle(event, now_ms)


class FiresAgain(Machine):
    """What a crash has interrupted."""

    def handle(self, event: Event, now_ms: int) -> tuple:  # type: ignore[type-arg]
        memory = self.memory
        commands = super().handle(event, now_ms)
        if memory.starting and memory.unknown and self.state is State.IDLE:
            self.state, self._outbox = State.DISPENSING, []
            self._begin(memory.code, "winner")
            commands += tuple(self._outbox)
        return commands


class LeavesItOn(Machine):
    """Out of service without OFF."""

    def all_off(self, event: Event) -> None:
        self.memory = self.memory._replace(deadline_ms=None)


class NeverEndsAPulse(Machine):
    def end_pulse(self, event: Event) -> None:
        super().end_pulse(event)
        self._outbox.pop()


class SetsNoDeadline(Machine):
    """For a pulse."""

    def _renew_run(self, run: Run, span_ms: int) -> None:
        super()._renew_run(run, span_ms)
        if run.phase is Phase.ON:
            self.memory = self.memory._replace(deadline_ms=None)


class NeverSettles(Machine):
    """What was given."""

    def settle(self, event: Event) -> None:
        super().settle(event)
        if isinstance(event, Released):
            self._outbox.pop()


class WrongChannel(Machine):
    def _begin(self, *args: object) -> None:
        super()._begin(*args)  # type: ignore[arg-type]
        asked = self._outbox[-1]
        assert isinstance(asked, Dispense)
        self._outbox[-1] = replace(asked, channel=3 - asked.channel)


class SettlesAs(Machine):
    was, wrong = Outcome.UNKNOWN, Outcome.FAILED

    def settle(self, event: Event) -> None:
        super().settle(event)
        settle = self._outbox[-1]
        assert isinstance(settle, Settle)
        if settle.outcome is self.was and not settle.drink_kept:
            self._outbox[-1] = replace(settle, outcome=self.wrong)


class SettlesFailedAsDropped(SettlesAs):
    was, wrong = Outcome.FAILED, Outcome.DROPPED


class KeepsNothing(Machine):
    """Books a drink as gone that is still in its slot."""

    def settle(self, event: Event) -> None:
        super().settle(event)
        settle = self._outbox[-1]
        assert isinstance(settle, Settle)
        self._outbox[-1] = replace(settle, drink_kept=False)


class ReservesNothing(Machine):
    def _begin(self, *args: object) -> None:
        slots = self.memory.slots
        super()._begin(*args)  # type: ignore[arg-type]
        self.memory = self.memory._replace(slots=slots)


class CountsNoUnknown(Machine):
    def learn(self, event: Event) -> None:
        unknown = self.memory.unknown
        super().learn(event)
        if not isinstance(event, StockChanged):
            self.memory = self.memory._replace(unknown=unknown)


class StopsLate(Machine):
    """After a deadline that is due, and what that begins."""

    def handle(self, event: Event, now_ms: int) -> tuple:  # type: ignore[type-arg]
        due_ms = self.memory.deadline_ms
        if not isinstance(event, OperatorStop) or due_ms is None or now_ms < due_ms:
            return super().handle(event, now_ms)
        return super().handle(DeadlinePassed(), now_ms) + super().handle(event, now_ms)


class StaysOut(Machine):
    def learn(self, event: Event) -> None:
        if not isinstance(event, RelayBack):
            super().learn(event)


class WaitsForever(Machine):
    def await_confirmed(self, event: Event) -> None:
        self.memory = self.memory._replace(deadline_ms=None)


class RefusesAndLearns(Machine):
    def handle(self, event: Event, now_ms: int) -> tuple:  # type: ignore[type-arg]
        commands = super().handle(event, now_ms)
        if isinstance(event, Confirmed) and commands:
            self.memory = self.memory._replace(stop="stop")
        return commands


BROKEN = {
    NoDwell: ("S1", Alphabet(**ONE)),
    ShortDwell: ("S1", Alphabet(**ONE)),
    AnyCode: ("S1", Alphabet(**ONE)),
    SameCode: ("S2", Alphabet(visitors=1)),
    TriesUnasked: ("S2", Alphabet(SENSES, visitors=1)),
    TriesAgainAndAgain: ("S2", Alphabet(TRIES, visitors=1)),
    TriesTheSameSlot: ("S2", Alphabet(TRIES, visitors=1, holds=(2, 1))),
    TriesAfterADrink: ("S2", Alphabet(TRIES, visitors=1)),
    OverrulesADrop: ("S2", Alphabet(TRIES, visitors=1)),
    FiresAgain: ("S2", Alphabet(visitors=1)),
    LeavesItOn: ("S3", Alphabet(**ONE)),
    NeverEndsAPulse: ("S3", Alphabet(visitors=1)),
    SetsNoDeadline: ("S3", Alphabet(**ONE)),
    NeverSettles: ("S4", Alphabet(visitors=1)),
    WrongChannel: ("S4", Alphabet(visitors=1)),
    SettlesAs: ("S5", Alphabet(**ONE)),
    SettlesFailedAsDropped: ("S5", Alphabet(SENSES, **ONE)),
    KeepsNothing: ("S5", Alphabet(**ONE)),
    ReservesNothing: ("S5", Alphabet(**ONE)),
    CountsNoUnknown: ("S5", Alphabet(STOPS, **ONE)),
    StopsLate: ("S5", Alphabet(TRIES, visitors=1)),
    StaysOut: ("S7", Alphabet(**ONE)),
    WaitsForever: ("S7", Alphabet(**ONE)),
    RefusesAndLearns: ("a refused event has changed", Alphabet(**ONE)),
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_core_is_found(broken: type[Machine]) -> None:
    rule, alphabet = BROKEN[broken]
    found = Search(replace(alphabet, machine=broken)).run()
    assert found.wrong.startswith(rule), "\n".join([found.wrong, *report.violation(found)])
    assert len(found.path) == found.depth


def test_there_is_no_shorter_way() -> None:
    broken = Alphabet(SENSES, **ONE, machine=SettlesFailedAsDropped)
    found = Search(broken).run()
    shorter = Search(broken).run(found.depth - 1)
    assert (shorter.wrong, shorter.depth) == ("", found.depth - 1)
    assert shorter.unfollowed > 0


def test_a_broken_board_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that comes back without OFF: so the watchers look at what is around the core, too."""
    monkeypatch.setattr(Answers, "told_off", lambda self, turn: turn)
    found = Search(Alphabet(**ONE)).run()
    assert found.wrong.startswith("S3 off is the resting state: energised before channels [1]")


def test_the_page_shows_a_violation() -> None:
    found = Search(Alphabet(machine=NoDwell)).run()
    page = (ROOT / "docs" / "explore.md").read_text(encoding="utf-8")
    told = [*report.violation(found), f"no sensor, unknown goes on: {report.complaint(found)}"]
    assert "\n".join(told) in page


# -- the command -----------------------------------------------------------------------------


def test_a_violation_is_a_path_to_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = {"first": Alphabet(TRIES, visitors=1, machine=TriesAfterADrink), "second": Alphabet()}
    monkeypatch.setattr(program, "VARIANTS", broken)
    assert main(["explore"]) == 1
    told, complaint = capsys.readouterr()
    lines = told.splitlines()
    assert "S2 one scan, one drink does not hold" in told
    assert "fixpoint" not in told
    assert "second" not in told, "the first violation ends it"
    assert complaint == (
        "first: S2 one scan, one drink: a second pulse for the token of dispense 2\n"
    )
    steps = lines[lines.index("a shortest way there, in 13 steps:") + 1 :]
    assert [line.split()[0] for line in steps] == [str(number) for number in range(1, 14)]
    assert steps[0].split() == ["1", "0", "ms", "a", "controller", "starts", "out_of_service"]
    assert "PulseStarted(dispense_id=1); OFF" in told


def test_the_depth_cuts_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--depth", "4"]) == 0
    told = capsys.readouterr().out
    assert re.search(
        r"^cut by --depth: \d+ states not followed; .* hold so far$", told, re.MULTILINE
    )
    assert "fixpoint" not in told
    assert main(["explore", "--depth", "4", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["fixpoint"] is False
    assert [rules["name"] for rules in data["rules"]] == list(VARIANTS)
    assert [rules["depth"] for rules in data["rules"]] == [4] * len(VARIANTS)
    assert data["states"] == sum(rules["states"] for rules in data["rules"]) > 100


@pytest.mark.parametrize("depth", ["0", "-1", "deep", ""])
def test_a_depth_that_is_none(depth: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["explore", "--depth", depth])
    assert ended.value.code == 2
    assert "--depth" in capsys.readouterr().err
