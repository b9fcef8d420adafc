"""An emulated board on a pty: a path that any program can open as a serial port."""

import os
import select
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from drivers.hal import Clock
from sim.boards.base import Board


class LinkInTheWay(Exception):
    """The path for the link is taken by something that is not a link."""


class PtyBoard:
    """``board`` behind a pseudo-terminal. ``path`` is what a host opens."""

    def __init__(self, board: Board, clock: Clock, link: Path | None = None) -> None:
        """Raises LinkInTheWay or OSError if ``link`` can't be made."""
        self._board = board
        self._clock = clock
        # The board keeps the host's end open too, so that a host may come and go.
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self._link = link
        self.path = Path(os.ttyname(self._theirs))
        if link is not None:
            try:
                self._make(link)
            except BaseException:
                self._close_ends()
                raise
            self.path = link

    def _make(self, link: Path) -> None:
        if link.is_symlink():
            link.unlink()  # left by a board that was killed
        elif link.exists():
            raise LinkInTheWay(f"{link}: there is a file already; give another path, or remove it")
        link.symlink_to(os.ttyname(self._theirs))

    def run(self, stopping: Callable[[], bool]) -> None:
        """Be the board until ``stopping()``, which is asked ten times a second."""
        while not stopping():
            self.turn(wait_ms=100)

    def turn(self, wait_ms: int) -> None:
        """Take what arrives within ``wait_ms``, and answer it."""
        due_ms = self._board.due_ms()
        if due_ms is not None:
            wait_ms = min(wait_ms, max(0, due_ms - self._clock.now_ms()))
        ready, _, _ = select.select([self._ours], [], [], wait_ms / 1000)
        self._board.advance(self._clock.now_ms())
        if ready:
            answer = self._board.receive(os.read(self._ours, 4096), self._clock.now_ms())
            if answer:
                os.write(self._ours, answer)

    def close(self) -> None:
        """Pull it out: the path is gone, and a host that has it open gets errors."""
        if self._link is not None:
            with suppress(OSError):
                if str(self._link.readlink()) == os.ttyname(self._theirs):
                    self._link.unlink()
        self._close_ends()

    def _close_ends(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)
