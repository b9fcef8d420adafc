"""A crowd that comes to a machine by itself, and the operator who fills it when it is empty."""

import heapq
from collections.abc import Callable
from random import Random

from sim.deeds import Deed
from sim.visitors import VISITORS, Dice, Visitor

MOST_PER_HOUR = 3_600
"""More than one in a second don't fit in front of a machine."""

_WEIGHTS = (8, 1, 1, 1, 1, 2, 1, 1)
"""Most are patient."""

ROUND_MS = 60_000
"""So often the operator who comes with a crowd looks whether a slot is empty."""

HOUR_MS = 3_600_000


class Crowd:
    """Visitors at random moments, of all kinds. It says what they do, and does nothing itself."""

    def __init__(
        self,
        seed: int,
        dwell_ms: int,
        new_visitor: Callable[[], int],
        empty: Callable[[], list[tuple[str, int]]],
    ) -> None:
        """``new_visitor`` gives each its number; ``empty`` tells the slots that have no drink
        left, and how many fit in."""
        self._dice = Dice(Random(seed), dwell_ms)  # noqa: S311
        self._new_visitor, self._empty = new_visitor, empty
        self._deeds: list[tuple[int, int, Deed]] = []
        """A heap by time, then by the order in which they were thought of."""
        self._thought_of = 0
        self._comes_ms: int | None = None
        self._round_ms: int | None = None
        self.per_hour = 0.0

    def come(self, per_hour: float, now_ms: int) -> None:
        """From ``now_ms`` on so many visitors an hour, 0 to MOST_PER_HOUR."""
        self.per_hour = per_hour
        self._comes_ms = None
        self._round_ms = now_ms + ROUND_MS if per_hour else None
        self._await_next(now_ms)

    def next_ms(self) -> int | None:
        """When somebody will do something, or None for never."""
        times = (self._deeds[0][0] if self._deeds else None, self._comes_ms, self._round_ms)
        return min((each for each in times if each is not None), default=None)

    def take(self, now_ms: int) -> Deed | None:
        """What somebody does by ``now_ms``, one after the other; None when that was all."""
        while self._comes_ms is not None and self._comes_ms <= now_ms:
            (kind,) = self._dice.random.choices(VISITORS, _WEIGHTS)
            self.send(kind, self._comes_ms)
            self._await_next(self._comes_ms)
        while self._round_ms is not None and self._round_ms <= now_ms:
            for slot in self._empty():
                self.plan(Deed(self._round_ms, "load", slot))
            self._round_ms += ROUND_MS
        if self._deeds and self._deeds[0][0] <= now_ms:
            return heapq.heappop(self._deeds)[2]
        return None

    def send(self, kind: Visitor, now_ms: int) -> None:
        """One of them comes at that moment."""
        for deed in kind(self._dice, self._new_visitor(), now_ms):
            self.plan(deed)

    def plan(self, deed: Deed) -> None:
        """Somebody will do that."""
        self._thought_of += 1
        heapq.heappush(self._deeds, (deed.at_ms, self._thought_of, deed))

    def _await_next(self, now_ms: int) -> None:
        if self.per_hour:
            gap_ms = self._dice.random.expovariate(self.per_hour / HOUR_MS)
            self._comes_ms = now_ms + max(1, int(gap_ms))
