"""The KMtronic board: ``FF ch op``. Small ones tell a relay, the others all at once."""

from sim.boards.base import Board

_HEAD, _SIZE, _QUERY = 0xFF, 3, 3
_ALL = b"\xff\x09\x00"
_SMALL = 2


class KmtronicBoard(Board):
    """A board with 1 to 8 relays."""

    max_channels = 8

    def _next_frame(self, now_ms: int) -> tuple[int, str, bytes]:
        frame = self._buffer[:_SIZE]
        if frame[0] != _HEAD or (len(frame) > 1 and frame[1] == _HEAD):
            return 1, "", b""
        if len(frame) < _SIZE:
            return 0, "", b""
        channel, operation = frame[1], frame[2]
        if frame == _ALL and len(self.coils) > _SMALL:
            return _SIZE, "status?", bytes(self._shown())
        if operation == _QUERY and len(self.coils) <= _SMALL and 1 <= channel <= len(self.coils):
            return _SIZE, f"channel {channel}?", bytes((_HEAD, channel, self._shown()[channel - 1]))
        if operation in (0, 1):
            return _SIZE, self.switch(channel, operation == 1, now_ms), b""
        return 1, "", b""


BOARD: type[Board] = KmtronicBoard
