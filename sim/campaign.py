"""Many runs, one after the other or by several workers, and what they add up to."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import count, islice
from multiprocessing import get_context

from drivers.hal import Clock
from sim.plan import Choice, draw
from sim.run import STEPS, Result, Step, run

AFRESH = get_context("spawn")
"""How workers begin: a copy of a process that has threads may hang in a lock of one of them."""

AT_ONCE = 2
"""Runs that a worker takes at once."""


@dataclass(slots=True)
class Summary:
    """What a campaign has come to."""

    seed: int
    choice: Choice
    runs: int = 0
    visits: int = 0
    virtual_ms: int = 0
    took_s: float = 0.0
    fired: Counter[str] = field(default_factory=Counter)
    mattered: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    steps: set[Step] = field(default_factory=set)
    violated: list[Result] = field(default_factory=list)
    hashed: str = ""

    def add(self, result: Result) -> None:
        """One run more; in the order of their seeds."""
        self.runs += 1
        self.visits += result.visits
        self.virtual_ms += result.virtual_ms
        self.fired += result.fired
        self.mattered += result.mattered
        self.outcomes += result.outcomes
        self.steps |= result.steps
        self.hashed = hashlib.sha256((self.hashed + result.hash).encode()).hexdigest()
        if result.violation:
            self.violated.append(result)

    @property
    def visits_per_s(self) -> float:
        return self.visits / self.took_s if self.took_s else 0.0

    @property
    def never_fired(self) -> list[str]:
        """The classes of faults that were asked for, and were never there."""
        return [fault for fault in self.choice.faults if not self.fired[fault]]

    @property
    def ok(self) -> bool:
        """Whether nothing was violated, and everything was there that was asked for."""
        return not self.violated and not self.never_fired

    def as_json(self) -> dict[str, object]:
        """For a program to read."""
        return {
            "seed": self.seed,
            "runs": self.runs,
            "visits": self.visits,
            "virtual_s": self.virtual_ms // 1000,
            "visits_per_s": round(self.visits_per_s, 1),
            "faults": {
                fault: {"fired": self.fired[fault], "mattered": self.mattered[fault]}
                for fault in self.choice.faults
            },
            "never_fired": self.never_fired,
            "outcomes": dict(sorted(self.outcomes.items())),
            "states": sorted({state.value for step in self.steps for state in (step[0], step[2])}),
            "transitions": len(self.steps),
            "transitions_in_table": len(STEPS),
            "violations": [told_violation(result) for result in self.violated],
            "trace_hash": self.hashed,
        }


def told_violation(result: Result) -> dict[str, object]:
    """For a program to read."""
    return {
        "seed": result.plan.seed,
        "property": result.broke,
        "what": result.violation,
        "plan": str(result.plan),
    }


def campaign(
    seed: int,
    choice: Choice,
    *,
    visits: int,
    minutes: float | None = None,
    clock: Clock,
    workers: int = 1,
    tell: Callable[[Summary], None] = lambda summary: None,
) -> Summary:
    """Runs from ``seed`` on, until there were so many ``visits``, or so many ``minutes`` are over.

    The first violation ends it. ``clock`` says how long it took. ``tell`` is called after each
    run. The same arguments (without ``minutes``) come to the same, however many ``workers``.
    """
    summary = Summary(seed, choice)
    began_ms = clock.now_ms()
    runs = None if minutes is not None else -(-visits // choice.visits)
    for result in _results(islice(count(seed), runs), choice, workers):
        summary.add(result)
        summary.took_s = (clock.now_ms() - began_ms) / 1000
        tell(summary)
        if result.violation or (minutes is not None and summary.took_s > 60 * minutes):
            break
    return summary


def run_seeds(seeds: Iterable[int], choice: Choice) -> list[Result]:
    """What a worker does. It stops at the first violation."""
    results: list[Result] = []
    for seed in seeds:
        results.append(run(draw(seed, choice)))
        if results[-1].violation:
            break
    return results


def _results(seeds: Iterator[int], choice: Choice, workers: int) -> Iterator[Result]:
    """In the order of the seeds."""
    if workers == 1:
        for seed in seeds:
            yield from run_seeds([seed], choice)
        return
    with ProcessPoolExecutor(workers, AFRESH) as pool:
        waiting: list[Future[list[Result]]] = []
        try:
            while True:
                while len(waiting) < 2 * workers and (some := list(islice(seeds, AT_ONCE))):
                    waiting.append(pool.submit(run_seeds, some, choice))
                if not waiting:
                    return
                yield from waiting.pop(0).result()
        finally:
            pool.shutdown(cancel_futures=True)
