"""Figures: one visit in virtual time, alone, with faults, and after a million others."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

from bench.core import Bare
from bench.report import Row
from bench.rounds import PROCESSES, Pairs, alternate, in_processes
from controller.door import Word
from sim.disk import Disk, Memory
from sim.plan import Choice, Setting, draw
from sim.run import run
from sim.world import PATH, World

MOST_ALONE = 8
MOST_WITH_FAULTS = 12
MOST_AFTER_MANY = 1.2
ROUNDS = 25
VISITS = 20
PAST = 1_000_000

_FILL = """
    INSERT INTO dispense (id, slot, outcome, begun_at, ended_at)
    WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
    SELECT n, 'water', 'commanded', '2019-04-27 10:00:00', '2019-04-27 10:00:01' FROM number
"""
_BOOK = "UPDATE slot SET loaded = loaded + ?1, dispensed = dispensed + ?1 WHERE name = 'water'"


def measure(folder: Path) -> list[Row]:
    return [_alone(), _with_faults(), _after_many()]


def _visits() -> Pairs:
    with _served(Memory) as visit:
        return alternate(ROUNDS, visit, Bare().four_s, warm_up=3)


def _alone() -> Row:
    pairs = in_processes(_visits)
    return _row(
        "A visit in virtual time",
        pairs.our_median,
        pairs.bare_median,
        pairs.ratio,
        MOST_ALONE,
        "From the scan to the drink and the next code: the real door, runner, journal (in SQLite's"
        " memory) and `lcus` driver, with its emulated board behind the wire in memory; the trace"
        " is kept and judged by every safety property, and a second connection reads the journal."
        f" {ROUNDS} rounds of {VISITS} visits, in turn with the baseline, in each of {PROCESSES}"
        " processes; medians.",
    )


def _runs() -> Pairs:
    choice = Choice(dialects=("lcus",))
    seeds = count(1)

    def some() -> float:
        plan = draw(next(seeds), choice)
        began_s = time.perf_counter()
        result = run(plan)
        assert not result.violation, result.violation
        return (time.perf_counter() - began_s) / result.visits

    return alternate(ROUNDS, some, Bare().four_s)


def _with_faults() -> Row:
    pairs = in_processes(_runs)
    return _row(
        "A visit of a campaign, with faults",
        pairs.our_median,
        pairs.bare_median,
        pairs.ratio,
        MOST_WITH_FAULTS,
        "`sim.run.run` over whole runs of `quench fuzz --dialect lcus`: start, visitors of all"
        " kinds, the time between them, faults, crashes, restarts, and the search for secrets at"
        f" the end; divided by the visitors that scanned. {ROUNDS} runs, in turn with the baseline,"
        f" in each of {PROCESSES} processes; medians.",
    )


def _after_many() -> Row:
    with _served(Disk) as fresh, _served(Disk, past=PAST) as full:
        pairs = alternate(ROUNDS, full, fresh, warm_up=3)
    return Row(
        figure=f"A journal with {PAST:,} past visits",
        ours=f"{pairs.our_median * 1e6:,.0f} µs",
        baseline="a visit on an empty one",
        bare=f"{pairs.bare_median * 1e6:,.0f} µs",
        ratio=pairs.ratio,
        target=f"at most {MOST_AFTER_MANY}",
        met=pairs.ratio <= MOST_AFTER_MANY,
        how="The same visit, with the journal on the simulated disk (files in memory).",
    )


def _row(figure: str, ours_s: float, bare_s: float, ratio: float, most: int, how: str) -> Row:
    return Row(
        figure=figure,
        ours=f"{ours_s * 1e6:,.0f} µs",
        baseline="four bare `transitions` triggers",
        bare=f"{bare_s * 1e6:,.1f} µs",
        ratio=ratio,
        target=f"at most {most}",
        met=ratio <= most,
        how=how,
    )


@contextmanager
def _served(disk: type[Disk], past: int = 0) -> Iterator[Callable[[], float]]:
    """A machine that is idle; what is called serves some visits: seconds for each."""
    with closing(World(Setting("lcus").config(), disk=disk)) as world:
        world.boot()
        if past:
            with closing(world.disk.connect(PATH)) as database:
                database.execute("BEGIN")
                database.execute(_FILL, (past,))
                database.execute(_BOOK, (past,))
                database.execute("COMMIT")
            world.stop()
            world.boot()
        world.wait(2_000)

        def serve() -> float:
            for slot in world.config.slots:
                world.load(slot.name, VISITS)
            world.wait(1_500)
            world.trace.clear()
            began_s = time.perf_counter()
            for _ in range(VISITS):
                _visit(world)
            return (time.perf_counter() - began_s) / VISITS

        yield serve


def _visit(world: World) -> None:
    token = world.token
    page = world.fetch(token)
    assert page.word is Word.FORM, page
    world.show(token, page.mark)
    world.wait(page.wait_ms)
    world.tap(token, page.mark)
    world.wait(world.config.slots[0].pulse_ms)
    assert world.token not in ("", token), "the drink came, and there is another code"
