"""Real time for a session: how fast it goes, and who may touch it meanwhile.

One thread runs it and owns the session. Others leave what they want done, and wait for it:
while it stands still, too.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from drivers.hal import Clock
from sim.session import Session

FASTEST = 10_000
"""Of the speeds that are kept."""

AS_FAST_AS_IT_GOES = 0.0
"""In place of a speed: nobody waits for time to pass."""

HASTE_MS = 1_000
"""So much virtual time passes at once; then those who wait are heard."""

IDLE_S = 0.2
"""How often the loop looks up when there is nothing to do."""

T = TypeVar("T")


@dataclass(slots=True)
class _Wish:
    do: Callable[[], Any]
    answer: "Future[Any]"


class Pace:
    """Moves a session by ``clock``: ``speed`` virtual milliseconds for each real one."""

    _session: Session

    def __init__(self, clock: Clock, speed: float = 1.0) -> None:
        self._clock = clock
        self._wishes: queue.SimpleQueue[_Wish] = queue.SimpleQueue()
        self.speed = speed
        """See :meth:`set`."""
        self.paused = False
        """See :meth:`pause`."""
        self._from_ms = (0, 0)
        """A moment of both times, from which to count."""
        self._thread = threading.get_ident()

    # -- any thread --------------------------------------------------------------------

    def ask(self, do: Callable[[], T]) -> T:
        """What ``do`` returns, or raises, done by the thread that owns the session.

        For those that end before :meth:`run` does: nobody answers after that.
        """
        if threading.get_ident() == self._thread:
            return do()
        return self.wish(do).result()

    def wish(self, do: Callable[[], T]) -> "Future[T]":
        """The same for those who can't wait. Who cancels the answer doesn't want it done."""
        answer: Future[T] = Future()
        self._wishes.put(_Wish(do, answer))
        return answer

    def wake(self) -> None:
        """Let the loop look up: something outside has changed."""
        self._wishes.put(_Wish(lambda: None, Future()))

    # -- its own thread ----------------------------------------------------------------

    def play(self, session: Session) -> None:
        """From now on this one."""
        self._session = session
        self._count_from_here()

    def set(self, speed: float) -> None:
        """From now on so fast."""
        self._catch_up()
        self.speed = speed
        self._count_from_here()

    def pause(self, paused: bool = True) -> None:
        """Stand still, or go on."""
        self._catch_up()
        self.paused = paused
        self._count_from_here()

    def step(self) -> None:
        """Stand still, and let happen what happens next."""
        self.pause()
        next_ms = self._session.next_ms()
        if next_ms is not None:
            self._session.pass_to(max(next_ms, self._session.now_ms + 1))
        self._count_from_here()

    def run(
        self, stopping: Callable[[], bool], after_each: Callable[[], None] = lambda: None
    ) -> None:
        """Until ``stopping()``, which is asked at every turn; :meth:`wake` makes one."""
        self._thread = threading.get_ident()
        self._count_from_here()
        while not stopping():
            self.turn()
            after_each()

    def turn(self, most_s: float = IDLE_S) -> None:
        """Do what somebody wants done, or wait for it until something happens by itself."""
        try:
            self._grant(self._wishes.get(timeout=min(self._wait_s(), most_s)))
        except queue.Empty:
            self._catch_up()

    def _grant(self, wish: _Wish) -> None:
        self._catch_up()
        if not wish.answer.set_running_or_notify_cancel():
            return
        try:
            wish.answer.set_result(wish.do())
        except Exception as error:
            wish.answer.set_exception(error)

    def _wait_s(self) -> float:
        """How long nothing will happen by itself."""
        if self.paused:
            return IDLE_S
        if self.speed == AS_FAST_AS_IT_GOES:
            return 0.0
        next_ms = self._session.next_ms()
        if next_ms is None:
            return IDLE_S
        left_ms = (next_ms - self._due_ms()) / self.speed
        return min(max(left_ms / 1_000, 0.0), IDLE_S)

    def _catch_up(self) -> None:
        """Let the session pass to the moment that it should be at."""
        if not self.paused:
            fastest = self._session.now_ms + HASTE_MS
            at_once = self.speed == AS_FAST_AS_IT_GOES
            self._session.pass_to(fastest if at_once else min(self._due_ms(), fastest))

    def _due_ms(self) -> int:
        real_ms, virtual_ms = self._from_ms
        return virtual_ms + int((self._clock.now_ms() - real_ms) * self.speed)

    def _count_from_here(self) -> None:
        self._from_ms = (self._clock.now_ms(), self._session.now_ms)
