"""The LCUS board: takes ``A0 ch op sum``, answers ``FF`` with a line of text per channel."""

from sim.boards.base import Board

HEAD = 0xA0
SIZE = 4
_ASK = 0xFF


class LcusBoard(Board):
    """An LCUS board with 1 to 8 relays."""

    max_channels = 8

    def _next_frame(self, now_ms: int) -> tuple[int, str, bytes]:
        head = self._buffer[0]
        if head == _ASK:
            return 1, "status?", self._status()
        if head != HEAD:
            return 1, "", b""
        frame = self._buffer[:SIZE]
        if len(frame) < SIZE:
            return 0, "", b""
        channel, operation = frame[1], frame[2]
        if frame[3] != sum(frame[:3]) & 0xFF:
            return 1, "", b""
        meaning, reply = self._do(channel, operation, now_ms)
        return (SIZE, meaning, reply) if meaning else (1, "", b"")

    def _do(self, channel: int, operation: int, now_ms: int) -> tuple[str, bytes]:
        """What ``operation`` does, in words, and the answer; no words if the board has none."""
        if operation not in (0, 1):
            return "", b""
        return self.switch(channel, operation == 1, now_ms), b""

    def _status(self) -> bytes:
        if len(self.coils) == 1:
            return b""  # LCUS-1 often answers nothing
        lines = (
            f"CH{channel}: {'ON ' if on else 'OFF'}\r\n"
            for channel, on in enumerate(self._shown(), start=1)
        )
        return "".join(lines).encode()


BOARD = LcusBoard
