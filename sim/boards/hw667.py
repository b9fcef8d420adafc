"""The HW-667 board: one relay, one byte a command, no answers."""

from sim.boards.base import Board

_ON, _OFF, _PULSE = 0xAA, 0xBB, 0xCC


class Hw667Board(Board):
    max_channels = 1

    def _next_frame(self, now_ms: int) -> tuple[int, str, bytes]:
        match self._buffer[0]:
            case byte if byte in (_ON, _OFF):
                return 1, self.switch(1, byte == _ON, now_ms), b""
            case byte if byte == _PULSE:
                return 1, self.pulse(1, 1_000, now_ms), b""
        return 1, "", b""


BOARD: type[Board] = Hw667Board
