"""Where an exploration went: a search that never saw something proves nothing of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from controller.commands import (
    AllOff,
    Command,
    Dispense,
    EndPulse,
    NewCode,
    Refusal,
    Refuse,
    Settle,
)
from controller.events import EVENTS, DeadlinePassed, Event, Outcome
from controller.machine import Reason
from controller.table import TABLE, State
from sim.explore.mind import Mind, Thought, deadline_first

_ASKS_FOR: dict[str, type[Command]] = {
    "begin_dispense": Dispense,
    "begin_another_try": Dispense,
    "end_pulse": EndPulse,
    "settle": Settle,
    "settle_try": Settle,
    "new_code": NewCode,
    "all_off": AllOff,
}
"""The effects that ask for something; the others only renew the memory."""

Line = tuple[str, State, State, tuple[type[Command], ...]]
"""A row of the table from one of its sources, as it shows: event, from, to, asks for."""

LINES: tuple[Line, ...] = tuple(
    (
        row.trigger,
        source,
        row.dest or source,
        tuple(_ASKS_FOR[name] for name in row.effects if name in _ASKS_FOR),
    )
    for row in TABLE
    for source in row.sources
)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a search has reached, out of what there is."""

    states: frozenset[State]
    lines: frozenset[Line]
    events: frozenset[type[Event]]
    outcomes: frozenset[Outcome]
    reasons: frozenset[Reason]
    refusals: frozenset[Refusal]

    @classmethod
    def of(cls, minds: Iterable[Mind]) -> "Coverage":
        """What these did when they were asked."""
        asked = [
            (mind, event, thought) for mind in minds for event, thought in mind.thoughts.items()
        ]
        commands = [command for *_, thought in asked for command in thought.commands]
        return cls(
            states=frozenset(mind.state for mind, *_ in asked),
            lines=frozenset(line for each in asked for line in _line(*each)),
            events=frozenset(type(event) for _, event, thought in asked if not thought.refused),
            outcomes=frozenset(each.outcome for each in commands if isinstance(each, Settle)),
            reasons=frozenset(thought.reason for *_, thought in asked if thought.reason),
            refusals=frozenset(each.why for each in commands if isinstance(each, Refuse)),
        )

    def __or__(self, other: "Coverage") -> "Coverage":
        return Coverage(
            self.states | other.states,
            self.lines | other.lines,
            self.events | other.events,
            self.outcomes | other.outcomes,
            self.reasons | other.reasons,
            self.refusals | other.refusals,
        )

    def counts(self) -> dict[str, tuple[int, int]]:
        """How many of how many."""
        kinds: dict[str, tuple[frozenset[object], Iterable[object]]] = {
            "states": (self.states, State),
            "lines of the table": (self.lines, LINES),
            "events": (self.events, EVENTS),
            "outcomes": (self.outcomes, Outcome),
            "reasons": (self.reasons, Reason),
            "refusals": (self.refusals, Refusal),
        }
        return {name: (len(there), len(list(all_))) for name, (there, all_) in kinds.items()}


def _line(mind: Mind, event: Event, thought: Thought) -> Iterator[Line]:
    """The line that was taken, unless a deadline's went before it or it was refused."""
    two = deadline_first(mind, event) and not isinstance(event, DeadlinePassed)
    if not thought.refused and not two:
        asked = tuple(type(command) for command in thought.commands)
        yield event.trigger, mind.state, thought.mind.state, asked
