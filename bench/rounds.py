"""Two measurements taken in turn, so that what else the machine does falls on both alike."""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from statistics import median

from sim.campaign import AFRESH

PROCESSES = 5
"""So many tell how a figure differs from one to the next."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """One value of ours and one of the baseline's for each round, in order."""

    ours: tuple[float, ...]
    bare: tuple[float, ...]

    @classmethod
    def of(cls, pairs: Iterable[tuple[float, float]]) -> "Pairs":
        ours, bare = zip(*pairs, strict=True)
        return cls(ours, bare)

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios, ours to the baseline's."""
        return median(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))

    @property
    def our_median(self) -> float:
        return median(self.ours)

    @property
    def bare_median(self) -> float:
        return median(self.bare)


def alternate(
    rounds: int, ours: Callable[[], float], bare: Callable[[], float], *, warm_up: int = 1
) -> Pairs:
    """``rounds`` of ours, bare, ours, bare, ...; ``warm_up`` more rounds go before, uncounted."""
    for _ in range(warm_up):
        ours()
        bare()
    return Pairs.of((ours(), bare()) for _ in range(rounds))


def in_processes(measure: Callable[[], Pairs]) -> Pairs:
    """The rounds of PROCESSES processes, one after the other.

    Where a process's memory happens to lie makes it quicker or slower than the next, by some
    percent, in all its rounds.
    """
    with ProcessPoolExecutor(1, AFRESH, max_tasks_per_child=1) as pool:
        each = [pool.submit(measure).result() for _ in range(PROCESSES)]
    return Pairs(
        tuple(chain.from_iterable(pairs.ours for pairs in each)),
        tuple(chain.from_iterable(pairs.bare for pairs in each)),
    )
