"""The benches for ``drivers.contract`` whose boards are emulated: one in memory, one on a pty.

Only tests import this: it needs pytest, as the contract does.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from drivers.contract import WireRig
from drivers.contract.rig import AT_ONCE, unchanged
from drivers.hal import Driver, RelaySettings
from sim import protocol_sim
from sim.boards.base import Board, Switched
from sim.clock import VirtualClock
from sim.faults import switch
from sim.link import Wire
from sim.pty_board import PtyBoard


class _BoardRig(WireRig):
    """What they share: an emulated board, in virtual time."""

    clock: VirtualClock

    def __init__(
        self,
        driver: Driver,
        settings: RelaySettings,
        board: Board,
        clock: VirtualClock,
        noise: bytes,
    ) -> None:
        super().__init__(driver, settings, clock)
        self.noise = noise
        self.board = board
        self._told_on = 0
        board.on_switch = self._switched

    def energised(self) -> set[int]:
        return {channel for channel, on in enumerate(self.board.coils, start=1) if on}

    def told_on(self) -> int:
        return self._told_on

    def throw(self, fault: str) -> None:
        self.board.throw(switch(fault), self.clock.now_ms())

    def mend(self) -> None:
        self.board.mend()

    def _switched(self, switched: Switched) -> None:
        self._told_on += switched.on


class MemoryRig(_BoardRig):
    """``driver`` at one end of ``wire``; ``settings`` are a config's, whose port is the wire."""

    def __init__(
        self, driver: Driver, settings: RelaySettings, wire: Wire, noise: bytes = b""
    ) -> None:
        protocol_sim.register()
        assert isinstance(wire.clock, VirtualClock), "it would be waited for"
        settings = replace(settings, port=wire.url)
        super().__init__(driver, settings, wire.board, wire.clock, noise)
        self._wire = wire

    def pass_ms(self, span_ms: int) -> None:
        self.clock.sleep_ms(span_ms)
        self._wire.advance()

    def shape(
        self, change: Callable[[bytes], bytes] = unchanged, pieces: Iterator[int] = AT_ONCE
    ) -> None:
        self._wire.carry, self._wire.pieces = change, pieces

    def say(self, data: bytes) -> None:
        self._wire.say(data)

    def unplug(self) -> None:
        self._wire.unplug()

    def plug(self) -> None:
        self._wire.plug()

    @contextmanager
    def clogged(self) -> Iterator[None]:
        """All bytes arrive, which is the worst that can happen."""
        self._wire.write_timeouts = 1_000
        yield
        self._wire.write_timeouts = 0


class PtyRig(_BoardRig):
    """``driver`` at a real serial port, the pty ``link``; ``board`` at the other end of it.

    The board has a thread of its own, and both live in virtual time: how busy this
    computer is changes nothing. :meth:`close` it.
    """

    def __init__(
        self,
        driver: Driver,
        settings: RelaySettings,
        board: Board,
        link: Path,
        noise: bytes = b"",
    ) -> None:
        clock = VirtualClock()
        super().__init__(driver, replace(settings, port=str(link)), board, clock, noise)
        self._pty = PtyBoard(board, clock, link)
        self._stop, self._stopped = os.pipe()
        self._start()

    def close(self) -> None:
        self._halt()
        self._pty.close()
        os.close(self._stop)
        os.close(self._stopped)

    def pass_ms(self, span_ms: int) -> None:
        with self._halted():
            self.clock.sleep_ms(span_ms)
            self._pty.turn(0)

    def wait_until(self, so: Callable[[], bool]) -> None:
        with self._halted():
            for _ in range(2_000):
                if so():
                    return
                self._pty.turn(wait_ms=1)

    def shape(
        self, change: Callable[[bytes], bytes] = unchanged, pieces: Iterator[int] = AT_ONCE
    ) -> None:
        self._pty.carry, self._pty.pieces = change, pieces

    def say(self, data: bytes) -> None:
        self._pty.say(data)

    def unplug(self) -> None:
        with self._halted():
            self._pty.unplug()

    def plug(self) -> None:
        with self._halted():
            self._pty.plug()

    @contextmanager
    def clogged(self) -> Iterator[None]:
        """Nothing arrives."""
        with self._pty.clogged():
            yield

    def throw(self, fault: str) -> None:
        with self._halted():
            super().throw(fault)

    # -- its thread -----------------------------------------------------------------------

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._pty.turn(60_000, [self._stop]):
            pass

    def _halt(self) -> None:
        os.write(self._stopped, b".")
        self._thread.join()
        os.read(self._stop, 1)

    @contextmanager
    def _halted(self) -> Iterator[None]:
        """Meanwhile the board does nothing by itself, and is ours."""
        self._halt()
        try:
            yield
        finally:
            self._start()
