"""The power cut, and the controller killed, at every instant of a few short scenarios.

Before and after each write and sync of the journal, and before and after each byte on the
wire; then once more at every instant of the recovery from that.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from sim.campaign import AFRESH
from sim.deeds import Deed
from sim.plan import Plan, Setting
from sim.run import Result, run

NEVER = 1_000_000
"""The number of an instant that no scenario has."""

_VISIT = (Deed(1_000, "scan", (1,)), Deed(1_100, "show", (1,)), Deed(3_100, "tap", (1,)))
_AFTER = (
    Deed(3_000, "spare"),
    Deed(3_000, "boot"),
    # The token of before is dead, and the next visitor gets a drink.
    Deed(3_500, "tap", (1,)),
    Deed(3_500, "scan", (2,)),
    Deed(5_600, "tap", (2,)),
    Deed(5_700, "tap", (1,)),
)
"""What follows when the machine has been started again."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Crashes may come from ``begin_ms`` on; at ``end_ms`` the machine is started again."""

    name: str
    setting: Setting
    deeds: tuple[Deed, ...]
    begin_ms: int = 2_900
    end_ms: int = 4_000


SCENARIOS = (
    Scenario("the first start, and a drink", Setting("lcus"), _VISIT, begin_ms=0),
    Scenario("a drink that the board confirms", Setting("waveshare"), _VISIT),
    Scenario("a drink that is seen to fall", Setting("lcus-feedback", "cts"), _VISIT),
    Scenario(
        "a jam, and another slot",
        Setting("lcus", "cts", another_slot=True),
        (Deed(600, "throw", ("jam",)), *_VISIT),
        end_ms=10_000,
    ),
    Scenario(
        "a cable out, a slot filled, a dispense settled by hand, and a stop",
        Setting("lcus", stop_on_unknown=True),
        (
            *_VISIT,
            Deed(3_300, "throw", ("unplug",)),
            Deed(5_000, "load", ("tea", 3)),
            Deed(5_500, "reconcile", ("dispensed",)),
            Deed(6_000, "mend", ("unplug",)),
            Deed(9_000, "stop"),
        ),
        end_ms=10_000,
    ),
)


@dataclass(frozen=True, slots=True)
class Crash:
    """One at instant ``at``: the power cut, with ``torn`` percent of what is unsafe lost, or
    the controller killed if that is None.
    """

    at: int
    torn: int | None = None

    def deed(self, now_ms: int, *, again: bool = False) -> Deed:
        if self.torn is None:
            return Deed(now_ms, "kill", (self.at,))
        return Deed(now_ms, "cut-again" if again else "cut", (self.at, self.torn))


KINDS = (None, 50, 100)
AGAIN = 50
"""Percent torn, when the power is cut in the recovery."""
EVERY = 7


@dataclass(frozen=True, slots=True)
class Everywhere:
    """What became of the crashes of one scenario."""

    scenario: Scenario
    instants: int
    runs: int
    violated: Result | None = None


def crash_everywhere(
    scenarios: Iterable[Scenario] = SCENARIOS, *, workers: int = 1, every: int = EVERY
) -> Iterator[Everywhere]:
    """Crash each scenario at every instant, and again at ``every`` so many-th of its recovery.

    Which ones of the recovery is another choice for each first crash, so that together they
    are all. The first violation ends it.
    """
    with ProcessPoolExecutor(workers, AFRESH) as pool:
        for scenario in scenarios:
            instants = run(plan_of(scenario, Crash(NEVER), None)).instants[0]
            firsts = [Crash(at, torn) for at in range(1, instants + 1) for torn in KINDS]
            each = len(firsts) // (8 * workers) + 1
            parts = [firsts[begin : begin + each] for begin in range(0, len(firsts), each)]
            jobs = [pool.submit(crash_at, scenario, part, every) for part in parts]
            found = [job.result() for job in jobs]
            violated = next((result for _, result in found if result is not None), None)
            yield Everywhere(scenario, instants, 1 + sum(runs for runs, _ in found), violated)
            if violated is not None:
                return


def crash_at(scenario: Scenario, firsts: Iterable[Crash], every: int) -> tuple[int, Result | None]:
    """How many runs there were, and the first that violated something."""
    runs = 0
    for number, first in enumerate(firsts):
        recovery = run(plan_of(scenario, first, Crash(NEVER, AGAIN))).instants[1]
        runs += 1
        for again in (0, *range(1 + number % every, recovery + 1, every)):
            plan = plan_of(scenario, first, Crash(again, AGAIN) if again else None)
            runs += 1
            result = run(plan)
            if result.violation:
                return runs, result
    return runs, None


def plan_of(scenario: Scenario, first: Crash, second: Crash | None) -> Plan:
    """The run with those crashes."""
    deeds = sorted(
        [Deed(0, "boot"), *scenario.deeds, first.deed(scenario.begin_ms)],
        key=lambda deed: (deed.at_ms, deed.what == "boot"),
    )
    end_ms = scenario.end_ms
    again = [] if second is None else [second.deed(end_ms, again=True)]
    after = [deed._replace(at_ms=end_ms + deed.at_ms) for deed in _AFTER]
    reboot = (Deed(end_ms, "spare"), *again, Deed(end_ms, "boot"), *after)
    return Plan(scenario.setting, 1, (*deeds, *reboot))
