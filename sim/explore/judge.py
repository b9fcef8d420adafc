"""The watchers of ``sim.properties``, and what they remember, as numbers.

Each is asked the same only once: what it remembers after some news depends on what it
remembered before, and on nothing else.
"""

from typing import Any, NamedTuple

from sim.explore.alphabet import Alphabet
from sim.explore.mind import NOW_MS
from sim.properties import WATCHERS, Violation, Watcher
from sim.retelling import Retelling
from sim.trace import Seen

Names = tuple[tuple[tuple[str, str], tuple[str, str]], ...]


class News(NamedTuple):
    """What the watchers are to take in, and how they are to remember it; see Retelling."""

    seen: tuple[Seen, ...] = ()
    passed_ms: int = 0
    settled: bool = False
    """Whether time has passed with nothing on its way, so that they ask what is overdue."""
    pages: Names = ()
    newer: int = 0
    running: frozenset[int] = frozenset()
    open: frozenset[int] = frozenset()
    latest: int = 0

    def retelling(self) -> Retelling:
        return Retelling(
            now_ms=NOW_MS,
            passed_ms=self.passed_ms,
            pages=dict(self.pages),
            newer=self.newer,
            running=self.running,
            open=self.open,
            latest=self.latest,
        )


class Judge:
    """All watchers together."""

    def __init__(self, alphabet: Alphabet) -> None:
        limits = alphabet.limits()
        self._benches = [_Bench(watcher(limits)) for watcher in WATCHERS]
        self._news: dict[News, int] = {}
        self._all_news: list[News] = []
        self._numbers: dict[tuple[int, ...], int] = {}
        self._memories: list[tuple[int, ...]] = []
        self._verdicts: dict[tuple[int, int], int] = {}
        self.start = self._number((0,) * len(self._benches))

    def number(self, news: News) -> int:
        """The number of these news."""
        number = self._news.setdefault(news, len(self._all_news))
        if number == len(self._all_news):
            self._all_news.append(news)
        return number

    def see(self, watched: int, news: int) -> int:
        """What is remembered after ``news``, if ``watched`` was. Raises Violation."""
        known = self._verdicts.get((watched, news))
        if known is None:
            told = self._all_news[news]
            memories = [
                bench.see(memory, news, told)
                for bench, memory in zip(self._benches, self._memories[watched], strict=True)
            ]
            known = self._verdicts[watched, news] = self._number(tuple(memories))
        return known

    def _number(self, memories: tuple[int, ...]) -> int:
        number = self._numbers.setdefault(memories, len(self._memories))
        if number == len(self._memories):
            self._memories.append(memories)
        return number


class _Bench:
    """One watcher."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._looks = watcher.looks()
        self._numbers: dict[object, int] = {}
        self._memories: list[dict[str, Any]] = []
        self._verdicts: dict[tuple[int, int], int] = {}
        self._number()

    def see(self, memory: int, number: int, news: News) -> int:
        known = self._verdicts.get((memory, number))
        if known is None:
            known = self._verdicts[memory, number] = self._see(memory, news)
        return known

    def _see(self, memory: int, news: News) -> int:
        watcher = self._watcher
        vars(watcher).update(_copied(self._memories[memory]))
        for seen in news.seen:
            look = self._looks.get(type(seen))
            if look is not None:
                self._complain(look(seen))
        watcher.retell(news.retelling())
        if news.settled:
            self._complain(watcher.at(NOW_MS))
        return self._number()

    def _complain(self, wrong: str | None) -> None:
        if wrong is not None:
            raise Violation(f"{self._watcher.name}: {wrong}")

    def _number(self) -> int:
        """The number of what the watcher remembers now."""
        memory = {name: part for name, part in vars(self._watcher).items() if name != "limits"}
        number = self._numbers.setdefault(_frozen(memory), len(self._memories))
        if number == len(self._memories):
            self._memories.append(_copied(memory))
        return number


def _copied(memory: Any) -> Any:
    match memory:
        case dict():
            return {key: _copied(value) for key, value in memory.items()}
        case list() | set():
            return memory.copy()
    return memory


def _frozen(memory: Any) -> object:
    match memory:
        case dict():
            return frozenset([(key, _frozen(value)) for key, value in memory.items()])
        case list():
            return tuple(memory)
        case set():
            return frozenset(memory)
    return memory
