"""``quench board``: an emulated board on a pty, and its switches to throw while it runs."""

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TextIO

from controller.errors import QuenchError
from controller.report import say
from drivers.hal import Clock
from sim.boards.base import Board, Frame
from sim.faults import Fault, Switch, UnknownFault, switch
from sim.hardware import emulated
from sim.pty_board import LinkInTheWay, PtyBoard

UNPLUG = "unplug"


class FramePrinter:
    """Prints each frame of a board, decoded, with the seconds since the start."""

    def __init__(self, start_ms: int, file: TextIO) -> None:
        self._start_ms = start_ms
        self._file = file

    def __call__(self, frame: Frame) -> None:
        seconds = (frame.at_ms - self._start_ms) / 1000
        arrow = "->" if frame.to_board else "<-"
        data = frame.data.hex(" ").upper()
        say(f"{seconds:9.3f} s  {arrow} board  {data:12} {frame.meaning}", self._file)


def run(
    dialect: str,
    *,
    channels: int,
    link: Path | None,
    faults: Sequence[str],
    clock: Clock,
    stopping: Callable[[], bool],
) -> None:
    """Be the board until ``stopping()`` or until somebody types ``quit``. Raises QuenchError."""
    board = emulated(dialect, channels)
    board.on_frame = FramePrinter(clock.now_ms(), sys.stdout)
    unplugged = UNPLUG in faults
    for fault in faults:
        if fault != UNPLUG:
            _throw(board, fault, clock.now_ms())
    with closing(_plugged(board, clock, link)) as pty:
        say(f"quench: {dialect} board with {channels} channels at {pty.path}")
        for thrown in board.faults:
            _say_thrown(thrown)
        hand = Hand(pty, clock)
        if unplugged:
            hand.do(UNPLUG)
        if sys.stdin and sys.stdin.isatty():
            say("quench: type 'help' for the switches that can be thrown")
        while not stopping() and not hand.done:
            hand.turn(wait_ms=100)


def _plugged(board: Board, clock: Clock, link: Path | None) -> PtyBoard:
    try:
        return PtyBoard(board, clock, link)
    except (LinkInTheWay, OSError) as error:
        raise QuenchError(_says(error, link)) from error


def _says(error: Exception, link: Path | None) -> str:
    if isinstance(error, OSError):
        return f"{link}: {(error.strerror or str(error)).lower()}"
    return str(error)


def _throw(board: Board, text: str, now_ms: int) -> Switch:
    """Throw the switch called ``text``. Raises QuenchError."""
    try:
        thrown = switch(text)
        board.throw(thrown, now_ms)
    except UnknownFault as error:
        raise QuenchError(f"{error}, {UNPLUG}") from error
    except ValueError as error:
        raise QuenchError(f"{text}: {error}") from error
    return thrown


def _say_thrown(thrown: Switch) -> None:
    say(f"quench: {thrown}: {thrown.fault.told}")


class Hand:
    """What a person types while the board runs, a line at a time."""

    def __init__(self, pty: PtyBoard, clock: Clock) -> None:
        self.done = False
        self._pty = pty
        self._clock = clock
        self._typed = b""
        # Python has none where a program is started with it closed.
        self._stdin: int | None = sys.stdin.fileno() if sys.stdin else None
        self._deeds: dict[str, Callable[[str], None]] = {
            "help": self._help,
            "coils": self._coils,
            UNPLUG: self._unplug,
            "plug": self._plug,
            "mend": self._mend,
            "quit": self._quit,
        }

    def turn(self, wait_ms: int) -> None:
        """A turn of the board; whole lines that were typed meanwhile are done."""
        # Reading from a terminal in the background would stop the whole program.
        ours = self._stdin is not None and _in_foreground(self._stdin)
        watched = [self._stdin] if ours and self._stdin is not None else []
        for stdin in self._pty.turn(wait_ms, watched):
            data = os.read(stdin, 4096)
            if not data:
                self._stdin = None  # nobody can type any more; the board goes on
            self._typed += data
            *lines, self._typed = self._typed.split(b"\n")
            for line in lines:
                self.do(line.decode(errors="replace"))

    def do(self, line: str) -> None:
        """Do as ``line`` says, or say why not."""
        words = line.split()
        if not words:
            return
        deed = self._deeds.get(words[0], self._toggle)
        try:
            deed(words[0] if deed == self._toggle else " ".join(words[1:]))
        except QuenchError as error:
            say(f"quench: {error}")

    def _help(self, _: str) -> None:
        for fault in Fault:
            say(f"  {fault.value:12} {fault.told}")
        say("               once more mends it; welded:2 and stuck-open:2 are of one channel alone")
        say("  mend         mend them all")
        say("  unplug       pull the cable")
        say("  plug [PATH]  put it in again, perhaps under another name")
        say("  coils        what is energised")
        say("  quit         end")

    def _toggle(self, text: str) -> None:
        board = self._pty.board
        thrown = next((each for each in board.faults if str(each) == text), None)
        if thrown is not None:
            board.faults.remove(thrown)
            say(f"quench: {thrown}: mended")
            return
        words = [*self._deeds, *(each.value for each in Fault)]
        near = [] if text.partition(":")[0] in words else difflib.get_close_matches(text, words, 1)
        try:
            thrown = _throw(board, text, self._clock.now_ms())
        except QuenchError as error:
            hint = f"; did you mean {near[0]}?" if near else "."
            raise QuenchError(f"{error}{hint} See 'help'") from error
        _say_thrown(thrown)

    def _mend(self, _: str) -> None:
        self._pty.board.mend()
        say("quench: mended")

    def _coils(self, _: str) -> None:
        lit = [str(at) for at, on in enumerate(self._pty.board.coils, start=1) if on]
        say(f"quench: ON: {', '.join(lit) or 'none'}")

    def _unplug(self, _: str) -> None:
        if not self._pty.plugged:
            raise QuenchError("the cable is out already; see 'plug'")
        self._pty.unplug()
        say("quench: unplugged")

    def _plug(self, path: str) -> None:
        if self._pty.plugged:
            raise QuenchError("the cable is in already; see 'unplug'")
        link = Path(path) if path else None
        try:
            self._pty.plug(link)
        except (LinkInTheWay, OSError) as error:
            raise QuenchError(_says(error, link)) from error
        say(f"quench: plugged in at {self._pty.path}")

    def _quit(self, _: str) -> None:
        self.done = True


def _in_foreground(terminal: int) -> bool:
    """Whether reading from ``terminal`` is ours to do; always true of a pipe or a file."""
    try:
        return not os.isatty(terminal) or os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
