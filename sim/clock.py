"""Virtual time: it moves when somebody moves it, and when a driver sleeps."""

from collections.abc import Callable


class VirtualClock:
    """A clock for simulations; see :class:`drivers.hal.Clock`.

    ``next_ms`` says when somebody wants to look next, wherever time is spent, and
    ``look`` is called at that moment.
    """

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms
        self.next_ms: Callable[[], int | None] = lambda: None
        self.look: Callable[[], None] = lambda: None

    def now_ms(self) -> int:
        return self._now_ms

    def sleep_ms(self, span_ms: int) -> None:
        self.advance_to(self._now_ms + span_ms)

    def advance_to(self, now_ms: int) -> None:
        """Move on to ``now_ms``, or stay if that has passed. Never back."""
        if now_ms <= self._now_ms:
            return
        while (next_ms := self.next_ms()) is not None and self._now_ms < next_ms <= now_ms:
            self._now_ms = next_ms
            self.look()
        self._now_ms = now_ms
