"""Nothing is written to the terminal by those who log, while it shows a face."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 100
"""So many errors are kept, the latest."""


@contextmanager
def held_log() -> Iterator[None]:
    """Errors are told afterwards, when the terminal is itself again; the rest is for the desk."""
    root = logging.getLogger()
    before = root.handlers[:]
    held = _Held()
    root.handlers[:] = [held]
    try:
        yield
    finally:
        root.handlers[:] = before
        for record in held.records:
            root.handle(record)


class _Held(logging.Handler):
    """Keeps errors."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: deque[logging.LogRecord] = deque(maxlen=MOST)

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
