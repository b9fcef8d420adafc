"""Plays a scenario in a world, as fast as it goes, and says where it went otherwise."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from typing import Any

from controller.errors import JournalError
from sim import faults
from sim.deeds import DEEDS, LASTING, Hall, mend_everything
from sim.properties import Violation
from sim.reading import clock, span
from sim.run import logs
from sim.scenario import EVERYTHING, ExpectSection, Script, Step, WaitForSection
from sim.trace import Entered, Fell, OnWire, Seen
from sim.world import World


class End(Enum):
    """How a scenario ended."""

    PASSED = "passed"
    MISSED = "missed"
    """Something was not as expected, or a safety property was violated."""
    RAN_OUT = "ran out"
    """What was waited for did not come in time."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one."""

    script: Script
    end: End
    virtual_ms: int
    told: tuple[str, ...] = ()
    """Where it went otherwise, and how: a line for each thing."""
    violation: str = ""
    trace: tuple[Seen, ...] = ()


class _Otherwise(Exception):
    """A step did not find what it should; the lines say what."""

    def __init__(self, end: End, lines: list[str]) -> None:
        super().__init__(lines)
        self.end = end
        self.lines = lines


def play(script: Script) -> Played:
    """Play it from its beginning to its end, or to the first step that goes otherwise."""
    scenario = script.scenario
    config = scenario.machine.setting().config()
    with logs(), closing(World(config, scenario.seed)) as world:
        stage = Stage(world)
        end, violation = End.PASSED, ""
        told: tuple[str, ...] = ()
        try:
            stage.begin()
            for step in scenario.steps:
                stage.do(step)
        except _Otherwise as otherwise:
            end = otherwise.end
            told = (f"{script.place(stage.done)}: {step.verb}", *otherwise.lines)
        except Violation as error:
            end, violation = End.MISSED, str(error)
            told = (f"{script.place(stage.done)}: {step.verb}", f"violated: {error}")
        return Played(script, end, world.now_ms, told, violation, tuple(world.trace))


