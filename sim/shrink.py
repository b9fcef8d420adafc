"""Thins out a run that violates a property, until every deed that is left matters.

Source: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 2002.
"""

from dataclasses import replace

from sim.deeds import Deed
from sim.run import Result, run

MOST_RUNS = 400
"""After so many a small plan is small enough."""


def shrink(result: Result, *, most_runs: int = MOST_RUNS) -> Result:
    """The smallest run that was found to violate the same property as ``result`` does, with its
    trace. The same result comes to the same.
    """
    return _Shrinking(result, most_runs).smallest()


class _Shrinking:
    def __init__(self, result: Result, most_runs: int) -> None:
        self._broke = result.broke
        self._plan = result.plan
        self._left = most_runs

    def smallest(self) -> Result:
        deeds = self._until_it_broke(self._plan.deeds)
        parts = 2
        while len(deeds) > 1 and self._left:
            fewer = self._without_a_part(deeds, parts)
            if fewer is not None:
                deeds, parts = fewer, max(2, parts - 1)
            elif parts >= len(deeds):
                break
            else:
                parts = min(len(deeds), 2 * parts)
        return run(replace(self._plan, deeds=deeds), keep=True)

    def _until_it_broke(self, deeds: tuple[Deed, ...]) -> tuple[Deed, ...]:
        """What came after the violation can't have led to it."""
        low, high = 0, len(deeds)
        while low < high and self._left:
            middle = (low + high) // 2
            low, high = (low, middle) if self._breaks(deeds[:middle]) else (middle + 1, high)
        return deeds[:high]

    def _without_a_part(self, deeds: tuple[Deed, ...], parts: int) -> tuple[Deed, ...] | None:
        size = -(-len(deeds) // parts)
        for begin in range(0, len(deeds), size):
            fewer = deeds[:begin] + deeds[begin + size :]
            if fewer and self._breaks(fewer):
                return fewer
        return None

    def _breaks(self, deeds: tuple[Deed, ...]) -> bool:
        if not self._left:
            return False
        self._left -= 1
        return run(replace(self._plan, deeds=deeds)).broke == self._broke
