"""Ends a pulse should the loop not come to it: the loop's own deadline, from outside of the loop.

A disk that hangs, or a fault of our own, can stall the loop while a relay is
energised that nothing but this program switches off. Armed before each ON;
disarmed when OFF was told.
"""

import logging
import threading
from collections.abc import Callable

from drivers.hal import Clock, RelayError

log = logging.getLogger("quench")

MARGIN_MS = 500
"""How much later than the loop it steps in: enough for the slowest driver to be under way."""


class Watchdog:
    """At most one pulse at a time. Threads may share it; ``bite`` never waits for the loop."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._due_ms: int | None = None
        self._off: Callable[[], object] | None = None
        self._ended = False

    def arm(self, end_ms: int, off: Callable[[], object]) -> None:
        """Call ``off`` when it is MARGIN_MS later than ``end_ms``, unless disarmed before."""
        with self._news:
            self._due_ms, self._off = end_ms + MARGIN_MS, off
            self._news.notify()

    def disarm(self) -> None:
        """The relay was told OFF."""
        with self._news:
            self._due_ms = self._off = None

    def bite(self, now_ms: int) -> bool:
        """Tell the relay OFF if that is overdue at ``now_ms``; whether it was."""
        due_ms = self._due_ms
        if due_ms is None or now_ms < due_ms:
            return False
        with self._news:  # The loop may have come to it meanwhile.
            off = self._off
            if off is None or self._due_ms is None or now_ms < self._due_ms:
                return False
            self._due_ms = self._off = None
        try:
            off()
        except RelayError as error:
            log.critical("the loop is stalled, and the relay could not be told OFF: %s", error)
        else:
            log.critical("the loop is stalled: the watchdog told the relay OFF")
        return True

    def run(self, clock: Clock) -> None:
        """Watch until :meth:`end`: the body of a thread."""
        while True:
            with self._news:
                if self._ended:
                    return
                left_ms = None if self._due_ms is None else self._due_ms - clock.now_ms()
                if left_ms is None or left_ms > 0:
                    self._news.wait(None if left_ms is None else left_ms / 1000)
                    continue
            self.bite(clock.now_ms())

    def end(self) -> None:
        """Let :meth:`run` return."""
        with self._news:
            self._ended = True
            self._news.notify()
