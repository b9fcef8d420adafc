"""The real clock. Only the outermost loop and the web server are given one."""

import time


class MonotonicClock:
    """Milliseconds since some moment before this program; setting the date doesn't move it."""

    def now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def sleep_ms(self, span_ms: int) -> None:
        time.sleep(span_ms / 1000)
