"""The commands ``quench fuzz`` and ``quench replay``: what they print."""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from controller.errors import QuenchError, UsageError
from controller.storage import os_says
from controller.table import State
from drivers.hal import Clock
from sim.campaign import Summary, campaign, told_violation
from sim.crashes import Everywhere, crash_everywhere
from sim.plan import CANARY, FAULTS, VISITS, Choice, Plan, dialects, draw, parse
from sim.run import STEPS, Result, run
from sim.shrink import shrink
from sim.table import colours, table
from sim.world import World

_BAR = 24


def choice(faults: str, dialect: str, visits: int) -> Choice:
    """What the command line asks for. Raises UsageError.

    ``faults``: "all", "none", or names with commas between them. ``dialect``: one, or "all".
    """
    named = tuple(part.strip() for part in faults.split(",") if part.strip())
    groups: dict[tuple[str, ...], tuple[str, ...]] = {("all",): FAULTS, ("none",): ()}
    chosen = groups.get(named, named)
    unknown = [fault for fault in chosen if fault not in (*FAULTS, CANARY)]
    if unknown:
        allowed = ", ".join(("all", "none", *FAULTS, CANARY))
        raise UsageError(f"no fault is called {', '.join(unknown)}; allowed: {allowed}")
    known = dialects(with_pins=True)
    if dialect not in ("all", *known):
        raise UsageError(f"nobody speaks {dialect!r}; allowed: all, {', '.join(known)}")
    spoken = dialects() if dialect == "all" else [dialect]
    return Choice(chosen, tuple(spoken), min(visits, VISITS))


def fuzz(
    seed: int,
    chosen: Choice,
    asked: Sequence[str],
    *,
    visits: int,
    minutes: float | None,
    workers: int,
    clock: Clock,
    as_json: bool,
) -> int:
    """Run the campaign and print what it came to. Returns the exit code.

    ``asked`` is what the command line said beside the seed: a replay needs it again.
    """
    bar = _Bar(visits, minutes)
    summary = campaign(
        seed,
        chosen,
        visits=visits,
        minutes=minutes,
        clock=clock,
        workers=workers,
        tell=bar.tell,
    )
    bar.clear()
    print(json.dumps(summary.as_json(), indent=2) if as_json else "\n".join(_told(summary)))
    for result in summary.violated:
        command = " ".join(["quench replay", str(result.plan.seed), *asked])
        lines = "\n".join(_violation(result, command))
        print(lines, file=sys.stderr if as_json else sys.stdout)
    return 0 if summary.ok else 1


def crash(*, workers: int, as_json: bool) -> int:
    """Crash everywhere and print what became of it. Returns the exit code."""
    done: list[Everywhere] = []
    for everywhere in crash_everywhere(workers=workers):
        done.append(everywhere)
        if not as_json:
            print(
                f"{everywhere.runs:8,} runs, a crash at each of {everywhere.instants} instants and"
                f" again: {everywhere.scenario.name}",
                flush=True,
            )
    violated = next((each.violated for each in done if each.violated is not None), None)
    if as_json:
        print(json.dumps(_crashes_as_json(done, violated), indent=2))
    elif violated is None:
        print("no violation")
    if violated is not None:
        lines = _violation(violated, f"quench replay --plan '{violated.plan}'")
        print("\n".join(lines), file=sys.stderr if as_json else sys.stdout)
    return 1 if violated else 0


def _crashes_as_json(done: Sequence[Everywhere], violated: Result | None) -> dict[str, object]:
    return {
        "scenarios": [
            {"name": each.scenario.name, "instants": each.instants, "runs": each.runs}
            for each in done
        ],
        "runs": sum(each.runs for each in done),
        "violations": [] if violated is None else [told_violation(violated)],
    }


def replay(plan: Plan, *, shrunk: bool, html: Path | None, save: Path | None, as_json: bool) -> int:
    """Run ``plan`` again and print what was seen. Returns the exit code. Raises QuenchError."""
    if shrunk:
        plan = _shrunk(plan)
    result = run(plan, keep=True, then=None if save is None else partial(_save, save))
    said = {"plan": str(plan), "trace_hash": result.hash, "violation": result.violation}
    if html is not None:
        _draw(result, html)
    print(json.dumps(said) if as_json else "\n".join(_trace(result)))
    return 1 if result.violation else 0


