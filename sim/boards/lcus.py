"""The LCUS board: takes ``A0 ch op sum``, answers ``FF`` with a line of text per channel.

A board has no clock for half frames: it looks for the next four bytes that
add up, so that a frame after garbage is still understood.
"""

from sim.boards.base import Board, Frame

_HEAD = 0xA0
_ASK = 0xFF
_SIZE = 4


class LcusBoard(Board):
    """An LCUS board with 1 to 8 relays."""

    max_channels = 8

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self._buffer = b""

    def receive(self, data: bytes, now_ms: int) -> bytes:
        self._buffer += data
        answer = b""
        noise = b""
        while self._buffer:
            size, meaning, reply = self._next_frame(now_ms)
            if size == 0:
                break
            taken, self._buffer = self._buffer[:size], self._buffer[size:]
            if not meaning:
                noise += taken
                continue
            noise = self._report_noise(noise, now_ms)
            self.on_frame(Frame(now_ms, True, taken, meaning))
            if reply:
                self.on_frame(Frame(now_ms, False, reply, "status"))
            answer += reply
        self._report_noise(noise, now_ms)
        return answer

    def power_off(self, now_ms: int) -> None:
        self._buffer = b""
        super().power_off(now_ms)

    def _next_frame(self, now_ms: int) -> tuple[int, str, bytes]:
        """Size, meaning and answer of what the buffer begins with; size 0: more bytes needed."""
        head = self._buffer[0]
        if head == _ASK:
            return 1, "status?", self._status()
        if head != _HEAD:
            return 1, "", b""
        frame = self._buffer[:_SIZE]
        if len(frame) < _SIZE:
            return 0, "", b""
        channel, operation = frame[1], frame[2]
        if frame[3] != sum(frame[:3]) & 0xFF or operation not in (0, 1):
            return 1, "", b""
        return _SIZE, self.switch(channel, operation == 1, now_ms), b""

    def _status(self) -> bytes:
        if len(self.coils) == 1:
            return b""  # LCUS-1 often answers nothing
        lines = (
            f"CH{channel}: {'ON ' if on else 'OFF'}\r\n"
            for channel, on in enumerate(self.coils, start=1)
        )
        return "".join(lines).encode()

    def _report_noise(self, noise: bytes, now_ms: int) -> bytes:
        if noise:
            self.on_frame(Frame(now_ms, True, noise, "not understood"))
        return b""


BOARD = LcusBoard
