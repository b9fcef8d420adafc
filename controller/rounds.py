"""When a part is looked at: in a round while it is well, less and less often while it is not."""

ROUND_MS = 1_000
"""How often the relay's cable and the journal's other writers are looked at, on the second:
the computer wakes up once for all."""
RETRY_FIRST_MS = 250
RETRY_MOST_MS = 2_000
"""A lost part is tried again after the first span, then twice as long each time, up to the most."""


_NEVER_MS = 1 << 62


class Round:
    """The next look at one part."""

    def __init__(self) -> None:
        self.due_ms = 0
        self._span_ms = RETRY_FIRST_MS
        self._tried = False

    def is_due(self, now_ms: int) -> bool:
        if self._tried:
            # Counted from the end of a try, which may have taken longer than the wait itself:
            # a dead board must not keep the loop from everybody else.
            self.due_ms = now_ms + self._span_ms
            self._span_ms = min(2 * self._span_ms, RETRY_MOST_MS)
            self._tried = False
        return now_ms >= self.due_ms

    def again(self, now_ms: int) -> None:
        """The part is there: the usual round, at one moment with all others that are well."""
        self._span_ms = RETRY_FIRST_MS
        self.due_ms = now_ms - now_ms % ROUND_MS + ROUND_MS

    def soon(self, now_ms: int) -> None:
        """The part is there, and something is odd: look once more before long."""
        self._span_ms = RETRY_FIRST_MS
        self.due_ms = now_ms + RETRY_FIRST_MS

    def retry(self) -> None:
        """Not yet: wait longer each time, from the next look on."""
        self._tried = True
        self.due_ms = 0

    def at_once(self, now_ms: int) -> None:
        self.due_ms = now_ms

    def never(self) -> None:
        """There is no such part."""
        self.due_ms = _NEVER_MS
