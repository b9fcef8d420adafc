"""The R421A08 board: FC06 writes a verb into a channel's register, FC03 reads the coil."""

from sim.boards.base import Board
from sim.boards.modbus import ModbusBoard

_READ, _WRITE = 3, 6
_SWITCH = {0x0100: True, 0x0200: False}


class R421a08Board(ModbusBoard):
    """A board with 1 to 8 relays."""

    max_channels = 8
    functions = (_READ, _WRITE)

    def _do(self, frame: bytes, first: int, second: int, now_ms: int) -> tuple[str, bytes]:
        if not 1 <= first <= len(self.coils):
            return f"channel {first}: no such channel", b""
        if frame[1] == _READ:
            on = self._shown()[first - 1]
            return f"channel {first}?", bytes((self.address, _READ, 2, 0, on))
        if second in _SWITCH:
            return self.switch(first, _SWITCH[second], now_ms), frame[:-2]
        if second == 0x0500:
            return self.pulse(first, 1_000, now_ms), frame[:-2]
        if second >> 8 == 6 and second & 0xFF:
            return self.pulse(first, (second & 0xFF) * 1_000, now_ms), frame[:-2]
        return "a value that it doesn't take", b""


BOARD: type[Board] = R421a08Board
