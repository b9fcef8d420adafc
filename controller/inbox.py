"""The one way from other threads into the loop: bounded, and it never blocks the sender."""

import queue
from collections.abc import Callable
from typing import NamedTuple

from controller.events import Event

CAPACITY = 2048
"""More taps than a hall can make in the second that the slowest write may take."""


class Letter(NamedTuple):
    """Events to be applied one after the other; then ``done`` is called in the loop's thread."""

    events: tuple[Event, ...]
    done: Callable[[], None] | None = None


class Inbox:
    """Letters in the order in which they came."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        # Its put may be called from a signal handler that interrupted its get.
        self._letters: queue.SimpleQueue[Letter] = queue.SimpleQueue()

    def put(self, letter: Letter) -> bool:
        """Leave ``letter``; False if the box is full, and then nothing was taken."""
        if self._letters.qsize() >= self._capacity:
            return False
        self._letters.put(letter)
        return True

    def take(self, wait_ms: int) -> Letter | None:
        """The next letter, waiting up to ``wait_ms`` for it."""
        if wait_ms <= 0 and self._letters.empty():
            return None
        try:
            return (
                self._letters.get(timeout=wait_ms / 1000)
                if wait_ms > 0
                else self._letters.get_nowait()
            )
        except queue.Empty:
            return None
