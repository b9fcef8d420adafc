"""An emulated board on a pty: a path that any program can open as a serial port."""

import os
import select
import termios
import tty
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fcntl import ioctl
from itertools import repeat
from pathlib import Path

from drivers.hal import Clock
from sim.boards.base import Board


class LinkInTheWay(Exception):
    """The path for the link is taken by something that is not a link."""


class PtyBoard:
    """``board`` behind a pseudo-terminal, plugged in. :attr:`path` is what a host opens."""

    def __init__(self, board: Board, clock: Clock, link: Path | None = None) -> None:
        """Raises LinkInTheWay or OSError if ``link`` can't be made."""
        self.board = board
        self.carry: Callable[[bytes], bytes] = lambda answer: answer
        """What becomes of an answer on its way: a test's hand on the wire."""
        self.pieces: Iterator[int] = repeat(65_536)
        """How many bytes of it are sent at a time."""
        self._clock = clock
        self._link = link
        self._ends: tuple[int, int] | None = None
        self.plug(link)

    @property
    def plugged(self) -> bool:
        return self._ends is not None

    def plug(self, link: Path | None = None) -> None:
        """Put the cable in: under ``link``, or under the name that it had.

        Without any link its name is the pty's own, another one each time. Raises
        LinkInTheWay or OSError, and stays out.
        """
        assert self._ends is None, "it is out"
        # The board keeps the host's end open too, so that a host may come and go.
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        self.path = Path(os.ttyname(theirs))
        link = link or self._link
        if link is not None:
            try:
                _make(link, self.path)
            except BaseException:
                os.close(ours)
                os.close(theirs)
                raise
            self.path = self._link = link
        self._ends = ours, theirs

    def unplug(self) -> None:
        """Pull it out: the path is gone, a host that has it open gets errors, coils fall."""
        self.board.power_off(self._clock.now_ms())
        self.close()

    def turn(self, wait_ms: int, also: Sequence[int] = ()) -> list[int]:
        """Take what arrives within ``wait_ms``, and answer it.

        Returns which of the files ``also`` can be read; one of them ends the wait.
        """
        due_ms = self.board.due_ms()
        if due_ms is not None:
            wait_ms = min(wait_ms, max(0, due_ms - self._clock.now_ms()))
        ours = [] if self._ends is None else [self._ends[0]]
        ready, _, _ = select.select([*ours, *also], [], [], wait_ms / 1000)
        answer = self.board.advance(self._clock.now_ms())
        if self._ends is not None:
            if self._ends[0] in ready:
                data = os.read(self._ends[0], 4096)
                answer += self.board.receive(data, self._clock.now_ms())
            self._answer(self._ends[0], answer)
        return [each for each in also if each in ready]

    def _answer(self, ours: int, answer: bytes) -> None:
        answer = self.carry(answer) if answer else b""
        while answer:
            size = next(self.pieces)
            with suppress(BlockingIOError):  # nobody reads; a board doesn't wait
                os.write(ours, answer[:size])
            answer = answer[size:]
            select.select([], [], [], 0)  # it is the host's turn

    def say(self, data: bytes) -> None:
        """Send ``data`` to the host, which asked nothing, and return when it is there."""
        assert self._ends is not None, "it is in"
        ours, theirs = self._ends
        there = _unread(theirs) + len(data)
        os.write(ours, data)
        while _unread(theirs) < there:
            select.select([], [], [], 0)

    @contextmanager
    def clogged(self) -> Iterator[None]:
        """Meanwhile nothing gets through, and a host's writes time out."""
        assert self._ends is not None, "it is in"
        _, theirs = self._ends
        termios.tcflow(theirs, termios.TCOOFF)
        try:
            yield
        finally:
            termios.tcflow(theirs, termios.TCOON)

    def close(self) -> None:
        """The path is gone, and a host that has it open gets errors; the board stays as it is."""
        if self._ends is None:
            return
        ours, theirs = self._ends
        if self._link is not None:
            with suppress(OSError):
                if str(self._link.readlink()) == os.ttyname(theirs):
                    self._link.unlink()
        self._ends = None
        os.close(ours)
        os.close(theirs)


def _unread(end: int) -> int:
    """How many bytes wait at this end of a pty."""
    size = array("i", [0])
    ioctl(end, termios.FIONREAD, size)
    return size[0]


def _make(link: Path, target: Path) -> None:
    if link.is_symlink():
        link.unlink()  # left by a board that was killed
    elif link.exists():
        raise LinkInTheWay(f"{link}: there is a file already; give another path, or remove it")
    link.symlink_to(target)
