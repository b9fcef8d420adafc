"""The Numato board: lines of text, echoed, then a prompt."""

import re

from sim.boards.base import Board

_NAMES = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
_LINE = re.compile(r"relay (on|off|read) ([0-9A-V])")


class NumatoBoard(Board):
    """A board with 1 to 32 relays."""

    max_channels = 32

    def _next_frame(self, now_ms: int) -> tuple[int, str, bytes]:
        line, end, _ = self._buffer.partition(b"\r")
        if not end:
            return 0, "", b""
        found = _LINE.search(line.decode("latin-1"))
        channel = _NAMES.index(found[2]) + 1 if found else 0
        if found is None or found.end() != len(line) or channel > len(self.coils):
            return len(line) + 1, "no command", b"\n\r>"
        echo = found[0].encode() + b"\n\r"
        if found[1] != "read":
            return len(line) + 1, self.switch(channel, found[1] == "on", now_ms), echo + b">"
        said = b"on" if self._shown()[channel - 1] else b"off"
        return len(line) + 1, f"channel {channel}?", echo + said + b"\n\r>"


BOARD: type[Board] = NumatoBoard