def _save(folder: Path, world: World) -> None:
    with _written(folder):
        folder.mkdir(parents=True, exist_ok=True)
        world.disk.save(folder)


def _draw(result: Result, path: Path) -> None:
    from sim.timeline import timeline

    facts = {
        "machine": str(result.plan.setting),
        "seed": str(result.plan.seed),
        "visitors": str(result.visits),
        "again": f"quench replay --plan '{result.plan}'",
        "trace hash": result.hash,
    }
    title = f"{result.broke or 'A run'}, seed {result.plan.seed}"
    with _written(path):
        path.write_text(
            timeline(result.trace, title=title, facts=facts, violation=result.violation),
            encoding="utf-8",
        )


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise QuenchError(f"{path}: {os_says(error)}") from error


def plan_of(seed: int | None, text: str | None, chosen: Choice) -> Plan:
    """The run to replay: that of a seed, or one that is written out. Raises UsageError."""
    if (seed is None) == (text is None):
        raise UsageError("name one: a SEED, or --plan TEXT")
    if text is None:
        assert seed is not None
        return draw(seed, chosen)
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(f"--plan: {error}") from error


def _shrunk(plan: Plan) -> Plan:
    result = run(plan)
    if not result.violation:
        raise UsageError("nothing is violated in that run: there is nothing to thin out")
    return shrink(result).plan


# -- words -----------------------------------------------------------------------------------


def _told(summary: Summary) -> Iterator[str]:
    hours = summary.virtual_ms / 3_600_000
    yield (
        f"{summary.visits:,} visits in {summary.runs:,} runs, {hours:,.1f} hours of virtual time,"
        f" in {summary.took_s:,.1f} s: {summary.visits_per_s:,.0f} visits per second"
    )
    states = {state for step in summary.steps for state in (step[0], step[2])}
    yield f"{len(states)} of {len(State)} states, {len(summary.steps)} of {len(STEPS)} transitions"
    ends = ", ".join(f"{name} {n:,}" for name, n in sorted(summary.outcomes.items()))
    yield f"dispenses, as the journal came to have them: {ends or 'none'}"
    if summary.choice.faults:
        yield ""
        yield "fault               fired  mattered"
    for fault in summary.choice.faults:
        yield f"{fault:<16} {summary.fired[fault]:8,}  {summary.mattered[fault]:8,}"
    yield ""
    yield f"trace hash {summary.hashed}"
    if summary.never_fired:
        yield f"never fired: {', '.join(summary.never_fired)}; more --visits, or fewer --faults"
    if not summary.violated:
        yield "no violation"


def _violation(result: Result, command: str) -> Iterator[str]:
    smallest = shrink(result)
    yield ""
    yield f"VIOLATED  {result.violation}"
    yield from result.where.splitlines()
    yield f"seed {result.plan.seed}, {result.plan.setting}; again: {command}"
    deeds = f"{len(smallest.plan.deeds)} of {len(result.plan.deeds)} deeds"
    yield f"in short, {deeds}: {command} --shrunk"
    yield ""
    yield from _trace(smallest)


def _trace(result: Result) -> Iterator[str]:
    yield from table(
        result.trace,
        violation=result.violation,
        colour=colours(sys.stdout, os.environ),
        width=shutil.get_terminal_size((100, 24)).columns,
    )
    yield ""
    yield f"plan: {result.plan}"
    yield f"trace hash {result.hash}"
    if not result.violation:
        yield "no violation"


class _Bar:
    """How far a campaign has come, on a terminal."""

    def __init__(self, visits: int, minutes: float | None) -> None:
        self._visits = visits
        self._minutes = minutes
        self._shown = -1

    def tell(self, summary: Summary) -> None:
        share = (
            summary.visits / self._visits
            if self._minutes is None
            else summary.took_s / (60 * self._minutes)
        )
        done = min(1000, int(1000 * share))
        if done != self._shown and sys.stderr.isatty():
            self._shown = done
            bar = "#" * (done * _BAR // 1000)
            sys.stderr.write(
                f"\r{done / 10:5.1f} % [{bar:<{_BAR}}] {summary.visits:,} visits,"
                f" {summary.visits_per_s:,.0f} per second "
            )
            sys.stderr.flush()

    def clear(self) -> None:
        if self._shown >= 0:
            sys.stderr.write("\r" + " " * 79 + "\r")
