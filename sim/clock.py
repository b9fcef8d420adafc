"""Virtual time: it moves when somebody moves it, and when a driver sleeps."""


class VirtualClock:
    """A clock for simulations; see :class:`drivers.hal.Clock`."""

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def sleep_ms(self, span_ms: int) -> None:
        self._now_ms += span_ms

    def advance_to(self, now_ms: int) -> None:
        """Move on to ``now_ms``, or stay if that has passed. Never back."""
        self._now_ms = max(self._now_ms, now_ms)
