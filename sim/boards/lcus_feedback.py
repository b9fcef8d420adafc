"""The LCUS board that answers: operations 03 on, 02 off, 05 query."""

from sim.boards.base import Board
from sim.boards.lcus import HEAD, LcusBoard

_SWITCH = {3: True, 2: False}
_QUERY = 5


class LcusFeedbackBoard(LcusBoard):
    """Takes the plain operations too, without a word."""

    def _do(self, channel: int, operation: int, now_ms: int) -> tuple[str, bytes]:
        if operation not in (*_SWITCH, _QUERY):
            return super()._do(channel, operation, now_ms)
        if not 1 <= channel <= len(self.coils):
            return f"channel {channel}: no such channel", b""
        if operation in _SWITCH:
            meaning = self.switch(channel, _SWITCH[operation], now_ms)
            on = self.coils[channel - 1]
        else:
            meaning = f"channel {channel}?"
            on = self._shown()[channel - 1]
        head = bytes((HEAD, channel, on))
        return meaning, head + bytes((sum(head) & 0xFF,))


BOARD: type[Board] = LcusFeedbackBoard
