"""What follows from what: the arrows from one situation to the next."""

from collections.abc import Iterator
from typing import NamedTuple

from controller.commands import Command
from controller.events import Event
from controller.machine import Reason
from sim.explore import books
from sim.explore.alphabet import Alphabet
from sim.explore.answers import Answers
from sim.explore.around import Around
from sim.explore.judge import News
from sim.explore.mind import NOW_MS, Core, Mind, Thought, deadline_first
from sim.explore.moves import Move, Moves
from sim.explore.nonsense import nonsense
from sim.explore.situation import tell
from sim.explore.turn import Turn
from sim.trace import Booted, StateSeen, Weather

Place = tuple[Mind | None, Around]
"""A situation, but for what the watchers remember. Without a mind no controller runs."""


class Arrow(NamedTuple):
    """One thing that happens, and what comes of it."""

    words: tuple[str, ...]
    event: Event | None
    commands: tuple[Command, ...]
    passed_ms: int
    place: Place
    news: News
    wrong: str
    """What is wrong whatever the watchers remember; empty if nothing is."""


class Graph:
    """The situations of one machine."""

    def __init__(self, alphabet: Alphabet) -> None:
        self.core = Core(alphabet)
        self._alphabet = alphabet
        self._answers = Answers(alphabet)
        self._moves = Moves(alphabet, self._answers)
        self._nonsense: dict[Mind, tuple[list[Event], int]] = {}

    def start(self) -> Place:
        """A full machine, switched off."""
        return None, Around(stock=self._alphabet.holds)

    def arrows(self, place: Place) -> list[Arrow]:
        """Everything that can happen, always in the same order."""
        return [*self._sensible(place), *self._senseless(place)]

    def refused(self, place: Place) -> int:
        """How many events that nobody can mean were refused there, as they should be."""
        return self._asked(place)[1]

    def _sensible(self, place: Place) -> Iterator[Arrow]:
        mind, around = place
        if mind is None:
            yield self._boot(around)
            for move in self._moves.of_the_board(around):
                yield self._arrow(around, None, move.turn, move)
            return
        for move in self._moves.of(mind, around):
            yield from self._follow(mind, around, move)

    def _senseless(self, place: Place) -> Iterator[Arrow]:
        mind, around = place
        for event in self._asked(place)[0]:
            assert mind is not None, "nobody else takes anything"
            yield from self._follow(mind, around, Move(Turn(around), event))

    def _asked(self, place: Place) -> tuple[list[Event], int]:
        """The nonsense that the core takes all the same, and how much it refuses."""
        mind, around = place
        if mind is None or mind.due or around.owed or around.news is not None:
            return [], 0
        if mind not in self._nonsense:
            events = list(nonsense(mind))
            thoughts = {event: self.core.hear(mind, event) for event in events}
            taken = [
                event
                for event, thought in thoughts.items()
                if not (thought.refused and thought.mind.same(mind))
            ]
            self._nonsense[mind] = taken, len(events) - len(taken)
        return self._nonsense[mind]

    def _boot(self, around: Around) -> Arrow:
        """As ``controller.assembly`` does: what is open on disk is unknown from now on."""
        unknown = around.unknown + len(around.open)
        turn = Turn(around._replace(alive=True, unknown=unknown, open=()))
        turn = turn.but("a controller starts", Booted(NOW_MS))
        born = Thought(self.core.born(around.stock, unknown), (), Reason.STARTING)
        return self._arrow(around, born, turn, Move(turn))

    def _follow(self, mind: Mind, around: Around, move: Move) -> Iterator[Arrow]:
        turn, event = move.turn, move.event
        if event is None:
            thought = Thought(mind) if turn.around.alive else None
            yield self._arrow(around, thought, turn, move)
            return
        if turn.around.open:
            looked = self._alphabet.rules.senses_drop and deadline_first(mind, event)
            heard = [books.heard(each, event, looked) for each in turn.around.open]
            turn = turn.but(open=tuple(heard))
        thought = self.core.hear(mind, event)
        for end in self._answers.carry_out(thought.commands, turn):
            arrow = self._arrow(around, thought, end, move)
            if thought.refused and not (mind.due or thought.mind.same(mind)):
                arrow = arrow._replace(wrong="a refused event has changed the core")
            yield arrow

    def _arrow(self, before: Around, thought: Thought | None, turn: Turn, move: Move) -> Arrow:
        around, mind, wrong = turn.around, None, ""
        seen = turn.seen
        if around.fair != before.fair or not before.alive:
            seen += (Weather(NOW_MS, around.fair),)
        if thought is not None and around.alive:
            mind = thought.mind
            published = not around.owed and (move.event is not None or not before.alive)
            if published:
                wrong = books.compared(mind, around)
                look = books.seen(self._alphabet.slots, before, turn)
                seen += (look, StateSeen(NOW_MS, mind.state, thought.reason))
        mind, around, news = tell(self.core, mind, turn._replace(seen=seen), move.passed_ms)
        commands = () if thought is None else thought.commands
        return Arrow(turn.words, move.event, commands, move.passed_ms, (mind, around), news, wrong)
