"""The board's end of a pty: hears what a driver writes, and when its first byte came."""

import os
import select
import time
import tty

PATIENCE_S = 10

ON = bytes((0xA0, 1, 1, 0xA2))
OFF = bytes((0xA0, 1, 0, 0xA1))
"""An LCUS board's commands for channel 1."""


class PtyBoard:
    """A pty; :attr:`path` is what the driver opens. A blind board: it never answers."""

    def __init__(self) -> None:
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self.path = os.ttyname(self._theirs)

    def heard(self, frame: bytes) -> float:
        """Wait for ``frame``, which must come next; when its first byte could be read, in s."""
        data = b""
        first_s = 0.0
        while len(data) < len(frame):
            ready, _, _ = select.select([self._ours], [], [], PATIENCE_S)
            first_s = first_s or time.perf_counter()
            assert ready, f"the frame {frame.hex(' ')} never came"
            data += os.read(self._ours, len(frame) - len(data))
        assert data == frame, f"{data.hex(' ')} came instead of {frame.hex(' ')}"
        return first_s

    def close(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)
