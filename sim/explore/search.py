"""Breadth first through every situation, until there is no new one, or something is wrong."""

from dataclasses import dataclass

from sim.explore.alphabet import Alphabet
from sim.explore.coverage import Coverage
from sim.explore.graph import Arrow, Graph, Place
from sim.explore.judge import Judge
from sim.properties import Violation

Node = tuple[int, int]
"""A place, and what the watchers remember there, by their numbers."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a search."""

    states: int
    transitions: int
    refused: int
    """How many of the transitions were nonsense, and refused."""
    depth: int
    """How many steps away the farthest state is."""
    unfollowed: int
    """How many states were not followed any further; 0 if the search came to its end."""
    reached: Coverage
    wrong: str = ""
    """The property that does not hold, and what was seen; empty if all do."""
    path: tuple[Arrow, ...] = ()
    """A shortest way there."""


class Search:
    """One, through the situations of one machine."""

    def __init__(self, alphabet: Alphabet) -> None:
        self._graph = Graph(alphabet)
        self.core = self._graph.core
        """The core, and what it was asked."""
        self._judge = Judge(alphabet)
        self._numbers: dict[Place, int] = {}
        self._places: list[Place] = []
        self._arrows: dict[int, list[tuple[int, int, str]]] = {}
        """Where each leads, with which news, and what is wrong with it, by the place's number."""
        self._came: dict[Node, tuple[Node, int] | None] = {}
        """From which state and by which of its arrows each state was reached first."""
        self._transitions = 0
        self._refused = 0

    def run(self, depth: int | None = None) -> Found:
        """Follow every state, or those that are fewer than ``depth`` steps away."""
        start = self._number(self._graph.start()), self._judge.start
        self._came[start] = None
        front, steps = [start], 0
        while front and (depth is None or steps < depth):
            try:
                front = self._next(front)
            except _Wrong as wrong:
                return self._found(steps + 1, len(front), wrong.words, wrong.path)
            steps += 1
        return self._found(steps if front else steps - 1, len(front))

    def _next(self, front: list[Node]) -> list[Node]:
        """The states that are one step further, and new. Raises _Wrong."""
        following = []
        for node in front:
            place, watched = node
            arrows = self._arrows.get(place)
            if arrows is None:
                arrows = self._arrows[place] = self._numbered(place)
            refused = self._graph.refused(self._places[place])
            self._transitions += len(arrows) + refused
            self._refused += refused
            for index, (there, news, wrong) in enumerate(arrows):
                try:
                    after = there, self._judge.see(watched, news)
                except Violation as violation:
                    raise _Wrong(str(violation), self._path(node, index)) from violation
                if wrong:
                    raise _Wrong(wrong, self._path(node, index))
                if after not in self._came:
                    self._came[after] = node, index
                    following.append(after)
        return following

    def _numbered(self, place: int) -> list[tuple[int, int, str]]:
        return [
            (self._number(arrow.place), self._judge.number(arrow.news), arrow.wrong)
            for arrow in self._graph.arrows(self._places[place])
        ]

    def _number(self, place: Place) -> int:
        number = self._numbers.setdefault(place, len(self._places))
        if number == len(self._places):
            self._places.append(place)
        return number

    def _path(self, node: Node, index: int) -> tuple[Arrow, ...]:
        path = []
        came: tuple[Node, int] | None = node, index
        while came is not None:
            node, index = came
            path.append(self._graph.arrows(self._places[node[0]])[index])
            came = self._came[node]
        return tuple(reversed(path))

    def _found(
        self, depth: int, unfollowed: int, wrong: str = "", path: tuple[Arrow, ...] = ()
    ) -> Found:
        return Found(
            states=len(self._came),
            transitions=self._transitions,
            refused=self._refused,
            depth=depth,
            unfollowed=unfollowed,
            reached=Coverage.of(self.core.minds),
            wrong=wrong,
            path=path,
        )


class _Wrong(Exception):
    def __init__(self, words: str, path: tuple[Arrow, ...]) -> None:
        super().__init__(words)
        self.words = words
        self.path = path
