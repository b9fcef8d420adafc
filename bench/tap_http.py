"""Figure: from a tap's POST on loopback to the first relay byte, against a real ``quench run``."""

import time
from contextlib import closing
from pathlib import Path

from bench.config import DWELL_MS, written_for_many_taps
from bench.phone import Phone
from bench.program import QUENCH, READY, running
from bench.pty_board import OFF, ON, PtyBoard
from bench.report import Row
from bench.tap_row import compare

READ_S = (DWELL_MS + 10) / 1000
"""How long a visitor reads; the clocks round to whole milliseconds."""


def measure(folder: Path) -> list[Row]:
    with closing(PtyBoard()) as board:
        config = written_for_many_taps(folder, board.path)
        with running(QUENCH, "run", "--config", config) as controller:
            url = controller.wait_for(READY).group(1)
            with closing(Phone(url)) as phone:
                visitor = _Visitor(phone, board)
                row = compare(
                    folder,
                    visitor.visit,
                    figure="Tap to first relay byte, over HTTP and from sleep",
                    how="From the POST being sent, on loopback and a connection that stays open, to"
                    " the first byte of ON being readable at the board's end of the pty, with a"
                    " real `quench run` that had slept since the page was served; so a processor"
                    " that wakes, HTTP, the web thread and its handover are in it, which the"
                    " baseline has not, though it slept as long.",
                    pause_s=READ_S,
                )
                visitor.leave()
    return [row]


class _Visitor:
    """Comes again and again, by the QR code."""

    def __init__(self, phone: Phone, board: PtyBoard) -> None:
        self._phone = phone
        self._board = board
        self._path = ""
        self._board.heard(OFF)  # the machine's start

    def visit(self) -> float:
        """One drink; the seconds from the tap to the first byte of ON."""
        if self._path:
            self.leave()
        self._path = self._phone.scan(not_this=self._path)
        mark = self._phone.open(self._path)
        self._phone.get(f"{self._path}/shown?visit={mark}")
        time.sleep(READ_S)
        began_s = self._phone.tap(self._path, mark)
        heard_s = self._board.heard(ON)
        status, _ = self._phone.answer()
        assert status == 303, status
        return heard_s - began_s

    def leave(self) -> None:
        """Wait until the relay is told OFF."""
        self._board.heard(OFF)
