"""The Devantech USB-RLY08: a byte a command; only ``5A`` and ``5B`` are answered."""

from sim.boards.base import Board

_IDENTITY, _STATUS = 0x5A, 0x5B
_ALL_ON, _ALL_OFF = 0x64, 0x6E


class DevantechBoard(Board):
    """A board with 1 to 8 relays."""

    max_channels = 8

    def _next_frame(self, now_ms: int) -> tuple[int, str, bytes]:
        byte = self._buffer[0]
        if byte == _IDENTITY:
            return 1, "who are you?", b"\x08\x01"
        if byte == _STATUS:
            mask = sum(on << at for at, on in enumerate(self._shown()))
            return 1, "status?", bytes((mask,))
        for first, on in ((_ALL_ON, True), (_ALL_OFF, False)):
            if byte == first:
                channels = range(1, len(self.coils) + 1)
                return 1, ", ".join(self.switch(each, on, now_ms) for each in channels), b""
            if first < byte <= first + 8:
                return 1, self.switch(byte - first, on, now_ms), b""
        return 1, "", b""


BOARD: type[Board] = DevantechBoard
