"""One run of a plan: what was seen, what it covered, and whether a property was violated."""

import gc
import logging
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from controller.commands import Command, Refuse
from controller.events import Event
from controller.machine import Machine
from controller.table import TABLE, State
from sim import properties, trace
from sim.deeds import Deed, Hall, at_rest, boot, mend_everything
from sim.plan import Plan
from sim.properties import MARGIN_MS, Violation
from sim.trace import Seen
from sim.world import World

STEP_MS = 1_000
"""How often it is looked, at the end, whether the machine is at rest."""

SECRETS = 8
"""How many of the tokens of a run are looked for in its files and logs."""

Step = tuple[State, str, State]

STEPS: frozenset[Step] = frozenset(
    (source, row.trigger, row.dest or source) for row in TABLE for source in row.sources
)
"""Every transition that the table has."""


@dataclass(frozen=True, slots=True)
class Result:
    """What is kept of a run. Counters are by name."""

    plan: Plan
    visits: int
    virtual_ms: int
    hash: str
    fired: Counter[str]
    mattered: Counter[str]
    outcomes: Counter[str]
    steps: frozenset[Step]
    instants: tuple[int, ...]
    """How many instants passed, each time that a crash was to come."""
    violation: str = ""
    """What was violated, when and how; empty if nothing was."""
    where: str = ""
    """The controller's own fault, if that was it."""
    trace: Sequence[Seen] = field(default=(), repr=False)

    @property
    def broke(self) -> str:
        """The name of the property that was violated."""
        return self.violation.partition(":")[0]


def run(plan: Plan, *, keep: bool = False, then: Callable[[World], None] | None = None) -> Result:
    """Do what ``plan`` says. ``keep`` the trace; ``then`` is called with the world at its end."""
    with _no_cycles():
        return _run(plan, keep, then)


def _run(plan: Plan, keep: bool, then: Callable[[World], None] | None) -> Result:
    steps = _Steps()
    world = World(plan.setting.config(), plan.seed, listeners=[steps.listen])
    steps.world, hall = world, Hall(world)
    violation = where = ""
    with logs() as said:
        try:
            _live(hall, plan.deeds)
            _judge(hall, said)
        except Violation as error:
            violation = str(error)
        except Exception as error:  # whatever it is, the seed says how to see it again
            violation = f"the controller broke: at {world.now_ms} ms: {error!r}"
            where = traceback.format_exc()
        finally:
            if then is not None:
                then(world)
            outcomes = Counter(
                seen.outcome for seen in world.trace if isinstance(seen, trace.Entered)
            )
            hall.settle()
            world.close()
    return Result(
        plan=plan,
        visits=sum(deed.what in ("scan", "preview", "gone") for deed in plan.deeds),
        virtual_ms=world.now_ms,
        hash=trace.digest(world.trace),
        fired=hall.fired,
        mattered=hall.mattered,
        outcomes=outcomes,
        steps=frozenset(steps.taken),
        instants=tuple(world.instants.counts),
        violation=violation,
        where=where,
        trace=world.trace if keep else (),
    )


def _live(hall: Hall, deeds: Sequence[Deed]) -> None:
    for deed in deeds:
        hall.do(deed)
    mend_everything(hall)
    boot(hall)
    world = hall.world
    end_ms = world.now_ms + world.limits.longest_ms + MARGIN_MS
    while not at_rest(hall):
        if world.now_ms > end_ms:
            raise Violation(f"S7 it always comes back: at {world.now_ms} ms: not at rest at last")
        world.wait(STEP_MS)
    world.wait(STEP_MS)


def _judge(hall: Hall, said: Sequence[str]) -> None:
    """What can be seen at the end only."""
    world = hall.world
    world.look_anew()
    haystacks = [*world.disk.files().items(), ("the log", "\n".join(said).encode())]
    step = max(1, len(hall.tokens) // SECRETS)
    for found in properties.recorded(haystacks, hall.tokens[::step]):
        raise Violation(f"S6 nobody is recorded: at {world.now_ms} ms: {found}")


@contextmanager
def _no_cycles() -> Iterator[None]:
    """Nothing looks for cycles: a run makes few, and what it keeps would be gone through again
    and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class _Steps:
    """Which transitions were taken."""

    def __init__(self) -> None:
        self.taken: set[Step] = set()
        self.world: World | None = None
        self._machine: Machine | None = None
        self._state = State.OUT_OF_SERVICE

    def listen(self, now_ms: int, event: Event, commands: Sequence[Command]) -> None:
        assert self.world is not None
        assert self.world.controller is not None, "it speaks"
        machine = self.world.controller.runner.machine
        if machine is not self._machine:
            self._machine, self._state = machine, State.OUT_OF_SERVICE
        step = (self._state, event.trigger, machine.state)
        if step in STEPS and not (commands and isinstance(commands[-1], Refuse)):
            self.taken.add(step)
        self._state = machine.state


@contextmanager
def logs() -> Iterator[list[str]]:
    """What the controller logs, in place of the terminal."""
    log = logging.getLogger("quench")
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    keep = Keep()
    level, propagate = log.level, log.propagate
    log.addHandler(keep)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield lines
    finally:
        log.removeHandler(keep)
        log.setLevel(level)
        log.propagate = propagate