class Stage:
    """A world, its people, and what the last steps brought."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.hall = Hall(world)
        self.done = 0
        """How many steps."""
        self._since = 0
        """How much of the trace is older than the last step that did something, or ``wait``."""

    def begin(self) -> None:
        """The machine is started, and its code is on its screen."""
        self.world.boot()
        self.world.wait(1_000)

    def do(self, step: Step) -> None:
        """Raises _Otherwise, and Violation."""
        self._do(step)
        self.done += 1

    def _do(self, step: Step) -> None:
        said = getattr(step, step.verb)
        if not isinstance(said, ExpectSection):
            self._since = len(self.world.trace)
            self._act(step.verb, said)
        elif isinstance(said, WaitForSection):
            self._wait_for(said)
        else:
            self._expect(said)

    def _act(self, verb: str, said: Any) -> None:
        match verb:
            case "wait":
                self.world.wait(said)
            case "forward" | "race":
                DEEDS[verb](self.hall, said.visitor, said.other)
            case "load":
                DEEDS[verb](self.hall, said.slot, said.drinks)
            case "fault":
                self._break(said)
            case "mend" if said == EVERYTHING:
                mend_everything(self.hall)
            case "power":
                self._power(said)
            case "controller":
                self._controller(said)
            case _:
                DEEDS[verb](self.hall, said)

    # -- seeing ------------------------------------------------------------------------

    def _expect(self, expected: ExpectSection) -> None:
        wrong = list(self._wrong(expected))
        if wrong:
            raise _Otherwise(End.MISSED, wrong)

    def _wait_for(self, expected: WaitForSection) -> None:
        end_ms = self.world.now_ms + expected.within
        while wrong := list(self._wrong(expected)):
            if self.world.now_ms >= end_ms:
                told = f"waited {span(expected.within)}, until {clock(end_ms)}, and still:"
                raise _Otherwise(End.RAN_OUT, [told, *wrong])
            self._pass_to_what_is_next(end_ms)

    def _pass_to_what_is_next(self, end_ms: int) -> None:
        """Nothing that can be seen changes before that."""
        now_ms, next_ms = self.world.now_ms, self.world.next_ms()
        wake_ms = end_ms if next_ms is None else min(next_ms, end_ms)
        self.world.wait(max(1, wake_ms - now_ms))

    def _wrong(self, expected: ExpectSection) -> Iterator[str]:
        """What is not as ``expected``: a line each."""
        seen = {
            "state": self._state(),
            "reason": self._reason(),
            "page": self._page(expected.visitor),
            "outcome": self._outcome(),
            "fallen": sum(isinstance(each, Fell) for each in self.world.trace),
            "energised": [at for at, on in enumerate(self.world.board.coils, start=1) if on],
        }
        for key, is_so in seen.items():
            wanted = getattr(expected, key)
            if wanted is not None and is_so != wanted:
                yield _unlike(key, wanted, is_so)
        left = self.world.stock() if expected.stock else {}
        for slot, wanted in expected.stock or ():
            if wanted is not None and left.get(slot) != wanted:
                yield _unlike(f"stock of {slot}", wanted, left.get(slot))
        if expected.frame is not None and not self._was_on_wire(expected.frame):
            yield _unlike("frame", expected.frame, self._frames())
        if expected.no_frame is not None and self._was_on_wire(expected.no_frame):
            yield _unlike("no_frame", f"no {expected.no_frame}", self._frames())

    def _state(self) -> str:
        return "down" if self.world.controller is None else self.world.state.value

    def _reason(self) -> str | None:
        controller = self.world.controller
        reason = controller.runner.feed.status.reason if controller else None
        return reason.value if reason else None

    def _page(self, visitor: int) -> str | None:
        page = self.hall.pages.get(visitor)
        return page.word.value if page else None

    def _outcome(self) -> str | None:
        entered = (seen for seen in reversed(self.world.trace) if isinstance(seen, Entered))
        last = next(entered, None)
        return last.outcome if last else None

    def _was_on_wire(self, said: str) -> bool:
        plain = said.replace(" ", "").lower()
        return any(plain == frame.data.hex() or said in frame.meaning for frame in self._heard())

    def _heard(self) -> list[OnWire]:
        return [seen for seen in self.world.trace[self._since :] if isinstance(seen, OnWire)]

    def _frames(self) -> str:
        frames = [f"{frame.data.hex(' ').upper()} ({frame.meaning})" for frame in self._heard()]
        return ", ".join(frames) or "silence on the wire"

    # -- doing -------------------------------------------------------------------------

    def _power(self, what: str) -> None:
        match what:
            case "cut":
                self.world.cut_power()
            case "cut_at_on":
                self.world.cut_power_when = lambda switched: switched.on
            case "back":
                self._start()

    def _controller(self, what: str) -> None:
        if what == "start":
            self._start()
        elif self.world.controller is not None:
            self.world.kill() if what == "kill" else self.world.stop()

    def _start(self) -> None:
        self.world.cut_power_when = lambda switched: False
        if self.world.controller is None:
            try:
                self.world.boot()
            except JournalError as error:
                raise _Otherwise(End.MISSED, [f"the controller can't start: {error}"]) from error

    def _break(self, name: str) -> None:
        why_not = "" if name in LASTING else self.world.board.why_not(faults.switch(name))
        if why_not:
            raise _Otherwise(End.MISSED, [f"{name}: {why_not}"])
        DEEDS["throw"](self.hall, name)


def _unlike(what: str, wanted: object, seen: object) -> str:
    """As two lines, so that one is read above the other."""
    return f"{what:<15} expected   {_said(wanted)}\n{'':15} but it is  {_said(seen)}"


def _said(value: object) -> str:
    match value:
        case None | []:
            return "none"
        case list():
            return ", ".join(map(str, value))
    return str(value)
