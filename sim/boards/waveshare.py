"""The Waveshare board: FC05 switches and flashes coils, FC01 reads them."""

from sim.boards.base import Board
from sim.boards.modbus import ModbusBoard

_READ, _WRITE = 1, 5
_FLASH_ON = 0x0200
_SWITCH = {0xFF00: True, 0x0000: False}


class WaveshareBoard(ModbusBoard):
    """A board with 1 to 32 relays."""

    max_channels = 32
    functions = (_READ, _WRITE)

    def _do(self, frame: bytes, first: int, second: int, now_ms: int) -> tuple[str, bytes]:
        if frame[1] == _READ:
            return self._read(first, second)
        channel = (first & 0xFF) + 1
        if channel > len(self.coils):
            return f"channel {channel}: no such channel", b""
        if first & 0xFF00 == _FLASH_ON and 1 <= second <= 0x7FFF:
            return self.pulse(channel, second * 100, now_ms), frame[:-2]
        if first & 0xFF00 == 0 and second in _SWITCH:
            return self.switch(channel, _SWITCH[second], now_ms), frame[:-2]
        return "a value that it doesn't take", b""

    def _read(self, first: int, count: int) -> tuple[str, bytes]:
        coils = self._shown()[first : first + count]
        if len(coils) != count or not count:
            return "coils that it hasn't", b""
        bits = sum(on << at for at, on in enumerate(coils))
        size = (count + 7) // 8
        return f"channels {first + 1} to {first + count}?", bytes(
            (self.address, _READ, size)
        ) + bits.to_bytes(size, "little")


BOARD: type[Board] = WaveshareBoard
